"""Adapters that look at several layers, or at both sides at once: learned sums of teacher layers, token grids."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.objective.bridges import Adapter, Shape, auto_map
from kdcore.spec.matching import forward_map
from kdcore.spec.rooms.adapters import ConvolutionOptions, LinearOptions, MixtureOptions

FORWARD_SHARE = 0.9
"""What the forward map's layer weighs at first when a mixture starts there."""


class Mixture(Adapter):
    """Each student layer beside a sum of all teacher layers, whose weights are learned for it: softmax of a row.

    ``(S students, T teachers) -> (S students, S sums)``; students of another shape are projected without a
    bias. The teacher's features enter without gradient, but the sums carry one to the weights.

    The weights descend on the loss as all else does, so they favour what is easy to imitate, for instance a layer of
    small norm: read `weights` with that in mind.

    Raises:
        ValueError: teacher layers that have no sum, because their channels or tokens differ.
    """

    def __init__(self, students: Sequence[Shape], teachers: Sequence[Shape], options: MixtureOptions) -> None:
        common = _common(teachers)
        super().__init__([auto_map(student, common, ConvolutionOptions(bias=False)) for student in students])
        logits = torch.zeros(len(students), len(teachers))
        if options.initial == "forward" and len(teachers) > 1:
            for row, layer in enumerate(forward_map(len(students), len(teachers))):
                logits[row, layer] = math.log(FORWARD_SHARE / (1 - FORWARD_SHARE) * (len(teachers) - 1))
        self.logits = nn.Parameter(logits)
        self.size = (common[2], common[3]) if len(common) == 4 else None

    @property
    def weights(self) -> Tensor:
        """Share of each teacher layer for each student layer: [S, T], rows sum to 1."""
        return self.logits.softmax(1)

    def forward(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The students' features brought to the teachers' shape, and one sum of the teachers' for each of them."""
        layers = torch.stack([_pooled(teacher.detach(), self.size) for teacher in teachers])
        sums = torch.einsum("st,t...->s...", self.weights.to(layers.dtype), layers)
        return [one(student) for one, student in zip(self.maps, students, strict=True)], list(sums)


def _common(teachers: Sequence[Shape]) -> Shape:
    """The shape in which teacher layers are summed: their own, maps pooled to the smallest."""
    widths = {shape[:2] if len(shape) == 4 else shape for shape in teachers}
    if len(widths) > 1 or len({len(shape) for shape in teachers}) > 1:
        shown = ", ".join(str(shape[1:]) for shape in teachers)
        raise ValueError(f"adapter 'mixture' sums teacher layers of one width (got {shown}): name points of one stage")
    if len(teachers[0]) < 4:
        return teachers[0]
    return (*teachers[0][:2], min(shape[2] for shape in teachers), min(shape[3] for shape in teachers))


def _pooled(feature: Tensor, size: tuple[int, int] | None) -> Tensor:
    return feature if size is None or feature.shape[2:] == size else F.adaptive_avg_pool2d(feature, size)


class Tokens(Adapter):
    """Feature maps [B, C, H, W] and tokens [B, L, D] brought to equally many tokens [B, L, D].

    Tokens that are a square, or a square and a class token in front (which is dropped), are a map row by row; beside
    maps of one row, as series have, tokens are such a row. Both sides are averaged to the smaller grid, then the
    student's channels are mapped linearly to the teacher's.

    Raises:
        ValueError: vectors, or tokens that form no square.
    """

    def __init__(self, students: Sequence[Shape], teachers: Sequence[Shape], options: LinearOptions) -> None:
        self.rows = [_row(s) or _row(t) for s, t in zip(students, teachers, strict=True)]
        own, other = ([_map_shape(*one) for one in zip(side, self.rows, strict=True)] for side in (students, teachers))
        pairs = list(zip(own, other, strict=True))
        super().__init__(
            [nn.Identity() if s[1] == t[1] else nn.Linear(s[1], t[1], bias=options.bias) for s, t in pairs]
        )
        self.sizes = [(min(s[2], t[2]), min(s[3], t[3])) for s, t in pairs]

    def forward(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Tokens of equal number on both sides, in the teacher's width."""
        grids = [_tokens(*one) for one in zip(students, self.sizes, self.rows, strict=True)]
        followed = [_tokens(*one) for one in zip(teachers, self.sizes, self.rows, strict=True)]
        return [one(grid) for one, grid in zip(self.maps, grids, strict=True)], followed


class Auto(Adapter):
    """What the shapes of each pair ask for: `auto_map`, or `Tokens` where one side has a map and the other tokens.

    Raises:
        ValueError: shapes that neither brings together.
    """

    def __init__(self, students: Sequence[Shape], teachers: Sequence[Shape], options: ConvolutionOptions) -> None:
        super().__init__([_suited(s, t, options) for s, t in zip(students, teachers, strict=True)])

    def forward(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Both sides in one shape, pair by pair: the teacher's, but where its map or tokens are averaged."""
        own, followed = [], list(teachers)
        for place, (one, student) in enumerate(zip(self.maps, students, strict=True)):
            if isinstance(one, Tokens):
                (student,), (followed[place],) = one([student], [followed[place]])
            own.append(student if isinstance(one, Tokens) else one(student))
        return own, followed


def _suited(student: Shape, teacher: Shape, options: ConvolutionOptions) -> nn.Module:
    if {len(student), len(teacher)} == {3, 4}:
        return Tokens([student], [teacher], LinearOptions(bias=options.bias))
    return auto_map(student, teacher, options)


def _row(shape: Shape) -> bool:
    """Whether these are maps of one row."""
    return len(shape) == 4 and shape[2] == 1 < shape[3]


def _map_shape(shape: Shape, row: bool) -> Shape:
    if len(shape) == 4:
        return shape
    if len(shape) != 3:
        raise ValueError(f"adapter 'tokens' joins maps [B, C, H, W] and tokens [B, L, D] (got {shape}): use 'linear'")
    if row:
        return (shape[0], shape[2], 1, shape[1])
    side = math.isqrt(shape[1])
    if side < 1 or shape[1] - side**2 not in (0, 1):
        raise ValueError(f"{shape[1]} tokens are no square, with or without a class token: name other points")
    return (shape[0], shape[2], side, side)


def _tokens(feature: Tensor, size: tuple[int, int], row: bool) -> Tensor:
    if feature.ndim == 3 and row:
        feature = feature.transpose(1, 2).unsqueeze(2)
    elif feature.ndim == 3:
        side = math.isqrt(feature.shape[1])
        feature = feature[:, feature.shape[1] - side**2 :].transpose(1, 2).reshape(len(feature), -1, side, side)
    return F.adaptive_avg_pool2d(feature, size).flatten(2).transpose(1, 2)
