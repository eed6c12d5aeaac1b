"""Times of samples: cells as seconds, and what the steps between them say of a run's rate."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.rows.chunks import Cell
from kdcore.bring.rows.numbers import is_missing, numbers

Times = NDArray[np.float64]

SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0}

_DATE: Final = re.compile(r"\s*\d{4}-\d")

UNEVEN: Final = 0.01
"""Share of a run's steps that may differ from the usual one by more than half of it."""

SAME: Final = 0.01
"""Share by which the rates of two runs may differ."""


def seconds(cells: Sequence[Cell], unit: str, fault: Callable[[int, str, str], None]) -> Times:
    """Cells as seconds [n], since 1970 where they are dates; NaN where there is a fault.

    Args:
        unit: of numbers.
        fault: told of each cell that is neither a number nor a date, with row, code and message.
    """
    if any(isinstance(cell, date) or (isinstance(cell, str) and _DATE.match(cell)) for cell in cells):
        return np.array([_date(cell, row, fault) for row, cell in enumerate(cells)])
    for row, cell in enumerate(cells):
        if is_missing(cell):
            fault(row, "no_time", "has no time: give one, or leave the row out")
    return numbers(cells, fault) * SECONDS[unit]


def _date(cell: Cell, row: int, fault: Callable[[int, str, str], None]) -> float:
    try:
        when = cell if isinstance(cell, datetime) else datetime.fromisoformat(str(cell).strip())
    except ValueError:
        message = f"has time {str(cell)[:40]!r}: write it after ISO 8601 (2024-05-01 12:00:00), or in numbers"
        fault(row, "no_time", message)
        return float("nan")
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


@dataclass(frozen=True)
class Rate:
    """How often a run was sampled.

    Attributes:
        step: seconds between two samples, usually (the median).
        steps, uneven: how many there are, and how many differ from it by more than half of it.
    """

    step: float
    steps: int
    uneven: int

    @classmethod
    def of(cls, times: Times) -> Rate | None:
        """Of a run's times, which rise; None for fewer than two."""
        if len(times) < 2:
            return None
        steps = np.diff(times)
        usual = float(np.median(steps))
        return cls(usual, len(steps), int((np.abs(steps - usual) > usual / 2).sum()))

    @property
    def is_even(self) -> bool:
        """Whether samples are as good as equally far from each other."""
        return self.uneven <= max(UNEVEN * self.steps, 1)


def usual_step(rates: Sequence[Rate]) -> float:
    """The step that most runs have: that of the run in the middle of the largest set of equal ones."""
    ordered = sorted(rate.step for rate in rates)
    best = max(ordered, key=lambda step: (sum(same(step, other) for other in ordered), -step))
    return float(np.median([step for step in ordered if same(best, step)]))


def same(one: float, other: float) -> bool:
    """Whether two steps are one rate."""
    return abs(one - other) <= SAME * max(one, other)


def pieces(times: Times, gap: float) -> list[tuple[int, int]]:
    """First and last-but-one places of the parts that lie between steps of more than ``gap`` seconds."""
    edges = np.flatnonzero(np.diff(times) > gap) + 1
    bounds = [0, *edges.tolist(), len(times)]
    return list(pairwise(bounds))


def grid(times: Times, hertz: float) -> Times:
    """Times at ``hertz`` samples a second from the first to, at most, the last of ``times``."""
    count = int(np.floor((times[-1] - times[0]) * hertz + 1e-6)) + 1
    found: Times = times[0] + np.arange(count) / hertz
    return found


def interpolated(times: Times, values: NDArray[np.float64], wanted: Times) -> NDArray[np.float64]:
    """Values [n, K] at ``times`` brought to the times ``wanted``, linearly: [m, K]."""
    return np.stack([np.interp(wanted, times, column) for column in values.T], axis=1)


def held(times: Times, values: NDArray[np.float64], wanted: Times) -> NDArray[np.float64]:
    """Values [n, K] at ``times`` at the times ``wanted``: each keeps until the next."""
    places = np.clip(np.searchsorted(times, wanted + 1e-9, side="right") - 1, 0, None)
    return values[places]
