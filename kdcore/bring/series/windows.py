"""Windows: where they lie, each within one run, and what they are labelled with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from kdcore.bring.cutting import Places
from kdcore.bring.findings import Findings
from kdcore.bring.room import Array
from kdcore.bring.series.even import Even
from kdcore.bring.series.runs import Run
from kdcore.spec.bringing.series import Series

BLOCK = 4096
"""Windows that are worked on at a time."""


@dataclass(frozen=True)
class Windows:
    """Windows of all runs.

    Attributes:
        start: [N], first row of each in ``Even``.
        run: [N].
        at: [N], first sample of each within its run.
        length: samples.
    """

    start: Places
    run: Places
    at: Places
    length: int

    def __len__(self) -> int:
        return len(self.start)

    def take(self, places: Places | NDArray[np.bool_]) -> Windows:
        """Some of them."""
        return Windows(self.start[places], self.run[places], self.at[places], self.length)

    def is_last(self) -> NDArray[np.bool_]:
        """Whether each is the last one of its run."""
        last = np.full(int(self.run.max(initial=-1)) + 1, -1, np.int64)
        np.maximum.at(last, self.run, self.at)
        return np.asarray(self.at == last[self.run])


class WindowNames(Sequence[str]):
    """Names such as ``pump/3.csv, samples 1 to 30``, made when they are asked for."""

    def __init__(self, windows: Windows, runs: Sequence[Run]) -> None:
        self._windows, self._runs = windows, runs

    def __len__(self) -> int:
        return len(self._windows)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        """The name of a window."""
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        first = int(self._windows.at[place])
        return f"{self._runs[self._windows.run[place]].name}, samples {first + 1} to {first + self._windows.length}"

    def __iter__(self) -> Iterator[str]:
        return (self[place] for place in range(len(self)))


def windows(even: Even, runs: Sequence[Run], options: Series, found: Findings) -> Windows:
    """All windows that have a value in every channel at every sample, and a sample to be labelled by.

    With ``last`` windows for the test split, windows are laid so that the last one ends with its piece.

    A run that is too short for one is a fault.
    """
    length, ahead = options.window.length, options.target.ahead
    stride = options.window.stride or length
    parts: list[tuple[Places, int, Places]] = []
    for piece in even.pieces:
        starts = np.arange(piece.start, piece.stop - length - ahead + 1, stride, dtype=np.int64)
        if options.window.test == "last" and len(starts):
            starts += (piece.stop - length - ahead - piece.start) % stride
        whole = starts[~_has_gaps(even.channels, piece.start, piece.stop, starts, length)]
        parts.append((whole, piece.run, whole - piece.start + piece.at))
    _report_short(even, runs, options, found)
    start = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, np.int64)
    run = np.concatenate([np.full(len(part[0]), part[1]) for part in parts]) if parts else np.zeros(0, np.int64)
    at = np.concatenate([part[2] for part in parts]) if parts else np.zeros(0, np.int64)
    return Windows(start, run.astype(np.int64), at, length)


def _has_gaps(channels: Array, first: int, last: int, starts: Places, length: int) -> NDArray[np.bool_]:
    missing = np.isnan(channels[first:last]).any(axis=1)
    before = np.concatenate([[0], np.cumsum(missing)])
    return np.asarray(before[starts - first + length] > before[starts - first])


def _report_short(even: Even, runs: Sequence[Run], options: Series, found: Findings) -> None:
    length, ahead = options.window.length, options.target.ahead
    longest = np.zeros(len(runs), np.int64)
    for piece in even.pieces:
        longest[piece.run] = max(longest[piece.run], piece.stop - piece.start)
    for number, run in enumerate(runs):
        if 0 < longest[number] < length + ahead:
            message = f"has {longest[number]} samples without a gap where a window needs {length + ahead}"
            found.fault(run.name, "short_run", f"{message}: shorten the window, or bring longer runs")
    lost = sum(piece.stop - piece.start for piece in even.pieces if piece.stop - piece.start < length + ahead)
    if lost and len(even.pieces) > len(runs):
        found.warn("short_pieces", f"{lost} samples lie between gaps that no window fits between", samples=lost)


def filled(even: Even, found: Windows, into: Array) -> None:
    """Put windows into an array float32 [N, C, L]."""
    if not len(found):
        return
    view = sliding_window_view(even.channels, found.length, axis=0)
    for first in range(0, len(found), BLOCK):
        into[first : first + BLOCK] = view[found.start[first : first + BLOCK]]


def taken(labels: Array, found: Windows, take: str, ahead: int) -> NDArray[np.float64]:
    """What each window is labelled with: [N, width] from the labels of samples [T, width]; NaN where one is missing.

    Args:
        take, ahead: as `kdcore.spec.bringing.series.SeriesTarget` has them.
    """
    if take == "last":
        return np.asarray(labels[found.start + found.length - 1 + ahead])
    rows = np.empty((len(found), labels.shape[1]))
    view = sliding_window_view(labels, found.length, axis=0)
    for first in range(0, len(found), BLOCK):
        block = view[found.start[first : first + BLOCK]]
        rows[first : first + len(block)] = _majority(block) if take == "majority" else getattr(np, take)(block, axis=2)
    return rows


def _majority(block: Array) -> Array:
    """The commonest value of the last axis, the smallest of those that are equally common; NaN where there is one."""
    values = np.unique(block[~np.isnan(block)])
    counts = np.stack([(block == value).sum(axis=2) for value in values], axis=-1) if len(values) else None
    best = np.full(block.shape[:2], np.nan) if counts is None else values[counts.argmax(axis=-1)]
    return np.where(np.isnan(block).any(axis=2), np.nan, best)
