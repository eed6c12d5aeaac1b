"""The tests' own servers: they end with whoever started them, and a missing one is never passed over in CI."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from processes import ROOT
from servers import Postgres, Redis, Server, answers, unavailable, wait_until

_HOLDER = """
import sys, time
sys.path.insert(0, "tests/support")
import servers
server = getattr(servers, sys.argv[1])()
server.start()
print(server.port, server.process.pid, server.folder, flush=True)
time.sleep(600)
"""


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["Postgres", "Redis", "S3"])
def test_a_server_ends_when_the_tests_are_killed(kind: str) -> None:
    command = [sys.executable, "-c", _HOLDER, kind]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        port, pid, folder = holder.stdout.readline().split()
        assert answers(int(port))
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    wait_until(lambda: not answers(int(port)) and not _exists(int(pid)), f"the end of {kind}", 20)
    subprocess.run(["rm", "-r", folder], check=True)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.servers
@pytest.mark.parametrize("kind", [Postgres, Redis])
def test_a_server_comes_back_on_its_port_after_a_power_cut_and_leaves_nothing(kind: type[Server]) -> None:
    server = kind()
    try:
        server.start()
        port = server.port
        server.kill()
        assert not answers(port)
        server.start()
        assert answers(port)
    finally:
        server.close()
    assert not answers(port)
    assert not server.folder.exists()


def test_what_is_missing_is_skipped_at_home_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt install x"):
        unavailable("apt install x")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt install x"):
        unavailable("apt install x")
