"""Files are checked by forks of one warm process: each alone, none harmed by another, and none left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kdcore.export import warm as warm_module
from kdcore.export.warm import Ended, Warm


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    found = Warm()
    yield found
    if found._process is not None and found._process.stdin is not None:
        found._process.stdin.close()
        found._process.wait(10)


def loaded(warm: Warm, folder: Path, body: str, timeout: float = 60) -> Ended:
    """How the check of a loader ends whose ``load_student`` does this."""
    loader, inputs = folder / "load_student.py", folder / "inputs.npy"
    loader.write_text(
        f"import os, sys, time\n\n\ndef load_student():\n    {body}\n    return lambda given: given * 2\n"
    )
    np.save(inputs, np.ones((3, 2), dtype=np.float32))
    return warm.run(["loader", str(loader), str(inputs), str(folder / "outputs.npy")], timeout)


def test_a_file_is_run_and_its_answers_are_left(warm: Warm, tmp_path: Path) -> None:
    assert loaded(warm, tmp_path, "pass") == Ended(0)
    assert (np.load(tmp_path / "outputs.npy") == 2).all()


def test_what_needs_our_code_fails_where_there_must_be_none(warm: Warm, tmp_path: Path) -> None:
    ended = loaded(warm, tmp_path, "import kdcore.models")
    assert ended.code == 1
    assert "kdcore" in ended.stderr


@pytest.mark.parametrize(
    ("body", "code"),
    [("os.kill(os.getpid(), 9)", -signal.SIGKILL), ("os._exit(7)", 7), ("os.close(0); os.close(1); os._exit(3)", 3)],
)
def test_a_file_that_takes_its_process_down_takes_nothing_else(
    warm: Warm, tmp_path: Path, body: str, code: int
) -> None:
    assert loaded(warm, tmp_path, body).code == code
    assert loaded(warm, tmp_path, "pass") == Ended(0)


def test_what_one_file_does_to_its_process_the_next_does_not_see(warm: Warm, tmp_path: Path) -> None:
    assert loaded(warm, tmp_path, "sys.modules['numpy'] = None; os.environ['SEEN'] = 'yes'").code == 0
    assert loaded(warm, tmp_path, "import numpy; assert 'SEEN' not in os.environ").code == 0


def test_a_file_that_never_answers_is_ended(warm: Warm, tmp_path: Path) -> None:
    assert loaded(warm, tmp_path, "time.sleep(600)", timeout=0.5) == Ended(-signal.SIGALRM, "", late=True)


def test_a_server_that_was_killed_is_started_again(tmp_path: Path) -> None:
    warm = Warm()
    process = warm._started()
    process.kill()
    process.wait()
    assert loaded(warm, tmp_path, "pass") == Ended(0)
    assert warm._process is not None
    warm._process.kill()
    warm._process.wait()


def test_a_wait_that_was_broken_off_leaves_no_answer_for_the_next_file(
    warm: Warm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(process: subprocess.Popen[str], request: dict[str, object]) -> str:
        assert process.stdin is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(warm_module, "_reply", interrupted)
        with pytest.raises(KeyboardInterrupt):
            loaded(warm, tmp_path, "os._exit(7)")
    assert loaded(warm, tmp_path, "pass") == Ended(0)


def test_a_server_that_does_not_answer_is_ended_and_the_next_file_has_another(
    warm: Warm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loaded(warm, tmp_path, "pass") == Ended(0)
    assert warm._process is not None
    with monkeypatch.context() as patched:
        patched.setattr(warm_module, "START_SECONDS", 0)
        warm._process.send_signal(signal.SIGSTOP)
        assert loaded(warm, tmp_path, "pass", timeout=0.2).code == -signal.SIGKILL
    assert loaded(warm, tmp_path, "pass") == Ended(0)


def test_an_interrupt_at_the_terminal_is_for_whoever_started_it(warm: Warm, tmp_path: Path) -> None:
    assert loaded(warm, tmp_path, "pass") == Ended(0)
    assert warm._process is not None
    warm._process.send_signal(signal.SIGINT)
    assert loaded(warm, tmp_path, "pass") == Ended(0)
    assert warm._process.poll() is None


def test_it_ends_with_whoever_started_it() -> None:
    code = "from kdcore.export.warm import SERVER\nprint(SERVER._started().pid, flush=True)\ninput()"
    owner = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    deadline = time.monotonic() + 60
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
