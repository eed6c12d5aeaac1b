"""Student's t distribution with whole degrees of freedom, in closed form."""

from __future__ import annotations

import math
from functools import lru_cache

LARGEST = 1e12  # a statistic beyond this has no probability that a float's digits can tell from zero


def within(t: float, df: int) -> float:
    """The probability that a Student t variable lies in [-|t|, |t|], exact to about 1e-14.

    A finite sum over powers of cos² θ, where θ = arctan(|t| / √df).

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, equations 26.7.3 and 26.7.4.

    Raises:
        ValueError: fewer than one degree of freedom.
    """
    if df < 1:
        raise ValueError(f"degrees of freedom are {df}; Student's t needs at least 1")
    angle = math.atan2(abs(t), math.sqrt(df))
    odd = df % 2
    term, terms = (math.cos(angle) if odd else 1.0), []
    for k in range(df // 2):
        terms.append(term)
        term *= math.cos(angle) ** 2 * (2 * k + 1 + odd) / (2 * k + 2 + odd)
    inner = math.sin(angle) * math.fsum(terms)
    return min(1.0, (angle + inner) * 2 / math.pi if odd else inner)


def two_sided(t: float, df: int) -> float:
    """The p-value of a t statistic when both directions count."""
    return max(0.0, 1.0 - within(t, df))


@lru_cache(maxsize=1024)
def critical(level: float, df: int) -> float:
    """The t such that [-t, t] holds ``level`` of the distribution: 12.706 for 0.95 with one degree of freedom.

    Raises:
        ValueError: a level outside (0, 1), or fewer than one degree of freedom.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it lies between 0 and 1")
    low, high = 0.0, 1.0
    while within(high, df) < level and high < LARGEST:
        low, high = high, 2 * high
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if within(middle, df) < level else (low, middle)
    return high
