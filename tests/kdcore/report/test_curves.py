"""Curves are the records of a job, each step once."""

from typing import Any

from kdcore.report.curves import MOST_POINTS, curves, run_of, stage_changes


def record(step: int, value: float, **changes: Any) -> dict[str, Any]:
    where = {"run": "distil", "stage": "distil", "split": "validation", "step": step, "epoch": step / 10}
    return {**where, "values": {"accuracy": value}, **changes}


def test_a_step_repeated_after_a_resume_counts_once_the_later_time() -> None:
    (line,) = curves([record(10, 0.1), record(20, 0.2), record(30, 0.3), record(20, 0.9), record(30, 0.95)])
    assert line.epochs == (1, 2, 3)
    assert line.values == (0.1, 0.9, 0.95)


def test_a_long_curve_is_thinned_and_keeps_its_first_and_last_point() -> None:
    (line,) = curves([record(step, step) for step in range(1, 10_002)])
    assert len(line.values) <= MOST_POINTS + 1
    assert (line.values[0], line.values[-1]) == (1, 10_001)


def test_runs_and_splits_are_kept_apart(history: list[dict[str, Any]]) -> None:
    names = {line.name for line in curves(history, run="distil", split="validation")}
    assert names == {"loss", "term.hint", "term.distil", "accuracy"}
    assert run_of(history, "student") == "distil"
    assert run_of(history, "assistant") is None


def test_stages_begin_where_the_one_before_ends(history: list[dict[str, Any]]) -> None:
    assert stage_changes(history, "distil") == [(0.0, "hint"), (2.0, "distil")]
    assert stage_changes(history, "teacher") == [(0.0, "train")]
