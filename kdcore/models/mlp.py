"""Multilayer perceptrons for rows of a table [B, F], with batch norm and, if wanted, shortcuts."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from kdcore.models.landmarks import Landmarks
from kdcore.spec.catalogue_sizes import scaled

CHANNELS = 256
"""Of every hidden layer, before ``width``."""


class Dense(nn.Module):
    """A linear layer, batch norm and ReLU, with ``shortcut`` around them (Gorishniy et al. 2021, arXiv 2106.11959)."""

    def __init__(self, inputs: int, outputs: int, *, shortcut: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.bn = nn.BatchNorm1d(outputs)
        self.relu = nn.ReLU()
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn(self.linear(x)))
        return cast(Tensor, x + out if self.shortcut else out)


class Perceptron(nn.Module):
    """``blocks`` and ``head``: rows [B, features] to logits [B, num_classes].

    Args:
        depth: hidden layers, each a block.
        width: multiplier of their 256 channels.
        residual: whether every block but the first adds to its input.
    """

    def __init__(
        self, depth: int, num_classes: int, *, features: int = 16, width: float = 1.0, residual: bool = False
    ) -> None:
        super().__init__()
        channels = scaled(CHANNELS, width)
        rest = (Dense(channels, channels, shortcut=residual) for _ in range(depth - 1))
        self.blocks = nn.Sequential(Dense(features, channels, shortcut=False), *rest)
        self.head = nn.Linear(channels, num_classes)
        paths = tuple(f"blocks.{i}" for i in range(depth))
        before = {"preactivations": tuple(f"{path}.relu@in" for path in paths)}
        self.landmarks = Landmarks(paths, "head", paths[(depth - 1) // 2], before)
        with torch.no_grad():
            for block in self.blocks:
                nn.init.kaiming_normal_(cast(Dense, block).linear.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.blocks(x)))
