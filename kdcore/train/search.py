"""Short runs compared: which candidate a search found best, and what a run ended with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kdcore.spec.plan import RunPlan, StagePlan
from kdcore.train.progress import Record


def last_accuracy(history: Sequence[Record]) -> float | None:
    """Validation accuracy after the last epoch; None for a run that never measured one."""
    found = [r["values"]["accuracy"] for r in history if r["split"] == "validation" and "accuracy" in r["values"]]
    return float(found[-1]) if found else None


def ranked(runs: Sequence[str], history_of: Callable[[str], Sequence[Record]]) -> list[dict[str, Any]]:
    """The candidates, best first: by validation accuracy at the end, and between equals by the hint stage's loss."""
    rows = []
    for run in runs:
        history = history_of(run)
        validations = [record for record in history if record["split"] == "validation"]
        first_stage = [record for record in validations if record["stage"] == validations[0]["stage"]]
        loss = float(first_stage[-1]["values"]["loss"])
        rows.append({"run": run, "accuracy": last_accuracy(history) or 0.0, "loss": loss})
    return sorted(rows, key=lambda row: (-row["accuracy"], row["loss"]))


def with_points_of(run: RunPlan, best: RunPlan) -> RunPlan:
    """``run`` with the points of the winner in the stages that were searched; weights and epochs stay its own."""
    stages = tuple(
        _with_points(own, other) if own.name in run.choices else own
        for own, other in zip(run.stages, best.stages, strict=True)
    )
    return run.model_copy(update={"stages": stages})


def _with_points(own: StagePlan, other: StagePlan) -> StagePlan:
    terms = tuple(
        mine.model_copy(update={"pairs": theirs.pairs, "adapter": theirs.adapter})
        for mine, theirs in zip(own.terms, other.terms, strict=True)
    )
    return own.model_copy(update={"terms": terms, "upto": other.upto})
