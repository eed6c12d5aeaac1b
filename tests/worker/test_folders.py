"""The worker's folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.folders import LOG_TAIL_LINES, Folders, inside, log_tail


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "runs/../../secret", "link/secret"])
def test_an_engine_cannot_name_a_file_outside_its_folder(tmp_path: Path, path: str) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="outside"):
        inside(work, path)


def test_a_file_inside_is_found(tmp_path: Path) -> None:
    assert inside(tmp_path, "runs/distil/checkpoint.pt") == tmp_path / "runs" / "distil" / "checkpoint.pt"


def test_the_tail_of_a_log_is_its_last_lines_without_the_machine_s_paths(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    log.write_text("".join(f"{tmp_path}/work/run.py line {number}\n" for number in range(1000)))
    tail = log_tail(log, hide=tmp_path)
    assert len(tail) == LOG_TAIL_LINES
    assert tail[-1] == "work/run.py line 999"
    assert str(tmp_path) not in "".join(tail)


def test_a_log_that_was_never_written_has_no_tail(tmp_path: Path) -> None:
    assert log_tail(tmp_path / "none.log", hide=tmp_path) == []


def test_discarding_the_last_attempt_removes_the_job_s_folder_and_no_other(tmp_path: Path) -> None:
    folders = Folders(tmp_path, "wrk_a")
    mine, other = folders.attempt("job_a", 2), folders.attempt("job_b", 1)
    for folder in (folders.attempt("job_a", 1), mine, other):
        (folder / "work").mkdir(parents=True)
    assert sorted((job, number) for job, number, _ in folders.attempts()) == [("job_a", 1), ("job_a", 2), ("job_b", 1)]
    folders.discard(mine)
    assert folders.attempt("job_a", 1).exists()
    folders.discard(folders.attempt("job_a", 1))
    assert not (folders.root / "job_a").exists()
    assert other.exists()


def test_a_worker_leaves_nothing_of_its_waiting_engines_and_nothing_of_others_is_touched(tmp_path: Path) -> None:
    mine, other = Folders(tmp_path, "wrk_a"), Folders(tmp_path, "wrk_b")
    for folders in (mine, other):
        folders.standby_log().parent.mkdir(parents=True)
    mine.leave()
    assert list(mine.standby_of({"wrk_c"})) == [other.standby_log().parent]
    assert list(mine.standby_of({"wrk_b"})) == []
