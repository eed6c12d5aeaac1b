"""What a trial ends with: the student's figures on the test split, and what its runs noticed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from kdcore.diagnose import diagnostics
from kdcore.left import history_of
from kdcore.measure import parameters
from kdcore.prepare import Workshop
from kdcore.spec.plan import STUDENT, TEACHER
from kdcore.train.progress import Record

Document = dict[str, Any]


def scores(workshop: Workshop, workdir: Path) -> Document:
    """The student's figures, JSON-ready; the test split is opened here for the first time.

    ``validation`` has the deciding figure by epoch of the student's run, ``readings`` the mean of each number that its
    balance recorded, and of each cosine between gradients the share of the records below zero.
    """
    plan, task = workshop.plan, workshop.task
    networks: dict[str, nn.Module] = {STUDENT: workshop.delivered(workdir).eval()}
    if TEACHER in plan.networks:
        networks[TEACHER] = workshop.speaker(TEACHER, workdir)
    test = workshop.data.open_test()
    _, judged = task.measured(networks[STUDENT], workshop.given(STUDENT, "test"), test)
    figures = {name: _number(value) for name, value in judged.figures().items()}
    history = history_of(workdir, plan.runs[-1].name)
    return {
        "score": figures[task.info.metric.name],
        "metrics": figures,
        "parameters": parameters(networks[STUDENT]),
        "steps": plan.runs[-1].steps,
        "validation": _validation(history, task.watched.name),
        "readings": _readings(history),
        "diagnostics": _short(diagnostics(workshop, workdir, networks)),
    }


def _short(found: Document) -> Document:
    """Diagnostics without what only a page of one job shows: histograms, single examples, classes."""
    angles = found["angles"]
    if angles is not None:
        layers = [{name: layer[name] for name in ("acute", "mean")} for layer in angles["layers"]]
        angles = {"space": angles["space"], "layers": layers}
    kept = ("of", "accuracy", "divergence", "as_accurate", "nearer", "light")
    trails = {name: {key: trail[key] for key in kept} for name, trail in found["trails"].items()}
    return {"findings": found["findings"], "angles": angles, "trails": trails}


def _number(value: Any) -> float | None:
    found = float(value)
    return found if math.isfinite(found) else None


def _validation(history: Iterable[Record], metric: str) -> list[float | None]:
    return [
        _number(row["values"][metric]) for row in history if row["split"] == "validation" and metric in row["values"]
    ]


def _readings(history: Iterable[Record]) -> dict[str, float]:
    """Of the training records: what the balance says of gradients and weights."""
    every: dict[str, list[float]] = {}
    for row in history:
        for name, value in _balance(row).items():
            every.setdefault(name, []).append(value)
    means = {name: sum(values) / len(values) for name, values in every.items()}
    below = {
        f"{name} below 0": sum(value < 0 for value in values) / len(values)
        for name, values in every.items()
        if "cosine" in name
    }
    return means | below


def _balance(row: Record) -> Mapping[str, float]:
    prefix = "balance.student."
    values: Mapping[str, float] = row["values"] if row["split"] == "train" else {}
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
