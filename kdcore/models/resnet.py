"""CIFAR-style residual networks (He et al. 2016, section 4.2) in the widths of the distillation literature."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdcore.models.landmarks import stage_landmarks
from kdcore.spec.catalogue_sizes import scaled

NARROW = (16, 16, 32, 64)
WIDE = (32, 64, 128, 256)
"""Channels of the stem and of the three stages; WIDE are the ``x4`` networks of CRD's and mdistiller's code."""


class PadShortcut(nn.Module):
    """Option A of He et al.: every second position, and zeros for the channels that are new."""

    def __init__(self, new_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.before = new_channels // 2
        self.after = new_channels - self.before

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut; ``relu2@in`` is the value before the last activation."""

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: nn.Module) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = shortcut
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        return cast(Tensor, self.relu2(self.bn2(self.conv2(out)) + self.shortcut(x)))


class Stage(nn.Module):
    """Blocks that work at one resolution; the first of them may come down to it."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.blocks(x))


class ResNet(nn.Module):
    """``stem``, three ``stages`` of ``blocks``, ``pool`` and ``head``; depth is ``6 * blocks + 2``.

    Args:
        blocks: blocks in each stage.
        channels: of the stem and of each stage, before ``width``.
        shortcut: ``projection`` (1x1 convolution and batch norm where shapes change, as CRD's code) or ``pad``
            (option A of the paper, without parameters).
    """

    def __init__(
        self,
        blocks: int,
        channels: tuple[int, ...],
        num_classes: int,
        *,
        in_channels: int = 3,
        width: float = 1.0,
        shortcut: str = "projection",
    ) -> None:
        super().__init__()
        stem, *rest = channels
        self.stem = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(in_channels, scaled(stem, width), 3, padding=1, bias=False),
                bn=nn.BatchNorm2d(scaled(stem, width)),
                relu=nn.ReLU(),
            )
        )
        pairs = pairwise(channels)
        self.stages = nn.Sequential(
            *(_stage(a, b, 1 if i == 0 else 2, blocks, width, shortcut) for i, (a, b) in enumerate(pairs))
        )
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(scaled(rest[-1], width), num_classes)
        self.landmarks = stage_landmarks([blocks] * len(rest), preactivations=".relu2@in")
        init_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.pool(self.stages(self.stem(x)))))


def _stage(inputs: int, outputs: int, stride: int, blocks: int, width: float, shortcut: str) -> Stage:
    channels = scaled(outputs, width)
    first = BasicBlock(scaled(inputs, width), channels, stride, _shortcut(inputs, outputs, stride, width, shortcut))
    rest = (BasicBlock(channels, channels, 1, nn.Identity()) for _ in range(blocks - 1))
    return Stage([first, *rest])


def _shortcut(inputs: int, outputs: int, stride: int, width: float, kind: str) -> nn.Module:
    if inputs == outputs and stride == 1:
        return nn.Identity()
    before, after = scaled(inputs, width), scaled(outputs, width)
    if kind == "pad":
        return PadShortcut(after - before, stride)
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(before, after, 1, stride, bias=False), bn=nn.BatchNorm2d(after)))


def init_convolutions(model: nn.Module) -> None:
    """He et al. 2015, by fan-out, drawn from torch's global generator."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
