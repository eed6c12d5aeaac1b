"""`distill demo` interrupted and killed: it leaves nothing running, and the next one is not held up."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from servers import wait_until

from distillery.demo import clean_environment
from distillery.home import Home

pytestmark = pytest.mark.slow


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "distillery", "demo", "--output", "out"],
        env={**clean_environment(os.environ), "HOME": str(folder)},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    seen = ""
    while words not in seen:
        line = process.stdout.readline()
        assert line, seen + (process.stderr.read() if process.stderr else "")
        seen += line
    return seen


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes whose environment points into the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().decode().replace("\0", " "))
        except OSError:
            continue
    return [line for line in found if line]


def test_a_demo_that_is_killed_or_interrupted_leaves_nothing_behind(tmp_path: Path) -> None:
    killed = start(tmp_path)
    try:
        read_until(killed, "phase prepare")
    finally:
        killed.kill()
        killed.communicate()
    wait_until(lambda: not processes_of(tmp_path), "the end of everything that it started", 90)
    assert Home(tmp_path / ".distillery" / "demo").holder() is None

    began = time.monotonic()
    second = start(tmp_path)
    try:
        # The killed demo's job would be served first if it had not been cancelled.
        read_until(second, "phase prepare")
        assert time.monotonic() - began < 60
        second.send_signal(signal.SIGINT)
        said, errors = second.communicate(timeout=90)
    finally:
        second.kill()
        second.communicate()
    assert second.returncode == 130, said + errors
    assert "Traceback" not in errors
    assert "the job is cancelled" in said
    assert processes_of(tmp_path) == []
    assert not (tmp_path / "out").exists()
