"""Numbers as people read them: with units, and with no more digits than they deserve."""

from collections.abc import Sequence
from datetime import UTC, datetime

DASH = "–"


def percent(share: float | None, digits: int = 1) -> str:
    """0.934 is `93.4 %`."""
    return DASH if share is None else f"{100 * share:.{digits}f} %"


def figure(value: float | None, unit: str) -> str:
    """A task's figure: a share as `93.4 %`, others with three significant digits."""
    if value is None or unit == "%":
        return percent(value)
    return f"{value:.3g}"


def interval(bounds: Sequence[float] | None, unit: str = "%") -> str:
    """A confidence interval of a task's figure: `91.0 – 95.2 %`."""
    if not bounds:
        return DASH
    low, high = bounds
    return f"{100 * low:.1f} – {100 * high:.1f} %" if unit == "%" else f"{low:.3g} – {high:.3g}"


def count(number: float | None) -> str:
    """273258 is `0.27 M`, 1234 is `1.2 k`."""
    if number is None:
        return DASH
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size or (unit != "k" and number >= size / 10):
            return f"{number / size:.2f} {unit}" if number < 10 * size else f"{number / size:.1f} {unit}"
    return f"{number:g}"


def size(number: float | None) -> str:
    """1100000 bytes are `1.1 MB`."""
    if number is None:
        return DASH
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= step:
            return f"{number / step:.1f} {unit}"
    return f"{number:g} B"


def milliseconds(number: float | None) -> str:
    return DASH if number is None else f"{number:.3g} ms"


def duration(seconds: float | None) -> str:
    """125 s are `2 min 05 s`."""
    if seconds is None:
        return DASH
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def value(number: float | None) -> str:
    """A loss: four significant digits."""
    return DASH if number is None else f"{number:.4g}"


def ago(time: str | None, now: datetime | None = None) -> str:
    """An RFC 3339 time as the distance from now."""
    if not time:
        return DASH
    elapsed = (now or datetime.now(UTC)) - datetime.fromisoformat(time.replace("Z", "+00:00"))
    if elapsed.days:
        return f"{elapsed.days} d ago"
    return f"{duration(max(0.0, elapsed.total_seconds()))} ago"
