"""An engine that prints without end fills no disk, and what it printed last is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker import enginelog
from worker.enginelog import EngineLog


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> EngineLog:
    monkeypatch.setattr(enginelog, "_LOOK_SECONDS", 0)
    return EngineLog(1000)


def test_a_short_log_stays_as_it_is(log: EngineLog, tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    path.write_text("all of it\n")
    log.turn_when_due(path)
    assert log.whole(path).read_text() == "all of it\n"


def test_a_long_log_is_turned_over_while_the_engine_writes_on(log: EngineLog, tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    with path.open("ab", buffering=0) as engine:  # as the engine has it: always at the end
        for number in range(1000):
            engine.write(f"line {number:04}\n".encode())
            log.turn_when_due(path)
            assert path.stat().st_size <= 1010
    whole = log.whole(path).read_text()
    assert len(whole) <= 2100
    assert [line for line in whole.splitlines() if line.startswith("line ")][-1] == "line 0999"
    assert log.whole(path).read_text() == whole
    numbers = [int(line.split()[1]) for line in whole.splitlines() if line.startswith("line ")]
    assert numbers == list(range(numbers[0], 1000))


def test_a_log_that_is_gone_is_no_trouble(log: EngineLog, tmp_path: Path) -> None:
    log.turn_when_due(tmp_path / "none")


def test_without_room_to_join_its_parts_the_log_is_its_last_part(log: EngineLog, tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    path.write_text("the end\n")
    (tmp_path / "engine.log.1").mkdir()  # nothing can be appended to it, as on a full disk
    assert log.whole(path).read_text() == "the end\n"
