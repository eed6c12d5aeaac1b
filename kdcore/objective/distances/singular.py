"""Distances between the leading singular vectors of feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance
from kdcore.objective.shared import once
from kdcore.spec.rooms.singular import SingularOptions

SPARE = 3
"""How many more vectors of the student than of the teacher are there to be matched."""

GAP = 1e-9
"""Squared singular values nearer to each other than this share of the largest count as equal."""

Leading = tuple[Tensor, Tensor]
"""Singular values [B, k] and right singular vectors [B, C, k]."""


class SingularVectors(Distance):
    """``Σ_l ||r(V_s^l, V_s^{l-1}) - r(V_t^l, V_t^{l-1})||² / B``: how a layer's vectors follow from those before.

    V are the k leading right singular vectors of the map as a matrix [HW, C], weighted by the teacher's singular
    values of unit norm; ``r(a, b) = exp(-(a_i - b_j)² / 8)`` over channels i and j. Each teacher's vector is matched
    with the nearest of the student's, in its sign. Lee et al. 2018 (ECCV), sections 3.1 to 3.3, with the axes of
    RepDistiller: channels are what the vectors run over, not positions.

    Joint: two layers or more [B, C, H, W], of equal channels on both sides. A vector is known up to its sign, and the
    sign of the teacher's is the one that the decomposition gives; equal singular values leave the gradient finite.
    """

    joint: ClassVar[bool] = True

    def __init__(self, options: SingularOptions) -> None:
        super().__init__()
        self.k = options.k

    def measure_all(
        self, students: Sequence[Tensor], teachers: Sequence[Tensor], target: Tensor | None, context: Context
    ) -> Tensor:
        if len(students) < 2 or len(students) != len(teachers):
            raise ValueError(
                f"kdsvd needs two layers or more, as many of both networks (got {len(students)} and {len(teachers)})"
            )
        layers = [self._layer(s, t, context) for s, t in zip(students, teachers, strict=True)]
        losses = [
            (similar(s, s_before) - similar(t, t_before)).square().sum()
            for (s_before, t_before), (s, t) in pairwise(layers)
        ]
        return torch.stack(losses).sum() / len(students[0])

    def _layer(self, student: Tensor, teacher: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """The weighted vectors of both sides, [B, C, k] each."""
        if student.ndim != 4 or student.shape[:2] != teacher.shape[:2]:
            raise ValueError(
                f"kdsvd compares maps [B, C, H, W] of equal channels (student {tuple(student.shape)}, teacher "
                f"{tuple(teacher.shape)}); use an adapter"
            )
        values, theirs = once(context, leading, teacher, self.k)
        _, ours = once(context, leading, student, self.k + SPARE)
        weights = F.normalize(values, dim=1)[:, None]
        return aligned(ours, theirs) * weights, theirs * weights


def leading(feature: Tensor, count: int) -> Leading:
    """The leading singular values and right vectors of maps [B, C, H, W] read as [B, HW, C].

    The decomposition runs in float64 without gradient. What depends on the feature is added to first order, which
    gives the exact gradient, and a finite one where singular values are equal and the vectors are not determined.
    """
    rows = feature.flatten(2).transpose(1, 2)
    with torch.no_grad():
        _, values, conjugate = torch.linalg.svd(rows.double(), full_matrices=False)
    count = min(count, values.shape[1])
    basis, used = conjugate.transpose(1, 2).to(rows), conjugate.transpose(1, 2).to(rows)[..., :count]
    squares = values.square().to(rows)
    change = (rows.transpose(1, 2) @ (rows @ used)) - (rows.transpose(1, 2) @ (rows @ used)).detach()
    within = basis.transpose(1, 2) @ change
    moved = basis @ (within * reciprocal(squares[:, None, :count] - squares[..., None], squares))
    beyond = (change - basis @ within) * reciprocal(squares[:, None, :count], squares)
    return values[:, :count].to(rows), used + moved + beyond


def reciprocal(gaps: Tensor, squares: Tensor) -> Tensor:
    """One over each gap, zero where it is nothing beside the largest square, or has no finite inverse."""
    small = gaps.abs() <= (GAP * squares[:, :1, None]).clamp(min=torch.finfo(gaps.dtype).tiny)
    return torch.where(small, 0, 1 / torch.where(small, 1, gaps))


def aligned(ours: Tensor, theirs: Tensor) -> Tensor:
    """For each of their vectors [B, C, k] the most parallel of ours, in its direction."""
    cosines = (ours.transpose(1, 2) @ theirs).detach()
    best = cosines.abs().argmax(1, keepdim=True)
    signs = cosines.gather(1, best).sign()
    return ours.gather(2, best.expand(-1, ours.shape[1], -1)) * signs


def similar(vectors: Tensor, before: Tensor) -> Tensor:
    """``exp(-(a_i - b_j)² / 8)`` of the vectors of two layers: [B, C, C before, k]."""
    return torch.exp(-(vectors[:, :, None] - before[:, None]).square() / 8)


CLASSES: Classes = {"kdsvd": SingularVectors}
