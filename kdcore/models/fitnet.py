"""FitNets' thin deep students and their maxout teacher (Romero et al. 2015, arXiv 1412.6550, and its code).

The students' fully connected layer has 500 units of 2 pieces: only so do the paper's 250K, 862K and 2.5M parameters
come out. The teacher's third pooling is 4x4 with stride 2: only so do its 725M multiplications and 9M parameters.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from kdcore.models.landmarks import Landmarks, stage_landmarks
from kdcore.models.maxout import GlobalMaxPool, MaxoutConv2d, MaxoutLinear
from kdcore.models.resnet import Stage
from kdcore.spec.catalogue_sizes import scaled

STUDENTS: dict[str, tuple[tuple[int, ...], ...]] = {
    "fitnet1": ((16, 16, 16), (32, 32, 32), (48, 48, 64)),
    "fitnet2": ((16, 32, 32), (48, 64, 80), (96, 96, 128)),
    "fitnet3": ((32, 48, 64, 64), (80, 80, 80, 80), (128, 128, 128)),
    "fitnet4": ((32, 32, 32, 48, 48), (80,) * 6, (128,) * 6),
}
"""Maps of each 3x3 maxout convolution; a stage ends in 2x2 pooling, the last one in pooling over all positions."""

HIDDEN = 500


class FitNet(nn.Module):
    """``stages`` of maxout convolutions, ``flatten``, ``hidden``, ``head``; the guided layer ends the second stage."""

    def __init__(
        self,
        maps: tuple[tuple[int, ...], ...],
        num_classes: int,
        *,
        in_channels: int = 3,
        width: float = 1.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        stages, inputs = [], in_channels
        for at, stage in enumerate(maps):
            pool = GlobalMaxPool() if at == len(maps) - 1 else nn.MaxPool2d(2)
            outputs = [scaled(count, width) for count in stage]
            stages.append(_stage(inputs, outputs, pool, batch_norm))
            inputs = outputs[-1]
        self.stages = nn.Sequential(*stages)
        self.flatten = nn.Flatten()
        self.hidden = MaxoutLinear(inputs, scaled(HIDDEN, width), pieces=2)
        self.head = nn.Linear(scaled(HIDDEN, width), num_classes)
        self.landmarks = stage_landmarks([len(stage) for stage in maps])

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.hidden(self.flatten(self.stages(x)))))


def _stage(inputs: int, outputs: list[int], pool: nn.Module, batch_norm: bool) -> Stage:
    layers: list[nn.Module] = []
    for at, (before, after) in enumerate(zip([inputs, *outputs], outputs, strict=False)):
        last = at == len(outputs) - 1
        layers.append(MaxoutConv2d(before, after, 3, 1, pool=pool if last else None, batch_norm=batch_norm))
    return Stage(layers)


class MaxoutTeacher(nn.Module):
    """Three maxout convolutions of 96, 192 and 192 maps with overlapping pooling, and 500 units of 5 pieces."""

    def __init__(
        self,
        num_classes: int,
        *,
        in_channels: int = 3,
        width: float = 1.0,
        image_size: int = 32,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        a, b, hidden = (scaled(count, width) for count in (96, 192, HIDDEN))
        self.stages = nn.Sequential(
            Stage([MaxoutConv2d(in_channels, a, 8, 4, pool=_pool(ceil=True), batch_norm=batch_norm)]),
            Stage([MaxoutConv2d(a, b, 8, 3, pool=_pool(ceil=True), batch_norm=batch_norm)]),
            Stage([MaxoutConv2d(b, b, 5, 3, pool=_pool(ceil=False), batch_norm=batch_norm)]),
        )
        self.flatten = nn.Flatten()
        self.hidden = MaxoutLinear(b * final_side(image_size) ** 2, hidden, pieces=5)
        self.head = nn.Linear(hidden, num_classes)
        self.landmarks = Landmarks(tuple(f"stages.{i}.blocks.0" for i in range(3)), "head", "stages.1.blocks.0")

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.hidden(self.flatten(self.stages(x)))))


def _pool(*, ceil: bool) -> nn.Module:
    return nn.MaxPool2d(4, stride=2, ceil_mode=ceil)


def final_side(image_size: int) -> int:
    """Side of the teacher's last map: 3 for pictures of 28 and of 32 pixels.

    Raises:
        ValueError: when the poolings leave nothing.
    """
    after_first = -(-(image_size + 1 - 4) // 2) + 1
    after_second = -(-(after_first - 1 - 4) // 2) + 1
    side = (after_second + 2 - 4) // 2 + 1
    if min(after_first, after_second, side) < 1 or after_first < 5:
        raise ValueError(f"image_size={image_size} is too small for maxout-teacher; it needs at least 12")
    return side
