"""Residual networks for series [B, C, L]: the picture networks' structure along one axis.

A series is a picture of one row: [B, C, L] becomes maps [B, C, 1, L] at the entrance. PyTorch's one-dimensional
convolutions do the same inside, and so every adapter, distance and prompt for maps serves series.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from kdcore.models.landmarks import stage_landmarks
from kdcore.models.resnet import Stage, init_convolutions
from kdcore.spec.catalogue_sizes import scaled

CHANNELS = (32, 32, 64, 128)
"""Of the stem and of the three stages."""


class Rows(nn.Module):
    """Series [B, C, L] as maps of one row [B, C, 1, L]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(2)


def along(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution over ``kernel`` positions, odd, of maps of one row; without stride it keeps their length."""
    return nn.Conv2d(inputs, outputs, (1, kernel), (1, stride), padding=(0, kernel // 2), bias=False)


class SignalBlock(nn.Module):
    """Two convolutions and a shortcut; ``relu2@in`` is the value before the last activation."""

    def __init__(self, inputs: int, outputs: int, stride: int, kernel: int) -> None:
        super().__init__()
        self.conv1 = along(inputs, outputs, kernel, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = along(outputs, outputs, kernel)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            conv = along(inputs, outputs, 1, stride)
            self.shortcut = nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(outputs)))
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        return cast(Tensor, self.relu2(self.bn2(self.conv2(out)) + self.shortcut(x)))


class SignalResNet(nn.Module):
    """``rows``, ``stem``, ``stages`` of ``blocks`` each, ``pool`` and ``head``; from [B, in_channels, L] to logits.

    Args:
        blocks: blocks in each stage; the depth is ``6 * blocks + 2``.
        in_channels: sensors.
        channels: of the stem and of each stage, before ``width``; each stage after the first halves the length.
        kernel: positions that a convolution sees; odd, so that lengths are kept.

    Raises:
        ValueError: an even kernel.
    """

    def __init__(
        self,
        blocks: int,
        in_channels: int,
        num_classes: int,
        *,
        channels: Sequence[int] = CHANNELS,
        kernel: int = 5,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel must be odd to keep the length (got {kernel})")
        counts = [scaled(count, width) for count in channels]
        self.rows = Rows()
        conv = along(in_channels, counts[0], kernel)
        self.stem = nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(counts[0]), relu=nn.ReLU()))
        self.stages = nn.Sequential(
            *(_stage(a, b, 1 if i == 0 else 2, blocks, kernel) for i, (a, b) in enumerate(pairwise(counts)))
        )
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(counts[-1], num_classes)
        self.landmarks = stage_landmarks([blocks] * (len(counts) - 1), preactivations=".relu2@in")
        init_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.pool(self.stages(self.stem(self.rows(x))))))


def _stage(inputs: int, outputs: int, stride: int, blocks: int, kernel: int) -> Stage:
    rest = (SignalBlock(outputs, outputs, 1, kernel) for _ in range(blocks - 1))
    return Stage([SignalBlock(inputs, outputs, stride, kernel), *rest])
