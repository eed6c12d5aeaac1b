"""What a handful of seeds can say: intervals, paired differences, corrected p-values, the Pareto front.

Accuracies of a few runs are treated as draws of a normal distribution (Student's t). Under three values there is no
interval and no p-value: two seeds cannot tell luck from effect.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from kdcore.spec.studies.student_t import critical, two_sided

FEWEST = 3
"""Values from which an interval is given."""
LEVEL = 0.95
"""What an interval covers."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class Summary:
    """Several values of one figure.

    Attributes:
        n: how many.
        mean: their mean.
        sd: sample standard deviation (n - 1); None for a single value.
        interval: 95 % confidence interval of the mean; None under three values.
    """

    n: int
    mean: float
    sd: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Paired:
    """Two arms over the seeds that both have.

    Attributes:
        n: seeds that both have.
        difference: mean of first - second; None where they share no seed.
        interval: 95 % confidence interval of the difference; None under three seeds.
        p_value: of the two-sided paired t-test that the difference is zero; None under three seeds.
    """

    n: int
    difference: float | None
    interval: Interval | None
    p_value: float | None


def summary(values: Sequence[float]) -> Summary:
    """Mean, standard deviation and Student t interval of ``values``.

    Raises:
        ValueError: no values, or one that is not finite.
    """
    if not values:
        raise ValueError("there are no values to sum up; leave the figure out")
    _finite(values)
    mean = fmean(values)
    sd = stdev(values) if len(values) > 1 else None
    return Summary(len(values), mean, sd, _interval(mean, sd, len(values)))


def paired(first: Mapping[int, float], second: Mapping[int, float]) -> Paired:
    """The paired t-test of two arms, from one figure by seed each; seeds that only one has are left out.

    Where all differences are equal the interval has no width; the p-value is 1 if they are zero and 0 if not.

    Raises:
        ValueError: a figure of a shared seed that is not finite.
    """
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        return Paired(0, None, None, None)
    _finite([arm[seed] for seed in seeds for arm in (first, second)])
    found = summary([first[seed] - second[seed] for seed in seeds])
    return Paired(found.n, found.mean, found.interval, _p_value(found))


def holm(p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    """p-values corrected for how many were tried (family-wise), under the same names and in the same order.

    The k-th smallest of m is multiplied by m - k + 1, is never below the one before it and never above 1. None stays
    None and does not count.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).

    Raises:
        ValueError: a p-value outside [0, 1].
    """
    known = {name: p for name, p in p_values.items() if p is not None}
    for name, p in known.items():
        if not 0 <= p <= 1:
            raise ValueError(f"the p-value of {name!r} is {p}; a p-value lies between 0 and 1")
    corrected: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(known, key=known.__getitem__)):
        largest = max(largest, min(1.0, known[name] * (len(known) - rank)))
        corrected[name] = largest
    return {name: corrected.get(name) for name in p_values}


def pareto(points: Mapping[str, tuple[float, ...]], larger_is_better: Sequence[bool]) -> set[str]:
    """Names of the points that no other dominates: at least as good in every figure and better in one.

    Equal points do not dominate each other, so that both stay.

    Args:
        points: figures by name, as many as ``larger_is_better`` has.
        larger_is_better: for each figure, whether more is better.

    Raises:
        ValueError: another number of figures, or one that is not a number.
    """
    signed = {name: _signed(name, point, larger_is_better) for name, point in points.items()}
    return {name for name, point in signed.items() if not any(_dominates(other, point) for other in signed.values())}


def _dominates(first: Sequence[float], second: Sequence[float]) -> bool:
    return first != second and all(a >= b for a, b in zip(first, second, strict=True))


def _signed(name: str, point: Sequence[float], larger_is_better: Sequence[bool]) -> tuple[float, ...]:
    if len(point) != len(larger_is_better):
        raise ValueError(
            f"{name!r} has {len(point)} figures, and {len(larger_is_better)} are compared; give it each one"
        )
    if any(math.isnan(value) for value in point):
        raise ValueError(f"a figure of {name!r} is not a number; leave the point out")
    return tuple(value if larger else -value for value, larger in zip(point, larger_is_better, strict=True))


def _p_value(found: Summary) -> float | None:
    if found.n < FEWEST or found.sd is None:
        return None
    if found.sd == 0:
        return 0.0 if found.mean else 1.0
    return two_sided(found.mean / (found.sd / math.sqrt(found.n)), found.n - 1)


def _interval(mean: float, sd: float | None, n: int) -> Interval | None:
    if n < FEWEST or sd is None:
        return None
    half = critical(LEVEL, n - 1) * sd / math.sqrt(n)
    return mean - half, mean + half


def _finite(values: Iterable[float]) -> None:
    for value in values:
        if not math.isfinite(value):
            raise ValueError(f"a value is {value}; only finite numbers can be summed up, leave the run out")
