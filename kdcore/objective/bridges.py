"""Learned maps from one student feature to the shape of one teacher feature, and the adapter that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from kdcore.spec.rooms.adapters import ConvolutionOptions, LinearOptions

Shape = tuple[int, ...]
"""Traced shape of a feature, batch included: [B, D], [B, L, D], or [B, C, H, W], of series [B, C, 1, L]."""


class Adapter(nn.Module):
    """One learned map for each student feature: ``(students, teachers) -> (students, teachers)``, lists of tensors."""

    def __init__(self, maps: Sequence[nn.Module]) -> None:
        super().__init__()
        self.maps = nn.ModuleList(maps)

    def forward(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The students' features brought to the teachers' shapes; the teachers' as they are."""
        return [one(student) for one, student in zip(self.maps, students, strict=True)], list(teachers)


def unchanged(student: Shape, teacher: Shape, options: Any) -> nn.Module:
    """The feature as it is, where shapes agree."""
    if student[1:] != teacher[1:]:
        raise ValueError(f"shapes {student} and {teacher} differ: use adapter 'auto'")
    return nn.Identity()


def linear_map(student: Shape, teacher: Shape, options: LinearOptions) -> nn.Module:
    """A linear map over the last dimension; maps are averaged over positions first when the teacher has none."""
    if len(student) == 4 and len(teacher) == 2:
        pool: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        return nn.Sequential(*pool, nn.Linear(student[1], teacher[1], bias=options.bias))
    if len(student) == 4 and student[2:] == teacher[2:]:
        return nn.Conv2d(student[1], teacher[1], kernel_size=1, bias=options.bias)
    if len(student) != len(teacher) or len(student) == 4 or student[1:-1] != teacher[1:-1]:
        others = "'auto'" if len(student) == len(teacher) == 4 else "'orthogonal', or 'tokens' for positions,"
        raise ValueError(f"no linear map from {student} to {teacher}: use adapter {others} or other points")
    return nn.Linear(student[-1], teacher[-1], bias=options.bias)


def regressor(student: Shape, teacher: Shape, options: ConvolutionOptions) -> nn.Module:
    """FitNets' regressor: a valid convolution with kernel ``N_student - N_teacher + 1`` in each direction.

    Where the teacher's map is the larger one, which the paper leaves open, the transposed convolution with the
    mirrored kernel takes its place (ours).
    """
    _maps_only("convolution", student, teacher)
    height, width = student[2] - teacher[2], student[3] - teacher[3]
    if options.kernel is not None and (abs(height), abs(width)) != (options.kernel - 1, options.kernel - 1):
        raise ValueError(
            f"kernel {options.kernel} does not bring {student} to {teacher}: leave it out, it follows from the shapes"
        )
    if (height < 0) != (width < 0) and height and width:
        raise ValueError(f"no convolution brings {student} to {teacher}: one side grows, the other shrinks")
    kernel = (abs(height) + 1, abs(width) + 1)
    layer = nn.ConvTranspose2d if height < 0 or width < 0 else nn.Conv2d
    return _with_norm(
        layer(student[1], teacher[1], kernel, bias=options.bias and not options.norm), teacher[1], options
    )


def auto_map(student: Shape, teacher: Shape, options: ConvolutionOptions) -> nn.Module:
    """Identity where shapes agree, strided or transposed convolution where sizes are multiples, else by arithmetic."""
    if student[1:] == teacher[1:] and not options.norm:
        return nn.Identity()
    if len(student) != 4 or len(teacher) != 4:
        return linear_map(student, teacher, LinearOptions(bias=options.bias))
    down, up = _ratio(student, teacher), _ratio(teacher, student)
    if down is None and up is None:
        return regressor(student, teacher, options)
    channels = (student[1], teacher[1])
    bias = options.bias and not options.norm
    layer: nn.Module
    if down == 1:
        layer = nn.Conv2d(*channels, 1, bias=bias)
    elif down is not None:
        layer = nn.Conv2d(*channels, across(student, 3), across(student, down), across(student, 1, 0), bias=bias)
    else:
        assert up is not None
        kernel = across(teacher, up + 2 * (up // 2))
        layer = nn.ConvTranspose2d(*channels, kernel, across(teacher, up), across(teacher, up // 2, 0), bias=bias)
    return _with_norm(layer, teacher[1], options)


def across(shape: Shape, size: int, single: int = 1) -> tuple[int, int]:
    """``size`` along both axes of maps [B, C, H, W]; along the height of maps of one row, as series are, ``single``."""
    return (single if shape[2] == 1 < shape[3] else size, size)


def _ratio(large: Shape, small: Shape) -> int | None:
    """How many times larger one map is than the other, when it is a whole number in both directions.

    Maps of one row have only the one direction.
    """
    ratio = large[3] // small[3]
    rows = 1 if large[2] == small[2] == 1 else ratio
    return ratio if ratio and (small[2] * rows, small[3] * ratio) == large[2:] else None


def _maps_only(name: str, student: Shape, teacher: Shape) -> None:
    if len(student) != 4 or len(teacher) != 4:
        raise ValueError(
            f"adapter {name!r} joins feature maps [B, C, H, W] (got {student} and {teacher}): use 'linear'"
        )


def _with_norm(layer: nn.Module, channels: int, options: ConvolutionOptions) -> nn.Module:
    return nn.Sequential(layer, nn.BatchNorm2d(channels), nn.ReLU()) if options.norm else layer
