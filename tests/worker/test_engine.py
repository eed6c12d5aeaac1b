"""The handle of an engine process, tried on real engines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers import wait_until

from worker.engine import FAILED, STOPPED, SUPERVISOR_GONE, Engine, Record
from worker.environment import engine_environment

Spawn = Callable[[], Engine]
WARM_SECONDS = 120


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    engines: list[Engine] = []

    def start() -> Engine:
        log = tmp_path / f"engine-{len(engines)}.log"
        engines.append(Engine.spawn(log, engine_environment(tmp_path / "cache", None, threads=1)))
        return engines[-1]

    yield start
    for engine in engines:
        if not engine.closed:
            engine.close()


@pytest.fixture
def warm(spawn: Spawn) -> Callable[[], Engine]:
    def start() -> Engine:
        engine = spawn()
        assert [record["type"] for record in _until(engine, "ready")] == ["ready"]
        return engine

    return start


def test_an_engine_warms_up_and_leaves_when_it_is_asked_to(warm: Spawn) -> None:
    engine = warm()
    engine.stop("drain", grace_seconds=30)
    _until_the_end(engine)
    exit_ = engine.close()
    assert (exit_.code, exit_.signal, exit_.killed_by_us) == (STOPPED, None, False)


def test_an_engine_has_a_session_and_a_group_of_its_own(warm: Spawn) -> None:
    engine = warm()
    assert os.getsid(engine.pid) == os.getpgid(engine.pid) == engine.pid != os.getsid(0)


def test_a_plan_that_is_none_ends_with_an_error_record(warm: Spawn, tmp_path: Path) -> None:
    engine = warm()
    assert engine.order("job", plan={"nonsense": True}, workdir=str(tmp_path / "work"))
    records = _until_the_end(engine)
    assert [record["type"] for record in records] == ["error"]
    assert records[0]["code"] == "internal"
    assert engine.close().code == FAILED
    assert "Traceback" in engine.log_path.read_text()


def test_an_engine_ends_by_itself_when_its_lease_is_not_renewed(spawn: Spawn) -> None:
    engine = spawn()
    engine.order("lease", deadline=time.monotonic() + 1.5)
    _until_the_end(engine, seconds=10)
    exit_ = engine.close()
    assert exit_.lease_over
    assert not exit_.killed_by_us


def test_a_renewal_moves_the_deadline(spawn: Spawn) -> None:
    engine = spawn()
    engine.order("lease", deadline=time.monotonic() + 1.5)
    engine.order("lease", deadline=time.monotonic() + 60)
    time.sleep(2.5)
    engine.read(0)
    assert not engine.ended


def test_an_engine_that_thaws_after_its_deadline_is_ended_by_the_kernel_at_once(spawn: Spawn) -> None:
    engine = spawn()
    engine.order("lease", deadline=time.monotonic() + 3)
    time.sleep(2)
    _freeze(engine)
    time.sleep(2)
    engine.read(0)
    assert not engine.ended
    os.kill(engine.pid, signal.SIGCONT)
    _until_the_end(engine, seconds=5)
    assert engine.close().lease_over


def test_the_end_of_its_orders_is_the_end_of_an_engine(spawn: Spawn, tmp_path: Path) -> None:
    written, records = os.pipe()
    command = [sys.executable, "-m", "kdcore.host", "--records-fd", str(records)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(records,)) as process:
        os.close(records)
        assert process.stdin is not None
        assert b'"ready"' in os.read(written, 10_000)
        process.stdin.close()
        assert process.wait(10) == SUPERVISOR_GONE
    os.close(written)


def test_a_kill_ends_the_engine_s_children_too(spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nsleep 600 &\necho $! > {tmp_path}/child\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    engine = spawn()
    wait_until((tmp_path / "child").exists, "the child", seconds=10)
    wait_until(lambda: bool((tmp_path / "child").read_text()), "the child's number", seconds=10)
    child = int((tmp_path / "child").read_text())
    engine.kill()
    assert engine.close().signal == signal.SIGKILL
    wait_until(lambda: not _lives(child), "the child's end", seconds=5)


def test_an_engine_that_dies_by_itself_takes_its_children_along(
    spawn: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {tmp_path}/child\nexit 3\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    engine = spawn()
    _until_the_end(engine, seconds=10)
    child = int((tmp_path / "child").read_text())
    assert _lives(child)
    exit_ = engine.close()
    assert (exit_.code, exit_.killed_by_us) == (3, False)
    wait_until(lambda: not _lives(child), "the child's end", seconds=5)


def test_an_engine_that_ignores_the_request_is_killed_when_its_grace_is_over(spawn: Spawn) -> None:
    engine = spawn()
    _freeze(engine)
    engine.stop("cancel", grace_seconds=2)
    engine.enforce()
    engine.read(0.1)
    assert not engine.ended
    time.sleep(2)
    engine.enforce()
    _until_the_end(engine, seconds=5)
    exit_ = engine.close()
    assert (exit_.signal, exit_.killed_by_us) == (signal.SIGKILL, True)


def test_a_cancel_overrides_a_pause_but_not_the_other_way_round(spawn: Spawn) -> None:
    engine = spawn()
    _freeze(engine)
    engine.stop("pause", grace_seconds=600)
    engine.stop("cancel", grace_seconds=0)
    engine.stop("drain", grace_seconds=600)
    assert engine.stop_reason == "cancel"
    engine.enforce()
    _until_the_end(engine, seconds=5)


def test_orders_to_a_dead_engine_are_refused_and_signals_go_nowhere(spawn: Spawn) -> None:
    engine = spawn()
    engine.kill()
    _until_the_end(engine, seconds=10)
    assert not engine.order("lease", deadline=0)
    engine.close()
    assert not engine.order("lease", deadline=0)
    engine.kill()
    engine.stop("cancel", 0)


def test_an_engine_dies_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = f"""
        from pathlib import Path
        from worker.engine import Engine
        from worker.environment import engine_environment
        engine = Engine.spawn(Path({str(tmp_path)!r}, "log"), engine_environment(Path({str(tmp_path)!r}), None, 1))
        while not engine.read(60):
            pass
        print(engine.pid, flush=True)
        while True:
            engine.read(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        engine = int(supervisor.stdout.readline())
        assert _lives(engine)
        supervisor.kill()
        wait_until(lambda: not _lives(engine), "the engine's end", seconds=5)


def test_other_processes_may_not_look_into_an_engine() -> None:
    program = """
        import ctypes, os
        from kdcore.host.guard import harden
        harden(os.getppid())
        prctl, death = ctypes.CDLL(None).prctl, ctypes.c_int()
        prctl(2, ctypes.byref(death))
        print(prctl(3), death.value, os.getsid(0) == os.getpid())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", str(int(signal.SIGKILL)), "True"]


def test_the_log_follows_its_job(warm: Spawn, tmp_path: Path) -> None:
    engine = warm()
    engine.move_log(tmp_path / "moved.log")
    engine.dump_stacks()
    wait_until(lambda: "most recent call first" in (tmp_path / "moved.log").read_text(), "the stacks", seconds=10)


def _until(engine: Engine, kind: str, seconds: float = WARM_SECONDS) -> list[Record]:
    records: list[Record] = []
    until = time.monotonic() + seconds
    while not any(record["type"] == kind for record in records):
        assert not engine.ended, engine.log_path.read_text()
        assert time.monotonic() < until, f"no {kind} record after {seconds} s"
        records += engine.read(0.5)
    return records


def _until_the_end(engine: Engine, seconds: float = 30) -> list[Record]:
    records: list[Record] = []
    until = time.monotonic() + seconds
    while not engine.ended:
        assert time.monotonic() < until, f"the engine still runs after {seconds} s"
        records += engine.read(0.2)
    return records


def _freeze(engine: Engine) -> None:
    os.kill(engine.pid, signal.SIGSTOP)
    wait_until(lambda: _state(engine.pid) == "T", "the frozen engine", seconds=10)


def _lives(pid: int) -> bool:
    return _state(pid) not in "ZX"


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "X"
