"""A home belongs to one user and to one service at a time."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from servers import free_port, wait_until

from distillery.config import Connection, read_connection
from distillery.errors import ServiceError
from distillery.home import Home, write_private
from distillery.processes import Child
from distillery.service import require_extras, usable_port


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_nobody_else_can_read_a_home(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        home = Home(tmp_path / "a" / "home")
        home.make()
        home.remember(Connection("http://127.0.0.1:1", "dk_x"))
    finally:
        os.umask(old)
    assert mode(home.path) == 0o700
    assert mode(home.secret) == 0o600
    assert mode(home.path / "client.json") == 0o600
    assert read_connection(home.path) == Connection("http://127.0.0.1:1", "dk_x")


def test_the_secret_is_made_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    first = home.secret.read_text()
    home.make()
    assert home.secret.read_text() == first
    assert len(first.strip()) == 64


def test_a_second_owner_learns_who_the_first_one_is(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    with home.hold() as lock:
        home.announce(lock, url="http://127.0.0.1:8400", ready=True)
        with pytest.raises(ServiceError) as refused, home.hold():
            pass
        assert home.holder() == {"pid": os.getpid(), "url": "http://127.0.0.1:8400", "ready": True}
    message = str(refused.value)
    for words in (str(home.path), f"process {os.getpid()}", "http://127.0.0.1:8400", "distill down", "--home"):
        assert words in message
    assert "\n" not in message


def test_a_home_is_free_again_when_its_owner_dies(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    code = (
        "import sys, time; from pathlib import Path; from distillery.home import Home\n"
        "with Home(Path(sys.argv[1])).hold(): print('held', flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(home.path)], stdout=subprocess.PIPE)
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        assert (home.holder() or {})["pid"] == owner.pid
    finally:
        owner.kill()
        owner.wait()
    assert home.holder() is None
    with home.hold():
        pass


def test_a_home_that_is_a_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(ServiceError, match="choose another with --home"):
        Home(tmp_path / "home").make()


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "client.json"
    stop = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not stop.is_set():
            if path.exists():
                seen.append(len(json.loads(path.read_text())["key"]))

    reader = threading.Thread(target=read)
    reader.start()
    for size in range(1, 200):
        write_private(path, json.dumps({"key": "x" * size * 50}))
    stop.set()
    reader.join()
    assert seen


def test_a_port_in_use_is_one_sentence_with_the_remedy() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError) as refused:
            usable_port("127.0.0.1", port)
    assert str(refused.value) == f"Port {port} is in use on 127.0.0.1: choose another with --port (0 = any free one)."


def test_port_zero_is_a_free_port_and_a_free_port_is_itself() -> None:
    assert usable_port("127.0.0.1", 0) > 0
    port = free_port()
    assert usable_port("127.0.0.1", port) == port


def test_an_unknown_host_is_refused() -> None:
    with pytest.raises(ServiceError, match="--host"):
        usable_port("no-such-host.invalid", 0)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distillery.service.NEEDED", {"api": ("json", "no_such_module_here"), "worker": ("os",)})
    with pytest.raises(ServiceError) as refused:
        require_extras("distill up", "api", "worker")
    assert "no_such_module_here" in str(refused.value)
    assert "pip install 'distillery[api,worker]'" in str(refused.value)


def test_looking_for_extras_imports_none_of_them() -> None:
    code = (
        "import sys; from distillery.service import require_extras; require_extras('up', 'api', 'worker')\n"
        "heavy = {'torch', 'fastapi', 'celery', 'sqlalchemy', 'kdcore', 'store', 'api', 'worker'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """A module that says its pid and waits; it stands on PYTHONPATH as ours stand in the environment."""
    (tmp_path / "sleeper.py").write_text(
        "import os, sys, time\nprint('pid', os.getpid(), flush=True)\n"
        "time.sleep(float(os.environ.get('NAP', 60)))\nprint('over', flush=True)\nsys.exit(3)\n"
    )
    return Child("sleeper", {**os.environ, "PYTHONPATH": str(tmp_path)}, tmp_path / "sleeper.log")


def test_a_child_has_a_group_of_its_own_and_its_output_in_its_log(child: Child) -> None:
    child.start()
    try:
        assert child.process is not None
        wait_until(lambda: "pid" in child.last_lines(), "the child's first line")
        assert child.last_lines() == f"pid {child.process.pid}"
        assert os.getpgid(child.process.pid) == child.process.pid != os.getpgid(0)
    finally:
        child.stop(5)
    assert not child.alive
    assert child.ending == "was ended by SIGTERM"


def test_a_child_that_dies_is_started_again_after_pauses_that_grow(child: Child) -> None:
    child.environment = {**child.environment, "NAP": "0"}
    child.start()
    assert child.process is not None
    child.process.wait()
    sentence = child.restart_when_due()
    assert sentence is not None
    assert "ended with exit code 3; starting it again in 0.5 s" in sentence
    assert child.restart_when_due() is None
    wait_until(lambda: child.restart_when_due() is None and child.due is None, "the restart")
    child.process.wait()
    second = child.restart_when_due()
    assert second is not None
    assert "in 1 s" in second
    child.stop(1)


def test_children_end_with_whoever_started_them(child: Child, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from distillery.processes import Child; import os\n"
        "c = Child('sleeper', dict(os.environ), Path(sys.argv[1])); c.start(); print(c.process.pid, flush=True)\n"
        "time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(child.log)], stdout=subprocess.PIPE, env=dict(child.environment)
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    wait_until(lambda: "pid" in child.last_lines(), "the child's first line")
    parent.kill()
    parent.wait()
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or _is_zombie(pid), "the child's end", 10)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
