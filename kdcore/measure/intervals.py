"""How sure a figure from a finite test set is: seeded bootstrap intervals and McNemar's exact test.

Resampling right-or-wrong outcomes with replacement is drawing counts from a multinomial distribution, so the
bootstrap below draws counts: the law is the same as that of picking rows again and again, the work is not.
A few pseudo-observations keep it honest at the edges, where the plain percentile bootstrap claims certainty
(all right, or no example on which two networks differ).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Interval = tuple[float, float]
RESAMPLES = 10_000


@dataclass(frozen=True)
class PairedDifference:
    """Accuracy of a minus accuracy of b on the same examples, with the counts that decide it."""

    difference: float
    interval: Interval
    confidence: float
    only_a: int
    only_b: int
    examples: int
    p_value: float

    @property
    def excludes_equality(self) -> bool:
        """Whether the interval leaves zero out."""
        low, high = self.interval
        return low > 0 or high < 0


def bootstrap_interval(
    correct: ArrayLike, *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Interval of an accuracy from right-or-wrong outcomes [N], two right and two wrong ones added.

    The four pseudo-observations are those of Agresti and Coull (1998), the centre of Wilson's interval.
    """
    outcomes = _outcomes(correct)
    examples, right = len(outcomes), int(outcomes.sum())
    share = (right + 2) / (examples + 4)
    drawn = np.random.default_rng(seed).binomial(examples + 4, share, size=resamples) / (examples + 4)
    low, high = _percentiles(drawn, confidence)
    # The added outcomes pull the centre inwards; the interval must still hold the figure it belongs to.
    return min(low, right / examples), max(high, right / examples)


def paired_difference(
    correct_a: ArrayLike,
    correct_b: ArrayLike,
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedDifference:
    """Paired bootstrap of accuracy(a) - accuracy(b) over the same examples [N], and McNemar's exact p.

    One pseudo-observation in each discordant cell (Bonett and Price, 2012).
    """
    a, b = _outcomes(correct_a), _outcomes(correct_b)
    if len(a) != len(b):
        raise ValueError(f"{len(a)} outcomes against {len(b)}; a paired comparison needs the same examples")
    only_a, only_b, examples = int((a & ~b).sum()), int((b & ~a).sum()), len(a)
    total = examples + 2
    shares = np.array([only_a + 1, only_b + 1, examples - only_a - only_b]) / total
    drawn = np.random.default_rng(seed).multinomial(total, shares, size=resamples)
    difference = (only_a - only_b) / examples
    low, high = _percentiles((drawn[:, 0] - drawn[:, 1]) / total, confidence)
    return PairedDifference(
        difference=difference,
        interval=(min(low, difference), max(high, difference)),
        confidence=confidence,
        only_a=only_a,
        only_b=only_b,
        examples=examples,
        p_value=mcnemar(only_a, only_b),
    )


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact p: how often a fair coin splits the discordant examples at least this unevenly."""
    discordant, fewer = only_a + only_b, min(only_a, only_b)
    term = tail = 1
    for drawn in range(fewer):
        term = term * (discordant - drawn) // (drawn + 1)
        tail += term
    # Integers of any length divide exactly here; 2.0 ** 2000 would overflow.
    return min(1.0, float(2 * tail / (1 << discordant)))


def _outcomes(correct: ArrayLike) -> NDArray[np.bool_]:
    outcomes = np.asarray(correct, dtype=np.bool_).ravel()
    if not len(outcomes):
        raise ValueError("no outcomes; an interval needs at least one test example")
    return outcomes


def _percentiles(drawn: NDArray[Any], confidence: float) -> Interval:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; give a share between 0 and 1, such as 0.95")
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)
