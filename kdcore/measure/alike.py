"""How alike the features of two networks are: linear CKA, and both in one plane by Procrustes and PCA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


def cka(students: Sequence[Tensor], teachers: Sequence[Tensor]) -> list[list[float]]:
    """Linear CKA of every student feature (rows) with every teacher feature (columns), all of the same N examples.

    Kornblith et al. 2019, equation 3 with a linear kernel, ``|Yᵀ X|²_F / (|Xᵀ X|_F |Yᵀ Y|_F)`` of centred columns,
    here by Gram matrices [N, N]. 1 for features that are the same up to rotation and scale; 0 where one of them is the
    same for all examples.

    Args:
        students, teachers: [N, ...] each, flattened.

    Raises:
        ValueError: other numbers of examples, fewer than two, or features that are not finite.
    """
    every = [*students, *teachers]
    if len({len(one) for one in every}) != 1 or len(every[0]) < 2:
        raise ValueError(f"CKA needs features of the same two or more examples (got {[len(one) for one in every]})")
    if not all(bool(one.isfinite().all()) for one in every):
        raise ValueError("CKA needs finite features: some are NaN or infinite")
    own, followed = ([_unit_gram(one) for one in side] for side in (students, teachers))
    return [[min(1.0, max(0.0, float((one * other).sum()))) for other in followed] for one in own]


def _unit_gram(feature: Tensor) -> Tensor:
    rows = feature.flatten(1).double()
    rows = rows - rows.mean(0)
    gram = rows @ rows.T
    norm = gram.norm()
    return gram / norm if norm > 0 else gram


@dataclass(frozen=True)
class Plane:
    """The plane of the teacher's two largest principal components.

    Attributes:
        centre: of the teacher's features [D].
        axes: [D, 2], the teacher's directions; the second is zero where its features lie on a line.
        explained: share of the teacher's variance in the plane.
    """

    centre: Tensor
    axes: Tensor
    explained: float

    @classmethod
    def of(cls, teacher: Tensor) -> Plane:
        """The plane of features [N, D], N at least 2."""
        rows = teacher.double()
        centre = rows.mean(0)
        _, values, directions = torch.linalg.svd(rows - centre, full_matrices=False)
        axes = torch.zeros(rows.shape[1], 2, dtype=rows.dtype)
        # The sign of a direction is the decomposition's whim: its largest entry is made positive.
        for place, direction in enumerate(directions[:2]):
            axes[:, place] = direction * direction[direction.abs().argmax()].sign()
        total = float(values.square().sum())
        return cls(centre, axes, float(values[:2].square().sum()) / total if total > 0 else 0.0)

    def points(self, features: Tensor) -> Tensor:
        """Features [N, D] in the plane: [N, 2]."""
        return (features.double() - self.centre) @ self.axes


def procrustes(student: Tensor, teacher: Tensor) -> tuple[Tensor, float]:
    """The student's features [N, D_s] led into the teacher's space [N, D_t], and what the map leaves of them.

    The best orthogonal map with one scale (Schönemann 1966; Gower 1975): of centred, unit-norm features with
    ``Sᵀ T = U Σ Vᵀ`` it is ``U Vᵀ``, and ``1 - (Σ σ)²`` of the student's variance remains, from 0 (alike up to
    rotation and scale) to 1. Where widths differ the map keeps or drops dimensions.
    """
    own, followed = (side.double() - side.double().mean(0) for side in (student, teacher))
    sizes = own.norm(), followed.norm()
    if min(sizes) <= 0:
        return teacher.double().mean(0).expand(len(teacher), -1).clone(), 1.0
    u, values, v = torch.linalg.svd(own.T @ followed / (sizes[0] * sizes[1]), full_matrices=False)
    kept = float(values.sum().clamp(max=1))
    led = own @ u @ v * (kept * sizes[1] / sizes[0]) + teacher.double().mean(0)
    return led, 1 - kept**2
