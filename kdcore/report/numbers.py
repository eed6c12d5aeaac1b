"""Numbers as people read them: with a unit, sensible precision, and a sign where they are differences."""

from __future__ import annotations

from kdcore.report.language import Both, Text, say

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


def points(share: float | None) -> Text:
    """A difference of shares in percentage points: ``+4.2 points``."""
    return NONE if share is None else say("number.points", n=signed(share * 100))


def figure(value: float | None, unit: str) -> str:
    """A task's figure: ``93.4 %`` of a share, else three significant digits."""
    if value is None:
        return NONE
    return percent(value) if unit == "%" else f"{value:.3g}".replace("-", MINUS)


def difference(value: float | None, unit: str) -> Text:
    """A difference of figures, with its sign: ``+4.2 points`` of shares, else two significant digits."""
    if value is None:
        return NONE
    return points(value) if unit == "%" else f"{value:+.2g}".replace("-", MINUS)


def distance(value: float, unit: str) -> Text:
    """How far apart two figures are, without a sign: ``9.0 points`` of shares, else three significant digits."""
    return say("number.points", n=f"{100 * value:.1f}") if unit == "%" else f"{value:.3g}"


def interval(bounds: list[float] | None, unit: str) -> str:
    """``92.1–94.6 %``, or ``11.2–13.4`` without a unit."""
    if bounds is None or unit == "%":
        return between(bounds)
    low, high = (f"{bound:.3g}".replace("-", MINUS) for bound in bounds)
    return f"{low}–{high}"


def between(interval: list[float] | None) -> str:
    """``92.1–94.6 %`` of (0.921, 0.946)."""
    if interval is None:
        return NONE
    low, high = interval
    return f"{low * 100:.1f}–{high * 100:.1f}{SPACE}%"


def count(value: float | None) -> Text:
    """``0.27 M``, ``21 k``, ``4.1 G`` or ``640``; in Japanese by ten thousands: ``27万``."""
    if value is None:
        return NONE
    return Both(_by_thousands(value), _by_ten_thousands(value))


def _by_thousands(value: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size or (unit == "M" and value >= 1e5):
            return f"{_short(value / size)}{SPACE}{unit}"
    return f"{value:g}"


def _by_ten_thousands(value: float) -> str:
    for unit, size in (("億", 1e8), ("万", 1e4)):
        if value >= size:
            return f"{_short(value / size)}{unit}"
    return whole(value)


def whole(value: float) -> str:
    """``1,294``."""
    return f"{value:,.0f}"


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


def plain_milliseconds(value: float) -> str:
    """``3.21`` under a heading that holds the unit."""
    return f"{value:.3g}"


def rate(value: float) -> str:
    """``12,300`` of examples a second: three significant digits."""
    return f"{float(f'{value:.3g}'):,.10g}"


def times(ratio: float) -> Text:
    """``13×``, ``4.1×``."""
    return say("number.times", n=_short(ratio))


def small(value: float | None) -> str:
    """A figure without a unit, two significant digits: ``0.31`` or ``2.5e-06``."""
    return NONE if value is None else f"{value:.2g}".replace("-", MINUS)


def seconds(value: float) -> Text:
    """``4.2 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    if value < 59.5:
        return say("number.seconds", n=_short(value))
    if value < 3600:
        minutes, rest = divmod(round(value), 60)
        return say("number.minutes", n=str(minutes), rest=str(rest))
    hours, rest = divmod(round(value / 60), 60)
    return say("number.hours", n=str(hours), rest=str(rest))


def energy(joules: float | None) -> str:
    """``5.2 kJ (1.4 Wh)``; a kilowatt-hour is 3.6 MJ."""
    if joules is None:
        return NONE
    amount = f"{_short(joules / 1000)}{SPACE}kJ" if joules >= 1000 else f"{_short(joules)}{SPACE}J"
    hours = joules / 3600
    watt_hours = f"{_short(hours / 1000)}{SPACE}kWh" if hours >= 1000 else f"{_short(hours)}{SPACE}Wh"
    return f"{amount} ({watt_hours})"


def _short(value: float) -> str:
    """Two significant digits below ten, whole numbers from there on."""
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.2g}" if abs(value) < 1 else f"{value:.1f}"
