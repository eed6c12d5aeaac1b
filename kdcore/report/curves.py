"""Lines to draw from a job's metric records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Record = Mapping[str, Any]

ROLES = {"teacher": "teacher", "alone": "alone", "distil": "student", "student": "student"}
"""Run -> the part that its network plays."""

MOST_POINTS = 300


@dataclass(frozen=True)
class Curve:
    """One figure of one run over its epochs (whole epochs and parts of them, counted within the run)."""

    run: str
    split: str
    name: str
    epochs: tuple[float, ...]
    values: tuple[float, ...]


def curves(history: Iterable[Record], *, run: str | None = None, split: str | None = None) -> list[Curve]:
    """Every figure of the records of ``run`` and ``split`` (all when left out), in order of appearance.

    A step that was done again after a resume counts once, the later time.
    """
    latest: dict[tuple[str, str, str], dict[int, tuple[float, float]]] = {}
    for record in history:
        if run in (None, record["run"]) and split in (None, record["split"]):
            for name, value in record["values"].items():
                line = latest.setdefault((record["run"], record["split"], name), {})
                line[record["step"]] = (record["epoch"], value)
    return [Curve(*key, *_axes(line)) for key, line in latest.items()]


def _axes(line: Mapping[int, tuple[float, float]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    stored = [line[step] for step in sorted(line)]
    # Every n-th point and the last one: the report must stay small however long the job was.
    stride = -(-len(stored) // MOST_POINTS)
    kept = [point for index, point in enumerate(stored) if index % stride == 0 or index == len(stored) - 1]
    return tuple(epoch for epoch, _ in kept), tuple(value for _, value in kept)


def run_of(history: Iterable[Record], role: str) -> str | None:
    """The last run in which the network of ``role`` learnt."""
    return next((run for run in reversed(runs(history)) if ROLES.get(run) == role), None)


def runs(history: Iterable[Record]) -> list[str]:
    """All runs in order of appearance."""
    return list(dict.fromkeys(record["run"] for record in history))


def stage_changes(history: Iterable[Record], run: str) -> list[tuple[float, str]]:
    """Where each stage of a run begins (epoch) and its name."""
    records = sorted((r for r in history if r["run"] == run), key=lambda record: record["step"])
    if not records:
        return []
    changes = [(before["epoch"], after["stage"]) for before, after in pairwise(records) if _differ(before, after)]
    return [(0.0, str(records[0]["stage"])), *changes]


def _differ(before: Record, after: Record) -> bool:
    return bool(before["stage"] != after["stage"])
