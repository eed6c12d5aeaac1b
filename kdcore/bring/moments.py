"""Figures of the inputs by channel, taken block by block: mean, deviation, range, values that are no numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.cutting import Places
from kdcore.bring.findings import Findings
from kdcore.bring.room import Array
from kdcore.errors import EngineError
from kdcore.spec.tasks import InputKind

BLOCK: Final = 1 << 24
"""Bytes that are looked at together."""


@dataclass(frozen=True)
class Moments:
    """By channel, over the training split; of pictures on the scale 0 to 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    least: tuple[float, ...]
    most: tuple[float, ...]

    def divisors(self, kind: InputKind) -> tuple[float, ...]:
        """Standard deviations to divide by: one for what does not vary, at least a thousandth for pictures."""
        return tuple(max(std, 1e-3) if kind == "image" else std or 1.0 for std in self.std)

    def document(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """A record for each channel."""
        rows = zip(self.mean, self.std, self.least, self.most, strict=True)
        return [
            {
                "channel": names[place] if place < len(names) else str(place),
                "mean": mean,
                "std": std,
                "min": a,
                "max": b,
            }
            for place, (mean, std, a, b) in enumerate(rows)
        ]


def blocks(rows: Array, places: Places) -> Iterator[Array]:
    """The rows at ``places``, some at a time."""
    size = max(1, BLOCK // max(rows[:1].nbytes, 1))
    for start in range(0, len(places), size):
        yield np.asarray(rows[places[start : start + size]])


def moments(kind: InputKind, rows: Array, places: Places) -> Moments | None:
    """Moments of the channels of pictures, series and tables; token ids have none."""
    if kind == "tokens":
        return None
    return _of_bytes(rows, places) if kind == "image" else _of_floats(rows, places)


def _of_bytes(rows: Array, places: Places) -> Moments:
    """From exact integer histograms, so that any machine gets the same."""
    counts = np.zeros((rows.shape[1], 256), dtype=np.int64)
    for block in blocks(rows, places):
        for channel in range(rows.shape[1]):
            counts[channel] += np.bincount(block[:, channel].reshape(-1), minlength=256)
    levels = np.arange(256) / 255
    shares = counts / counts.sum(axis=1, keepdims=True)
    mean = shares @ levels
    std = np.sqrt((shares * np.square(levels - mean[:, None])).sum(axis=1))
    seen = [levels[row > 0] for row in counts]
    return Moments(_row(mean), _row(std), _row([s.min() for s in seen]), _row([s.max() for s in seen]))


def _of_floats(rows: Array, places: Places) -> Moments:
    """In two passes, since the square of a sum of large numbers hides small differences."""
    axes = (0, *range(2, rows.ndim))
    count = len(places) * int(np.prod(rows.shape[2:], dtype=np.int64))
    total = np.zeros(rows.shape[1])
    least, most = np.full(rows.shape[1], np.inf), np.full(rows.shape[1], -np.inf)
    for block in blocks(rows, places):
        total += block.sum(axis=axes, dtype=np.float64)
        least, most = np.minimum(least, block.min(axis=axes)), np.maximum(most, block.max(axis=axes))
    mean = total / count
    shaped = mean.reshape(-1, *(1,) * (rows.ndim - 2))
    squares = sum(np.square(block - shaped).sum(axis=axes) for block in blocks(rows, places))
    return Moments(_row(mean), _row(np.sqrt(squares / count)), _row(least), _row(most))


def _row(values: NDArray[np.float64] | Sequence[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def check_numbers(kind: InputKind, rows: Array, names: Sequence[str], channels: Sequence[str]) -> None:
    """Refuse inputs that are no finite numbers and that a reader let through.

    Raises:
        EngineError: ``invalid_data``, naming the first example and channel.
    """
    if kind in {"image", "tokens"}:
        return
    done = 0
    for block in blocks(rows, np.arange(len(rows))):
        wrong = np.argwhere(~np.isfinite(block))
        if len(wrong):
            row, channel = int(wrong[0][0]) + done, int(wrong[0][1])
            called = channels[channel] if channel < len(channels) else f"number {channel}"
            message = f"{names[row]}: channel {called} holds NaN or infinity: fill it, or leave the example out"
            raise EngineError("invalid_data", message, "/source")
        done += len(block)


def check_spread(found_moments: Moments | None, channels: Sequence[str], found: Findings) -> None:
    """Warn of channels that say nothing."""
    for place, std in enumerate(found_moments.std if found_moments else ()):
        if std == 0:
            called = channels[place] if place < len(channels) else f"number {place}"
            found.warn(
                "constant_channel", f"channel {called} has the same value everywhere: leave it out", channel=place
            )
