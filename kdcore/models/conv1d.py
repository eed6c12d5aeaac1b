"""Residual networks for windows of sensor readings [B, C, L]: the picture networks' structure along one axis."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from kdcore.models.landmarks import stage_landmarks
from kdcore.models.resnet import Stage
from kdcore.spec.catalogue_sizes import scaled

CHANNELS = (32, 32, 64, 128)
"""Of the stem and of the three stages."""


class SignalBlock(nn.Module):
    """Two convolutions and a shortcut; ``relu2@in`` is the value before the last activation."""

    def __init__(self, inputs: int, outputs: int, stride: int, kernel: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm1d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv1d(outputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.bn2 = nn.BatchNorm1d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            conv = nn.Conv1d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm1d(outputs)))
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        return cast(Tensor, self.relu2(self.bn2(self.conv2(out)) + self.shortcut(x)))


class SignalResNet(nn.Module):
    """``stem``, ``stages`` of ``blocks`` each, ``pool`` and ``head``; from [B, in_channels, L] to logits.

    Args:
        blocks: blocks in each stage.
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
        conv = nn.Conv1d(in_channels, counts[0], kernel, padding=kernel // 2, bias=False)
        self.stem = nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm1d(counts[0]), relu=nn.ReLU()))
        self.stages = nn.Sequential(
            *(_stage(a, b, 1 if i == 0 else 2, blocks, kernel) for i, (a, b) in enumerate(pairwise(counts)))
        )
        self.pool = nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten())
        self.head = nn.Linear(counts[-1], num_classes)
        self.landmarks = stage_landmarks([blocks] * (len(counts) - 1), preactivations=".relu2@in")
        _init(self)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.pool(self.stages(self.stem(x)))))


def _stage(inputs: int, outputs: int, stride: int, blocks: int, kernel: int) -> Stage:
    rest = (SignalBlock(outputs, outputs, 1, kernel) for _ in range(blocks - 1))
    return Stage([SignalBlock(inputs, outputs, stride, kernel), *rest])


def _init(model: nn.Module) -> None:
    """He et al. 2015, by fan-out, drawn from torch's global generator."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv1d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
