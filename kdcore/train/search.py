"""Short runs compared: which candidate a search found best, and what a run ended with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from kdcore.spec.plan import RunPlan, StagePlan
from kdcore.tasks import Task
from kdcore.train.progress import Record


def last_figure(history: Sequence[Record], name: str) -> float | None:
    """A figure on the validation split after the last epoch; None for a run that never measured it."""
    found = [r["values"][name] for r in history if r["split"] == "validation" and name in r["values"]]
    return float(found[-1]) if found else None


def ranked(runs: Sequence[str], history_of: Callable[[str], Sequence[Record]], task: Task) -> list[dict[str, Any]]:
    """The candidates, best first: by the watched figure at the end, and between equals by the hint stage's loss."""
    metric = task.watched.name
    rows = []
    for run in runs:
        history = history_of(run)
        validations = [record for record in history if record["split"] == "validation"]
        first_stage = [record for record in validations if record["stage"] == validations[0]["stage"]]
        loss = float(first_stage[-1]["values"]["loss"])
        rows.append({"run": run, "metric": metric, "figure": last_figure(history, metric), "loss": loss})
    return sorted(rows, key=lambda row: (-_score(row, task), row["loss"]))


def _score(row: dict[str, Any], task: Task) -> float:
    """A run without the figure comes last."""
    return -math.inf if row["figure"] is None else task.score({row["metric"]: row["figure"]})


def with_points_of(run: RunPlan, best: RunPlan) -> RunPlan:
    """``run`` with the points of the winner in the stages that were searched; weights and epochs stay its own.

    The winner's last stage may have been cut in two for the run itself.
    """
    others = [*best.stages, *best.stages[-1:] * (len(run.stages) - len(best.stages))]
    stages = tuple(
        _with_points(own, other) if own.name in run.choices else own
        for own, other in zip(run.stages, others, strict=True)
    )
    return run.model_copy(update={"stages": stages})


def _with_points(own: StagePlan, other: StagePlan) -> StagePlan:
    terms = tuple(
        mine.model_copy(update={"pairs": theirs.pairs, "adapter": theirs.adapter})
        for mine, theirs in zip(own.terms, other.terms, strict=True)
    )
    return own.model_copy(update={"terms": terms, "upto": other.upto})
