"""`distill up` for real: one owner a home, clear refusals, children that come back, and nothing left behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from servers import wait_until

from distillery import Client
from distillery.config import read_connection

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "own home"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start `distill ...` in an empty folder; whatever still runs afterwards is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DISTILLERY_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "distillery", *arguments],
            env={**clean, "COLUMNS": "300", "HOME": str(tmp_path), **environment},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    seen = ""
    while words not in seen:
        line = process.stdout.readline()
        assert line, seen + (process.stderr.read() if process.stderr else "")
        seen += line
    return seen


def children(pid: int) -> dict[str, int]:
    """Our modules that run as children of a process, by name."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            words = (entry / "cmdline").read_text().split("\0")
        except OSError:
            continue
        if parent == pid and "-m" in words:
            found[words[words.index("-m") + 1]] = int(entry.name)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_up_serves_refuses_a_second_one_heals_its_children_and_leaves_nothing(home: Path, run: Run) -> None:
    first = run("up", "--home", str(home), "--port", "0")
    said = read_until(first, "stop")
    assert "Distillery is ready: http://127.0.0.1:" in said
    connection = read_connection(home)
    assert connection is not None
    assert connection.url in said
    assert str(connection.key) not in said
    with Client(home=home) as client:
        assert client.overview()["workers"] == 1

        second = run("up", "--home", str(home), "--port", "0")
        assert second.wait(30) == 5
        assert second.stderr is not None
        (sentence,) = second.stderr.read().splitlines()
        assert f"process {first.pid} at {connection.url}" in sentence

        before = children(first.pid)
        assert set(before) == {"api", "worker"}
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: set(children(first.pid)) == set(before), "the children's return", 30)
        wait_until(lambda: _answers(connection.url), "the API's return", 60)
        after = children(first.pid)
        assert set(after.values()).isdisjoint(before.values())
        wait_until(lambda: after["worker"] in [w["facts"]["pid"] for w in client.workers()], "the worker's return", 60)

    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 0
    assert not any(alive(pid) for pid in after.values())

    again = run("up", "--home", str(home), "--port", "0")
    read_until(again, "stop")
    found = read_connection(home)
    assert found is not None
    assert found.key == connection.key
    again.send_signal(signal.SIGTERM)
    assert again.wait(60) == 0


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).is_success
    except httpx.TransportError:
        return False


def test_up_in_the_background_takes_another_worker_and_is_stopped_by_down(home: Path, run: Run) -> None:
    up = run("up", "--home", str(home), "--port", "0", "--detach")
    said, _ = up.communicate(timeout=120)
    assert up.returncode == 0, said
    assert "distill down" in said
    with Client(home=home) as client:
        pids = [worker["facts"]["pid"] for worker in client.workers()]
        more = run("--home", str(home), "worker")
        wait_until(lambda: more.pid in [w["facts"]["pid"] for w in client.workers()], "a second worker", 60)
        more.terminate()
        assert more.wait(60) == 0
        assert more.pid not in [worker["facts"]["pid"] for worker in client.workers()]
    down = run("down", "--home", str(home))
    assert down.communicate(timeout=90)[0] == "Stopped.\n"
    assert not any(alive(pid) for pid in pids)
    again = run("down", "--home", str(home))
    assert "Nothing runs" in again.communicate(timeout=30)[0]


def test_a_port_in_use_is_one_sentence(home: Path, run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = run("up", "--home", str(home), "--port", str(port))
        _, errors = up.communicate(timeout=30)
    assert up.returncode == 5
    assert errors == f"Port {port} is in use on 127.0.0.1: choose another with --port (0 = any free one).\n"


def test_an_api_that_cannot_start_is_told_with_its_last_lines(home: Path, run: Run) -> None:
    up = run("up", "--home", str(home), "--port", "0", DISTILLERY_SECRET="short")
    _, errors = up.communicate(timeout=60)
    assert up.returncode == 5
    assert "The api ended with exit code 2. Its last lines:" in errors
    assert "shorter than 32 characters" in errors


def test_a_wrong_setting_is_told_with_its_name(home: Path, run: Run) -> None:
    up = run("up", "--home", str(home), "--port", "0", DISTILLERY_LEASE_SECONDS="3")
    _, errors = up.communicate(timeout=60)
    assert up.returncode == 5
    assert "DISTILLERY_LEASE_SECONDS" in errors


def test_up_that_is_killed_takes_its_children_along(home: Path, run: Run) -> None:
    up = run("up", "--home", str(home), "--port", "0")
    read_until(up, "stop")
    left = children(up.pid)
    up.kill()
    up.wait()
    wait_until(lambda: not any(alive(pid) for pid in left.values()), "the children's end", 60)
    assert read_connection(home) is not None
