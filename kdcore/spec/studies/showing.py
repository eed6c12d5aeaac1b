"""Numbers of a study as people read them, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from kdcore.spec.studies.statistics import Interval

NOTHING = "–"


def number(value: int) -> str:
    """``17,462``."""
    return f"{value:,}"


def share(value: float | None, interval: Interval | None = None) -> str:
    """A share in per cent, with its interval: ``64.2 (61.0 to 67.4)``."""
    if value is None:
        return NOTHING
    if interval is None:
        return f"{100 * value:.1f}"
    low, high = sorted(abs(bound) for bound in interval)
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def points(difference: float | None, interval: Interval | None) -> str:
    """A difference of shares in points: ``+3.1 (+1.0 to +5.2)``."""
    if difference is None:
        return NOTHING
    shown = f"{100 * difference:+.1f}"
    return shown if interval is None else f"{shown} ({100 * interval[0]:+.1f} to {100 * interval[1]:+.1f})"


def p_value(value: float | None) -> str:
    """``0.031``, or ``< 0.001``."""
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def seconds(value: float) -> str:
    """``8.4 s``."""
    return f"{value:.1f} s"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
