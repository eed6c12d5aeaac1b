"""Wide residual networks (Zagoruyko and Komodakis 2016): pre-activation blocks, many channels, little depth."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from kdcore.models.landmarks import stage_landmarks
from kdcore.models.resnet import Stage, init_convolutions
from kdcore.spec.catalogue_sizes import scaled


class PreActivationBlock(nn.Module):
    """Norm, activation, convolution, twice; where shapes change the shortcut starts after the first activation."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, projects: bool) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.projects = projects
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if projects else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        active = self.relu1(self.bn1(x))
        out = self.conv2(self.relu2(self.bn2(self.conv1(active))))
        return cast(Tensor, out + self.shortcut(active if self.projects else x))


class WideResNet(nn.Module):
    """``stem``, three ``stages``, ``bn``, ``relu``, ``pool`` and ``head``; depth is ``6 * blocks + 4``."""

    def __init__(self, blocks: int, widen: int, num_classes: int, *, in_channels: int = 3, width: float = 1.0) -> None:
        super().__init__()
        channels = (16, 16 * widen, 32 * widen, 64 * widen)
        last = scaled(channels[-1], width)
        stem = nn.Conv2d(in_channels, scaled(channels[0], width), 3, padding=1, bias=False)
        self.stem = nn.Sequential(OrderedDict(conv=stem))
        pairs = pairwise(channels)
        self.stages = nn.Sequential(
            *(_stage(a, b, 1 if i == 0 else 2, blocks, width) for i, (a, b) in enumerate(pairs))
        )
        self.bn = nn.BatchNorm2d(last)
        self.relu = nn.ReLU()
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(last, num_classes)
        self.landmarks = stage_landmarks([blocks] * 3, preactivations="")
        init_convolutions(self)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn(self.stages(self.stem(x))))
        return cast(Tensor, self.head(self.pool(out)))


def _stage(inputs: int, outputs: int, stride: int, blocks: int, width: float) -> Stage:
    channels = scaled(outputs, width)
    projects = inputs != outputs or stride != 1
    first = PreActivationBlock(scaled(inputs, width), channels, stride, projects=projects)
    rest = (PreActivationBlock(channels, channels, 1, projects=False) for _ in range(blocks - 1))
    return Stage([first, *rest])
