"""How sure a figure of a finite split is: intervals and paired differences by resampling its examples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kdcore.measure.intervals import Interval
from kdcore.tasks.base import Figures, Judged, Task

RESAMPLES = 2_000
AT_ONCE = 2**22
"""Weights that are drawn together."""
LEAST_DEFINED = 0.95
"""Share of the resamples that must have a figure for it to have an interval."""


@dataclass(frozen=True)
class Difference:
    """A figure of a minus that of b on the same examples."""

    difference: float
    interval: Interval
    confidence: float
    examples: int
    resamples: int

    @property
    def excludes_equality(self) -> bool:
        """Whether the interval leaves zero out."""
        low, high = self.interval
        return low > 0 or high < 0


@dataclass(frozen=True)
class Spread:
    """Every figure of one network on resamples of its examples.

    Attributes:
        values: of the whole split.
        drawn: of each resample, [R].
    """

    values: dict[str, float]
    drawn: dict[str, Tensor]

    @property
    def undefined(self) -> dict[str, int]:
        """In how many resamples a figure has no value, where it has none in some."""
        counts = {name: int(values.isnan().sum()) for name, values in self.drawn.items()}
        return {name: count for name, count in counts.items() if count}

    def intervals(self, confidence: float = 0.95) -> dict[str, Interval | None]:
        """Percentile bootstrap of every figure (Efron, Tibshirani 1993, chapter 13).

        None where the figure is no number, or is none in more than one of twenty resamples.
        """
        return {name: self._interval(name, confidence) for name in self.values}

    def _interval(self, name: str, confidence: float) -> Interval | None:
        value, drawn = self.values[name], self.drawn[name]
        if not math.isfinite(value) or float(drawn.isfinite().double().mean()) < LEAST_DEFINED:
            return None
        return around(value, drawn[drawn.isfinite()], confidence)


def spread(judged: Judged, *, seed: int = 0, resamples: int = RESAMPLES) -> Spread:
    """All figures of a network from one set of resamples."""
    values = {name: float(value) for name, value in judged.figures().items()}
    (drawn,) = resampled([judged], seed, resamples)
    return Spread(values, drawn)


def interval(judged: Judged, metric: str, *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Percentile bootstrap of a figure over the examples, as ``Spread.intervals`` has it.

    Raises:
        ValueError: where it has none.
    """
    found = spread(judged, seed=seed).intervals(confidence)[metric]
    if found is None:
        raise ValueError(f"{metric} has no interval: it is no number for these examples, or for resamples of them")
    return found


def difference(a: Judged, b: Judged, metric: str, *, confidence: float = 0.95, seed: int = 0) -> Difference:
    """Paired bootstrap: both figures from the same resamples of the same examples.

    Raises:
        ValueError: different numbers of examples.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} examples against {len(b)}; a paired comparison needs the same examples")
    found = float(a.figures()[metric]) - float(b.figures()[metric])
    first, second = (drawn[metric] for drawn in resampled([a, b], seed))
    return Difference(found, around(found, first - second, confidence), confidence, len(a), len(first))


def resampled(judged: Sequence[Judged], seed: int, resamples: int = RESAMPLES) -> list[dict[str, Tensor]]:
    """Every figure of each network on ``resamples`` draws of as many examples, the same draws for all: [R] each."""
    found: list[list[Figures]] = [[] for _ in judged]
    for weights in draws(len(judged[0]), seed, resamples):
        for parts, one in zip(found, judged, strict=True):
            parts.append(one.figures(weights))
    return [{name: torch.cat([part[name] for part in parts]) for name in parts[0]} for parts in found]


def draws(count: int, seed: int, resamples: int = RESAMPLES) -> Iterator[Tensor]:
    """How often each of ``count`` examples is drawn, resample by resample: float64 [R', N], in all ``resamples``."""
    stream = np.random.default_rng(seed)
    step = max(1, min(resamples, AT_ONCE // count))
    for start in range(0, resamples, step):
        drawn = stream.multinomial(count, np.full(count, 1 / count), size=min(step, resamples - start))
        yield torch.from_numpy(drawn).double()


def standard_error(task: Task, rows: Tensor, other: float) -> float:
    """Of the difference between the watched figure of ``rows`` [N, S] and another network's ``other``.

    Of an accuracy it is the binomial's, both networks taken for independent; of other figures the bootstrap's, times
    the square root of two.
    """
    if task.watched.name == "accuracy":
        return math.sqrt(2 * other * (1 - other) / len(rows))
    (values,) = resampled([Judged(task, rows)], seed=0, resamples=200)
    return float(values[task.watched.name].std()) * math.sqrt(2)


def around(value: float, drawn: Tensor, confidence: float = 0.95) -> Interval:
    """Percentiles of resampled figures [R], widened to hold the figure that they belong to."""
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(drawn.numpy(), [tail, 1 - tail])
    return min(float(low), value), max(float(high), value)
