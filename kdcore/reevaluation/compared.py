"""What became of the figures: those on the given data less those on the job's own test split.

The two sets are different examples, so they are resampled apart from each other, and nothing is paired.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Any

import torch
from torch import Tensor

from kdcore.measure import Quality
from kdcore.measure.holm import holm
from kdcore.seeds import derive
from kdcore.tasks import Judged
from kdcore.tasks.spread import LEAST_DEFINED, around, draws

RESAMPLES = 1_000
LEVEL = 0.05

Document = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """The student on one set of examples."""

    judged: Judged
    quality: Quality

    def document(self) -> Document:
        """Its figures, JSON-ready; what is no number is None."""
        found = self.quality
        return {
            "examples": len(self.judged),
            "score": _number(found.score),
            "interval": _pair(found.interval),
            "metrics": {name: _number(value) for name, value in found.metrics.items()},
            "per_class": found.per_class,
            "loss": _number(found.loss),
            "calibration_error": _number(found.calibration_error),
            "reliability": found.reliability,
        }

    def drawn(self, seed: int) -> tuple[Tensor, Tensor]:
        """The deciding figure [R] and the figure of each class [R, K] on resamples of the examples."""
        metric = self.judged.task.info.metric.name
        scores, classes = [], []
        for weights in draws(len(self.judged), seed, RESAMPLES):
            scores.append(self.judged.figures(weights)[metric])
            classes.append(self.judged.class_values(weights))
        return torch.cat(scores), torch.cat(classes)


def comparison(before: Side, now: Side, *, seed: int = 0) -> Document:
    """The change of the score and of every class, each with a 95 % interval (percentile bootstrap of the difference).

    A class is ``notable`` where its interval leaves zero out and its p, of the change over its standard error, does so
    after Holm's correction; ``worst`` names those that lost, the largest loss first.
    """
    scores, classes = before.drawn(derive(seed, "before"))
    new_scores, new_classes = now.drawn(derive(seed, "now"))
    parts = _parts(before, now, new_classes - classes)
    lost = sorted((part["change"], part["name"]) for part in parts if part["notable"] and part["change"] < 0)
    change = _number(now.quality.score - before.quality.score)
    return {
        "score": change,
        "interval": _interval(change, new_scores - scores),
        "calibration_error": _less(now.quality.calibration_error, before.quality.calibration_error),
        "parts": parts,
        "worst": [name for _, name in lost],
    }


def _parts(before: Side, now: Side, apart: Tensor) -> list[Document]:
    rows: list[Document] = []
    for place, (old, new) in enumerate(zip(before.quality.per_class, now.quality.per_class, strict=True)):
        change = _less(new["value"], old["value"])
        told = {"name": new["name"], "examples": new["examples"], "before": old["value"], "now": new["value"]}
        rows.append({**told, "change": change, "interval": _interval(change, apart[:, place])})
    sure = holm([_p(row["change"], apart[:, place]) for place, row in enumerate(rows)])
    return [{**row, "notable": p <= LEVEL and _beyond(row["interval"])} for row, p in zip(rows, sure, strict=True)]


def _interval(change: float | None, apart: Tensor) -> list[float] | None:
    defined = apart[apart.isfinite()]
    if change is None or len(defined) < LEAST_DEFINED * len(apart):
        return None
    return list(around(change, defined))


def _p(change: float | None, apart: Tensor) -> float:
    defined = apart[apart.isfinite()]
    error = float(defined.std()) if len(defined) >= LEAST_DEFINED * len(apart) else 0.0
    return 1.0 if change is None or error == 0 else erfc(abs(change) / error / sqrt(2))


def _beyond(interval: list[float] | None) -> bool:
    return interval is not None and (interval[0] > 0 or interval[1] < 0)


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else _number(value - other)


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _pair(interval: tuple[float, float]) -> list[float] | None:
    low, high = (_number(value) for value in interval)
    return None if low is None or high is None else [low, high]
