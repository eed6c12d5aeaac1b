"""Temporal convolutional networks for series (Bai, Kolter, Koltun 2018, arXiv 1803.01271)."""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.models.conv1d import Rows
from kdcore.models.landmarks import Landmarks
from kdcore.models.resnet import init_convolutions
from kdcore.spec.catalogue_sizes import scaled

CHANNELS = 64
"""Of every block, before ``width``."""


class Causal(nn.Conv2d):
    """A dilated convolution of maps of one row that sees a position and what came before it (section 3.1)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__(inputs, outputs, (1, kernel), dilation=(1, dilation), bias=False)
        self.before = (kernel - 1) * dilation

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.pad(input, (self.before, 0)))


class TemporalBlock(nn.Module):
    """Two dilated causal convolutions and a shortcut (figure 1b); ``relu3@in`` is the value before the last one."""

    def __init__(self, channels: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = Causal(channels, channels, kernel, dilation)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = Causal(channels, channels, kernel, dilation)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        return cast(Tensor, self.relu3(self.relu2(self.bn2(self.conv2(out))) + x))


class TemporalNet(nn.Module):
    """``rows``, ``stem``, ``blocks`` with dilations 1, 2, 4, ..., ``pool`` and ``head``: [B, in_channels, L] to logits.

    Ours: a pointwise stem, so that all blocks are alike; batch norm in place of weight norm and dropout; the mean over
    the positions in place of the last one, so that a series longer than what one position sees counts whole. A
    position of the last block sees ``1 + 2 (kernel - 1) (2^depth - 1)`` of the series.

    Args:
        depth: blocks.
        in_channels: sensors.
        kernel: positions that a convolution sees.
    """

    def __init__(self, depth: int, in_channels: int, num_classes: int, *, kernel: int = 5, width: float = 1.0) -> None:
        super().__init__()
        channels = scaled(CHANNELS, width)
        self.rows = Rows()
        conv = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.stem = nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(channels), relu=nn.ReLU()))
        self.blocks = nn.Sequential(*(TemporalBlock(channels, kernel, 2**i) for i in range(depth)))
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(channels, num_classes)
        paths = tuple(f"blocks.{i}" for i in range(depth))
        before = {"preactivations": tuple(f"{path}.relu3@in" for path in paths)}
        self.landmarks = Landmarks(paths, "head", paths[(depth - 1) // 2], before)
        init_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.pool(self.blocks(self.stem(self.rows(x))))))
