"""Numbers as people read them: with a unit, sensible precision, and a sign where they are differences."""

from __future__ import annotations

NONE = "–"
SPACE = "\u00a0"
MINUS = "\u2212"


def percent(share: float | None, digits: int = 1) -> str:
    """``93.4 %`` of 0.934."""
    return NONE if share is None else f"{share * 100:.{digits}f}{SPACE}%"


def signed(value: float, digits: int = 1) -> str:
    """``+1.2`` or ``−1.2``, and ``0.0`` for what rounds to nothing."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def points(share: float | None) -> str:
    """A difference of shares in percentage points: ``+4.2 points``."""
    return NONE if share is None else f"{signed(share * 100)}{SPACE}points"


def between(interval: list[float] | None) -> str:
    """``92.1–94.6 %`` of (0.921, 0.946)."""
    if interval is None:
        return NONE
    low, high = interval
    return f"{low * 100:.1f}–{high * 100:.1f}{SPACE}%"


def count(value: float | None) -> str:
    """``0.27 M``, ``21 k``, ``4.1 G`` or ``640``."""
    if value is None:
        return NONE
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size or (unit == "M" and value >= 1e5):
            return f"{_short(value / size)}{SPACE}{unit}"
    return f"{value:g}"


def size(value: float | None) -> str:
    """``1.1 MB`` of a number of bytes."""
    if value is None:
        return NONE
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{_short(value / scale)}{SPACE}{unit}"
    return f"{value:g}{SPACE}B"


def milliseconds(value: float | None) -> str:
    """``3.2 ms``."""
    return NONE if value is None else f"{_short(value)}{SPACE}ms"


def times(ratio: float) -> str:
    """``13×``, ``4.1×``."""
    return f"{_short(ratio)}×"


def small(value: float | None) -> str:
    """A figure without a unit, two significant digits: ``0.31`` or ``2.5e-06``."""
    return NONE if value is None else f"{value:.2g}".replace("-", MINUS)


def seconds(value: float) -> str:
    """``4.2 s`` or ``3 min 20 s``."""
    if value < 60:
        return f"{_short(value)}{SPACE}s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}{SPACE}min {rest}{SPACE}s"


def _short(value: float) -> str:
    """Two significant digits below ten, whole numbers from there on."""
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.2g}" if abs(value) < 1 else f"{value:.1f}"
