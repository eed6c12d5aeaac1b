"""Adapters that keep lengths and angles, so that a term can only be met by the features, not by the projection."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.objective.bridges import Adapter, Shape
from kdcore.spec.rooms.adapters import OrthogonalOptions, SubspaceOptions


class OrthogonalLinear(nn.Module):
    """A linear map without bias between two widths whose matrix has orthonormal columns, or rows when it narrows.

    The matrix is the Q of the QR decomposition of a free one, with the diagonal of R positive, which makes it unique
    and smooth. It works on the last dimension.
    """

    def __init__(self, width: int, into: int) -> None:
        super().__init__()
        self.narrows = into < width
        self.free = nn.Parameter(torch.empty(max(width, into), min(width, into)))
        nn.init.orthogonal_(self.free)

    @property
    def weight(self) -> Tensor:
        """[into, width]."""
        q, r = torch.linalg.qr(self.free)
        unique: Tensor = q * torch.where(r.diagonal() < 0, -1.0, 1.0).to(q)
        return unique.T if self.narrows else unique

    def forward(self, feature: Tensor) -> Tensor:
        """``[..., width] -> [..., into]``, in the precision of the matrix."""
        return F.linear(feature.to(self.free.dtype), self.weight)


class Orthogonal(Adapter):
    """The student's channels turned into the teacher's width by an orthogonal map; the teacher's side standardised.

    VkD (Miles et al. 2024, arXiv 2403.06213), section 3; there the map comes from a matrix exponential and the
    student's tokens are pooled. Maps [B, C, H, W] are averaged to the smaller size on each side and mapped position
    by position, tokens [B, L, D] of equal number one by one; where the two sides differ in kind, or in the number of
    tokens, both are averaged to vectors. A wider student loses what lies outside the teacher's width.
    """

    def __init__(self, students: Sequence[Shape], teachers: Sequence[Shape], options: OrthogonalOptions) -> None:
        widths = [(_width(s), self._into(_width(s), _width(t))) for s, t in zip(students, teachers, strict=True)]
        super().__init__([OrthogonalLinear(width, into) for width, into in widths])
        self.standardise = options.standardise

    def _into(self, student: int, teacher: int) -> int:
        return teacher

    def forward(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Both sides in one shape."""
        pairs = [
            self._pair(place, student, teacher)
            for place, (student, teacher) in enumerate(zip(students, teachers, strict=True))
        ]
        return [student for student, _ in pairs], [teacher for _, teacher in pairs]

    def _pair(self, place: int, student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
        student, teacher = _levelled(student, teacher)
        student, teacher = self.maps[place](student), self._followed(place, teacher)
        if self.standardise != "none":
            teacher = F.layer_norm(teacher, teacher.shape[-1:])
        if self.standardise == "both":
            student = F.layer_norm(student, student.shape[-1:])
        return _channels_second(student), _channels_second(teacher)

    def _followed(self, place: int, teacher: Tensor) -> Tensor:
        return teacher


class Subspace(Orthogonal):
    """Both sides lifted into one space of more dimensions; the student learns which of its subspaces it takes.

    A reconstruction: MoKD's abstract speaks of subspace learning into a high-dimensional space, and its formula was
    not read. Both lifts keep lengths and angles; unbound ones could shrink the distance to nothing. The teacher's is
    random and fixed, for only how the two lie to each other matters.

    Raises:
        ValueError: a space that is narrower than one of the sides.
    """

    def __init__(self, students: Sequence[Shape], teachers: Sequence[Shape], options: SubspaceOptions) -> None:
        self._asked = options.width
        super().__init__(students, teachers, options)
        for place, (student, teacher) in enumerate(zip(students, teachers, strict=True)):
            own = _width(teacher)
            lift = nn.init.orthogonal_(torch.empty(self._into(_width(student), own), own))
            self.register_buffer(f"lift{place}", lift)

    def _into(self, student: int, teacher: int) -> int:
        """The wanted width, or twice the wider side's."""
        width = self._asked or 2 * max(student, teacher)
        if width < max(student, teacher):
            raise ValueError(
                f"a space of {width} dimensions holds neither more nor all of {student} and {teacher} channels: "
                f"take a width of at least {max(student, teacher)}, or adapter 'orthogonal'"
            )
        return width

    def _followed(self, place: int, teacher: Tensor) -> Tensor:
        lift = self.get_buffer(f"lift{place}")
        return F.linear(teacher.to(lift.dtype), lift)


def _width(shape: Shape) -> int:
    return shape[1] if len(shape) == 4 else shape[-1]


def _levelled(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Both sides on the same positions, channels last."""
    if student.ndim == teacher.ndim == 4:
        size = (min(student.shape[2], teacher.shape[2]), min(student.shape[3], teacher.shape[3]))
        student, teacher = (
            one if one.shape[2:] == size else F.adaptive_avg_pool2d(one, size) for one in (student, teacher)
        )
        return student.movedim(1, -1), teacher.movedim(1, -1)
    if student.ndim == teacher.ndim and student.shape[1:-1] == teacher.shape[1:-1]:
        return student, teacher
    return _vector(student), _vector(teacher)


def _vector(feature: Tensor) -> Tensor:
    return feature.mean((2, 3)) if feature.ndim == 4 else feature.mean(1) if feature.ndim == 3 else feature


def _channels_second(feature: Tensor) -> Tensor:
    return feature.movedim(-1, 1) if feature.ndim == 4 else feature
