"""Runs made even: their times checked, brought to one rate where that is asked for, and parted at gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.cutting import Places
from kdcore.bring.findings import Findings
from kdcore.bring.room import Array, Room
from kdcore.bring.rows.spool import Spool, check_bytes
from kdcore.bring.series.runs import Run, Samples
from kdcore.bring.series.times import Rate, Times, grid, held, interpolated, pieces, same, usual_step
from kdcore.spec.bringing.series import Series

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """Samples of a run without a gap: rows ``start`` up to ``stop`` of ``Even``, from sample ``at`` of the run."""

    run: int
    start: int
    stop: int
    at: int


@dataclass(frozen=True)
class Even:
    """Samples at one rate, run by run.

    Attributes:
        channels: float32 [T, C].
        labels: float64 [T, width] as `kdcore.bring.targets` keeps them; width 0 where labels belong to runs.
        lengths: samples of each run.
        rate_hz: samples a second, where it is known.
    """

    channels: Array
    labels: Array
    pieces: list[Piece]
    lengths: Places
    rate_hz: float | None


class _Evening:
    """Runs as they are made even, one after the other."""

    def __init__(self, samples: Samples, options: Series, room: Room) -> None:
        self._samples, self._options, self._room = samples, options, room
        self._width = len(samples.channels)
        labels = samples.values.shape[1] - 1 - self._width
        self._channels = Spool(room.scratch / "even", self._width, np.float32, room.caps)
        self._labels = Spool(room.scratch / "even-labels", max(labels, 1), np.float64, room.caps)
        self._pieces: list[Piece] = []
        self._count = 0
        self._lengths = np.zeros(len(samples.runs), np.int64)

    def add(self, number: int, rate: Rate | None) -> None:
        """Take a run; its rate where its samples have times."""
        run = self._samples.runs[number]
        lines, values = self._samples.of(number)
        _check_channels(run, values[:, 1 : 1 + self._width], lines, self._samples.channels, self._room.found)
        if rate is None:
            self._put(number, values[:, 1:])
            return
        times = values[:, 0]
        for first, last in pieces(times, self._options.gap * rate.step):
            part = values[first:last, 1:]
            self._put(number, part if self._options.resample is None else self._resampled(times[first:last], part))

    def _resampled(self, times: Times, values: Numbers) -> Numbers:
        assert self._options.resample is not None
        check_bytes(
            int((times[-1] - times[0]) * self._options.resample) * 8 * values.shape[1], self._room.caps.pack_bytes
        )
        wanted = grid(times, self._options.resample)
        channels = interpolated(times, values[:, : self._width], wanted)
        return np.concatenate([channels, held(times, values[:, self._width :], wanted)], axis=1)

    def _put(self, number: int, values: Numbers) -> None:
        self._channels.add(values[:, : self._width])
        labels = values[:, self._width :]
        self._labels.add(labels if labels.shape[1] else np.zeros((len(values), 1)))
        at = int(self._lengths[number])
        self._pieces.append(Piece(number, self._count, self._count + len(values), at))
        self._count += len(values)
        self._lengths[number] += len(values)

    def done(self, rate_hz: float | None) -> Even:
        """All runs."""
        return Even(self._channels.rows(), self._labels.rows(), self._pieces, self._lengths, rate_hz)


def even(samples: Samples, options: Series, room: Room) -> Even:
    """Samples of all runs whose times make sense, at one rate.

    A run whose times do not rise, whose rate is not that of most runs, or whose steps are uneven is a fault.
    """
    evening = _Evening(samples, options, room)
    room.steps.begin("make", len(samples.runs))
    if options.time is None:
        for number in range(len(samples.runs)):
            evening.add(number, None)
            room.steps.advance()
        return evening.done(options.rate_hz)
    rates = _rates(samples, options, room.found)
    for number, rate in rates.items():
        evening.add(number, rate)
        room.steps.advance()
    usual = 1 / usual_step(list(rates.values())) if rates else None
    return evening.done(options.resample or usual)


def _rates(samples: Samples, options: Series, found: Findings) -> dict[int, Rate]:
    """The rate of each run that can be used."""
    rates: dict[int, Rate] = {}
    for number, run in enumerate(samples.runs):
        lines, values = samples.of(number)
        rate = _rate(run, lines, values[:, 0], found)
        if rate is not None:
            rates[number] = rate
    if options.resample is not None or not rates:
        return rates
    usual = usual_step(list(rates.values()))
    return {number: rate for number, rate in rates.items() if _fits(samples.runs[number], rate, usual, found)}


def _rate(run: Run, lines: Places, times: Times, found: Findings) -> Rate | None:
    if np.isnan(times).any():
        return None  # said already, line by line
    falls = np.flatnonzero(np.diff(times) <= 0)
    if len(falls):
        line = int(lines[falls[0] + 1])
        message = f"its times do not rise at line {line} (and at {len(falls) - 1} others): sort it, or name its runs"
        found.fault(run.name, "times_fall", message)
        return None
    rate = Rate.of(times)
    if rate is None:
        found.fault(run.name, "short_run", "has one sample only: a run needs as many as a window")
    return rate


def _fits(run: Run, rate: Rate, usual: float, found: Findings) -> bool:
    if not same(rate.step, usual):
        message = f"has {1 / rate.step:.6g} samples a second where most runs have {1 / usual:.6g}"
        found.fault(run.name, "mixed_rates", f"{message}: say resample: {1 / usual:.6g}")
        return False
    if not rate.is_even:
        message = f"{rate.uneven} of its {rate.steps} steps are not the usual {rate.step:.6g} s"
        found.fault(run.name, "uneven_rate", f"{message}: say resample: {1 / usual:.6g}")
        return False
    return True


def _check_channels(run: Run, values: Numbers, lines: Places, names: tuple[str, ...], found: Findings) -> None:
    missing = np.isnan(values)
    for channel in np.flatnonzero(missing.any(axis=0)):
        rows = np.flatnonzero(missing[:, channel])
        message = f"{len(rows)} of {len(values)} samples have no value, the first at line {lines[rows[0]]}: fill them"
        found.fault(f"{run.name}, channel {names[channel]!r}", "nan_channel", message)
