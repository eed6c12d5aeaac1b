"""Maxout layers (Goodfellow et al. 2013): each unit is the largest of several linear pieces."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

SECOND_MOMENT = {2: 1.0, 3: 1.2757, 4: 1.5513, 5: 1.8}
"""Mean square of the largest of so many standard normal numbers; initial weights are divided by its root."""


class Maxout(nn.Module):
    """``[B, units * pieces, ...]`` to ``[B, units, ...]``; the pieces of a unit are neighbours."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 1, (-1, self.pieces)).amax(2)


class GlobalMaxPool(nn.Module):
    """``[B, C, H, W]`` to ``[B, C, 1, 1]``: the largest value of each map, at any size."""

    def forward(self, x: Tensor) -> Tensor:
        return x.amax((2, 3), keepdim=True)


class MaxoutConv2d(nn.Module):
    """Convolution to ``outputs * pieces`` maps, optional batch norm, maximum over pieces, optional pooling.

    The pooling belongs to the layer, as in the published configurations, so a hint is the pooled map.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        padding: int,
        *,
        pieces: int = 2,
        pool: nn.Module | None = None,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs * pieces, kernel, padding=padding, bias=not batch_norm)
        if batch_norm:
            self.bn = nn.BatchNorm2d(outputs * pieces)
        self.maxout = Maxout(pieces)
        if pool is not None:
            self.pool = pool
        _init(self.conv, pieces)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return x


class MaxoutLinear(nn.Module):
    """Linear layer to ``outputs * pieces`` numbers and the maximum over pieces."""

    def __init__(self, inputs: int, outputs: int, pieces: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs * pieces)
        self.maxout = Maxout(pieces)
        _init(self.linear, pieces)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.maxout(self.linear(x)))


def _init(layer: nn.Conv2d | nn.Linear, pieces: int) -> None:
    """Normal weights that keep the mean square of the signal through the maximum; the paper's range vanishes."""
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=1 / math.sqrt(fan_in * SECOND_MOMENT[pieces]))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
