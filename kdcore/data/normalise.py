"""From raw inputs to what networks get: standardised by channel or column; token ids stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from kdcore.spec.tasks import InputKind

AXES = {"image": 2, "series": 1, "table": 0}
"""Axes of an input behind its channels, by its kind."""


@dataclass(frozen=True)
class Normalise:
    """``(x / scale - mean) / std`` by channel, where ``scale`` is 255 for pictures and 1 otherwise.

    Attributes:
        mean, std: of the training inputs by channel, pictures on the scale 0 to 1; empty for tokens.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    kind: InputKind = "image"

    @property
    def scale(self) -> int:
        """What raw values are divided by first."""
        return 255 if self.kind == "image" else 1

    def __call__(self, inputs: Tensor) -> Tensor:
        """float32 of the same shape, or int64 token ids."""
        if self.kind == "tokens":
            return inputs.to(torch.int64)
        factor, summand = _line(self, inputs.device)
        return inputs.to(torch.float32, copy=True).mul_(factor).add_(summand)


@lru_cache(maxsize=16)
def _line(by: Normalise, device: torch.device) -> tuple[Tensor, Tensor]:
    """Factor and summand of each channel, kept on the device."""
    shape = (1, len(by.mean), *[1] * AXES[by.kind])
    factor = torch.tensor([1 / (by.scale * s) for s in by.std], device=device).view(shape)
    return factor, torch.tensor([-m / s for m, s in zip(by.mean, by.std, strict=True)], device=device).view(shape)


def moments(inputs: Tensor, kind: InputKind) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation by channel, the same on any machine.

    Those of pictures come from exact integer histograms, on the scale 0 to 1; others are added up in float64 by NumPy,
    in one order. A channel that never changes keeps a standard deviation of 0.001 (pictures) or 1.
    """
    if kind == "tokens":
        return (), ()
    return _of_pictures(inputs) if kind == "image" else _of_values(inputs)


def _of_pictures(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    means, stds = [], []
    levels = torch.arange(256, dtype=torch.float64) / 255
    for channel in range(images.shape[1]):
        share = torch.bincount(images[:, channel].flatten().long(), minlength=256).double()
        share /= share.sum()
        mean = float((share * levels).sum())
        means.append(mean)
        stds.append(max(float((share * (levels - mean) ** 2).sum()) ** 0.5, 1e-3))
    return tuple(means), tuple(stds)


def _of_values(inputs: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    by_channel = inputs.movedim(1, 0).reshape(inputs.shape[1], -1).numpy().astype("float64")
    mean, std = by_channel.mean(1), by_channel.std(1)
    return tuple(mean.tolist()), tuple(float(s) if s > 1e-8 else 1.0 for s in std)
