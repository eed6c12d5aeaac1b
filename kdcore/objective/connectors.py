"""Published connectors: pointwise layers, FT's translator, and branches from a feature to logits of classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.objective.bridges import Adapter, Shape, across
from kdcore.spec.rooms.adapters import BranchOptions, PointwiseOptions
from kdcore.spec.rooms.piece import NoOptions

SLOPE = 0.1
"""Of the leaky rectifiers in FT's published code."""

Size = tuple[int, int] | None


class Resized(Adapter):
    """Maps that are averaged to the smaller one's height and width on both sides before the student's is mapped."""

    def __init__(self, maps: Sequence[nn.Module], students: Sequence[Shape], teachers: Sequence[Shape]) -> None:
        super().__init__(maps)
        self.sizes = [_smaller(s, t) for s, t in zip(students, teachers, strict=True)]

    def forward(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The students' features in the teachers' channels, and the teachers', both at the smaller size."""
        own = [one(_averaged(s, size)) for one, s, size in zip(self.maps, students, self.sizes, strict=True)]
        return own, [_averaged(t, size) for t, size in zip(teachers, self.sizes, strict=True)]


def _smaller(student: Shape, teacher: Shape) -> Size:
    if len(student) < 4:
        return None
    return min(student[2], teacher[2]), min(student[3], teacher[3])


def _averaged(feature: Tensor, size: Size) -> Tensor:
    return feature if size is None or feature.shape[2:] == size else F.adaptive_avg_pool2d(feature, size)


def pointwise(students: Sequence[Shape], teachers: Sequence[Shape], options: PointwiseOptions) -> Adapter:
    """Layers that look at one position at a time: 1x1 convolutions of maps, linear layers of vectors and tokens.

    Raises:
        ValueError: features of different kinds, or tokens of different number.
    """
    pairs = zip(students, teachers, strict=True)
    return Resized([_pointwise(s, t, options) for s, t in pairs], students, teachers)


def _pointwise(student: Shape, teacher: Shape, options: PointwiseOptions) -> nn.Module:
    if len(student) != len(teacher) or (len(student) == 3 and student[1] != teacher[1]):
        raise ValueError(f"adapter 'pointwise' joins features of one kind (got {student} and {teacher}): use 'auto'")
    own, other = (shape[-1] if len(shape) == 3 else shape[1] for shape in (student, teacher))
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise([own, *[other] * options.layers]), start=1):
        layers.append(_layer(len(student), inputs, outputs, options.bias and not options.norm))
        if options.norm:
            layers.append(_norm(len(student), outputs))
        if number < options.layers or options.activation:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def _layer(rank: int, inputs: int, outputs: int, bias: bool) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 1, bias=bias) if rank == 4 else nn.Linear(inputs, outputs, bias=bias)


def _norm(rank: int, channels: int) -> nn.Module:
    norms: dict[int, Callable[[int], nn.Module]] = {2: nn.BatchNorm1d, 3: nn.LayerNorm, 4: nn.BatchNorm2d}
    return norms[rank](channels)


def translator(students: Sequence[Shape], teachers: Sequence[Shape], options: NoOptions) -> Adapter:
    """Three 3x3 convolutions with BatchNorm and leaky rectifiers to the channels of a teacher's factor; 1x3 for series.

    Raises:
        ValueError: features that are no maps.
    """
    for shape in (*students, *teachers):
        if len(shape) != 4:
            raise ValueError(f"adapter 'translator' joins feature maps [B, C, H, W] (got {shape}): use 'auto'")
    maps = [_translator(s, t[1]) for s, t in zip(students, teachers, strict=True)]
    return Resized(maps, students, teachers)


def _translator(student: Shape, outputs: int) -> nn.Module:
    inputs, kernel, padding = student[1], across(student, 3), across(student, 1, 0)
    layers: list[nn.Module] = []
    for before, after in ((inputs, inputs), (inputs, outputs), (outputs, outputs)):
        layers += [nn.Conv2d(before, after, kernel, padding=padding), nn.BatchNorm2d(after), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)


class Positions(nn.Module):
    """A feature averaged over its positions: [B, C, H, W] or [B, L, D] to vectors."""

    def forward(self, feature: Tensor) -> Tensor:
        if feature.ndim == 4:
            return feature.mean((2, 3))
        return feature.mean(1) if feature.ndim == 3 else feature


def branches(students: Sequence[Shape], teachers: Sequence[Shape], options: BranchOptions) -> Adapter:
    """From a feature of any kind to the logits [B, N] that the teacher's side has.

    Raises:
        ValueError: the teacher's side holds no logits.
    """
    return Adapter([_branch(s, t, options) for s, t in zip(students, teachers, strict=True)])


def _branch(student: Shape, teacher: Shape, options: BranchOptions) -> nn.Module:
    if len(teacher) != 2:
        raise ValueError(f"adapter 'classifier' leads to logits [B, N] (got {teacher}): follow the teacher's 'logits'")
    width = student[-1] if len(student) < 4 else student[1]
    layers: list[nn.Module] = [Positions(), nn.LayerNorm(width)]
    if options.hidden is not None:
        layers += [nn.Linear(width, options.hidden), nn.GELU()]
        width = options.hidden
    return nn.Sequential(*layers, nn.Linear(width, teacher[1]))
