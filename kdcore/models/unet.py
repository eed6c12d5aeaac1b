"""U-Nets for small pictures (Ronneberger, Fischer, Brox 2015, arXiv 1505.04597): a class for each pixel."""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.models.landmarks import Landmarks
from kdcore.models.resnet import init_convolutions
from kdcore.spec.catalogue_sizes import scaled

CHANNELS = 16
"""Of the first level, before ``width``; each further level has twice as many."""


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch norm and ReLU."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, before in ((1, inputs), (2, outputs)):
        layers[f"conv{number}"] = nn.Conv2d(before, outputs, 3, padding=1, bias=False)
        layers[f"bn{number}"] = nn.BatchNorm2d(outputs)
        layers[f"relu{number}"] = nn.ReLU()
    return nn.Sequential(layers)


class Down(nn.Module):
    """A level of the way down: maps at half the height and width, all but on the first level, and two convolutions."""

    def __init__(self, inputs: int, outputs: int, *, halves: bool) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2, ceil_mode=True) if halves else nn.Identity()
        self.body = _twice(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.body(self.pool(x)))


class Up(nn.Module):
    """A level of the way up: deeper maps enlarged to those from the way down, put beside them, two convolutions."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(inputs, outputs, 1)
        self.body = _twice(2 * outputs, outputs)

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:
        larger = F.interpolate(self.narrow(x), beside.shape[2:], mode="nearest")
        return cast(Tensor, self.body(torch.cat([beside, larger], dim=1)))


class UNet(nn.Module):
    """``down``, ``up`` and ``head``: pictures [B, C, H, W] of any size to logits [B, K, H, W].

    Ours: zero padding, so that the masks are as large as the pictures; batch norm; enlargement by repetition behind a
    1x1 convolution; 16 channels on the first level.

    Args:
        depth: levels, 2 or more.
    """

    def __init__(self, depth: int, num_classes: int, *, in_channels: int = 3, width: float = 1.0) -> None:
        super().__init__()
        counts = [scaled(CHANNELS * 2**level, width) for level in range(depth)]
        before = [in_channels, *counts]
        self.down = nn.ModuleList(
            Down(a, b, halves=i > 0) for i, (a, b) in enumerate(zip(before, counts, strict=False))
        )
        self.up = nn.ModuleList(Up(counts[i + 1], counts[i]) for i in reversed(range(depth - 1)))
        self.head = nn.Conv2d(counts[0], num_classes, 1)
        paths = tuple(f"down.{i}" for i in range(depth)) + tuple(f"up.{i}" for i in range(depth - 1))
        self.landmarks = Landmarks(paths, "head", f"down.{depth - 1}")
        init_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        seen = []
        for level in self.down:
            x = level(x)
            seen.append(x)
        for level, beside in zip(self.up, reversed(seen[:-1]), strict=True):
            x = level(x, beside)
        return cast(Tensor, self.head(x))
