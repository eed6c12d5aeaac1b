"""Where teacher layers lie, seen from a student's: the two angle probes of the layer-selection study.

Source: Yu, Wen, Mou 2025 (arXiv 2502.04499): most angles are acute there, so that whichever layer is followed pulls
in much the same direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor

from kdcore.seeds import generator
from kdcore.spec.matching import forward_map

EPS = 1e-6
"""Shorter differences have no direction; their cosine is counted as 0."""


class Seen(TypedDict):
    """What one student layer sees.

    ``mean``: mean cosine over samples and teacher layers. ``acute``: share of them above 0. ``counts``: histogram over
    [-1, 1]. ``by_teacher``: mean cosine for teacher layers 1 and up.
    """

    mean: float
    acute: float
    counts: list[int]
    by_teacher: list[float]


class Angles(TypedDict):
    """Both probes, ready for JSON.

    ``space``: ``as is``, every token or position as a vector; ``pooled``, one mean vector a sample, because the layers
    have other numbers of positions; ``projected``, such vectors sent to one width by random orthonormal maps, where
    only features of equal width share their map: angles between two widths say little before training.
    ``width``, ``vectors``: of the space, and how many were looked at. ``layers``: one entry a student layer.
    ``followed``: the teacher layer beside each student layer in ``displacements``. ``displacements``: mean cosine
    between the ways from layer i to layer j in both networks, None on the diagonal.
    """

    space: str
    width: int
    vectors: int
    layers: list[Seen]
    followed: list[int]
    displacements: list[list[float | None]]


def layer_angles(
    students: Sequence[Tensor],
    teachers: Sequence[Tensor],
    *,
    mask: Tensor | None = None,
    bins: int = 40,
    seed: int = 0,
) -> Angles:
    """The angles between layers of both networks on the same samples.

    The first probe is ``cos(T_0 - S_k, T_j - S_k)`` for every student layer k and teacher layer j > 0; the second
    ``cos(T_j - T_i, S_j - S_i)``, teacher layers chosen by the forward map.

    Args:
        students, teachers: features from input to output, [B, D], tokens [B, L, D] or maps [B, C, H, W].
        mask: bool [B, L], true at tokens that count.
        bins: of each histogram.
        seed: of the projections.

    Raises:
        ValueError: fewer than two teacher layers, other numbers of samples, or features that are not finite.
    """
    if len(teachers) < 2 or not students:
        raise ValueError(
            f"angles need a student layer and two teacher layers (got {len(students)} and {len(teachers)})"
        )
    space, vectors = _in_one_space([*students, *teachers], mask, seed)
    own, followed = vectors[: len(students)], vectors[len(students) :]
    places = forward_map(len(own), len(followed))
    return Angles(
        space=space,
        width=own[0].shape[1],
        vectors=own[0].shape[0],
        layers=[_seen(one, followed, bins) for one in own],
        followed=places,
        displacements=_displacements(own, [followed[place] for place in places]),
    )


def _seen(student: Tensor, teachers: Sequence[Tensor], bins: int) -> Seen:
    first = teachers[0] - student
    cosines = torch.stack([_cosine(first, teacher - student) for teacher in teachers[1:]])
    return Seen(
        mean=float(cosines.mean()),
        acute=float((cosines > 0).double().mean()),
        counts=[int(count) for count in torch.histc(cosines.cpu(), bins, -1, 1)],
        by_teacher=[float(row.mean()) for row in cosines],
    )


def _displacements(students: Sequence[Tensor], teachers: Sequence[Tensor]) -> list[list[float | None]]:
    layers = range(len(students))

    def mean(i: int, j: int) -> float:
        return float(_cosine(teachers[j] - teachers[i], students[j] - students[i]).mean())

    return [[None if i == j else mean(min(i, j), max(i, j)) for j in layers] for i in layers]


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    """Cosine of each row, [N]; 0 where a row is shorter than ``EPS``."""
    lengths = a.norm(dim=1), b.norm(dim=1)
    cosine = (a * b).sum(1) / (lengths[0] * lengths[1]).clamp(min=EPS**2)
    return torch.where(torch.minimum(*lengths) >= EPS, cosine.clamp(-1, 1), torch.zeros_like(cosine))


def _in_one_space(features: Sequence[Tensor], mask: Tensor | None, seed: int) -> tuple[str, list[Tensor]]:
    """Each feature as rows of one width, and how they were brought there."""
    samples = {len(feature) for feature in features}
    if len(samples) > 1 or not all(bool(feature.isfinite().all()) for feature in features):
        raise ValueError(f"angles need finite features of the same samples (got {sorted(samples)} samples)")
    wrong = [one.shape for one in features if mask is not None and one.ndim == 3 and one.shape[:2] != mask.shape]
    if wrong or (mask is not None and not mask.any()):
        raise ValueError(f"the mask has to count a token and to fit tokens {[tuple(shape) for shape in wrong]}")
    precise = [feature.detach().double() for feature in features]
    if len({feature.shape[1:] for feature in precise}) == 1:
        return "as is", [_rows(feature, mask) for feature in precise]
    pooled = [_pooled(feature, mask) for feature in precise]
    width = min(feature.shape[1] for feature in pooled)
    if all(feature.shape[1] == width for feature in pooled):
        return "pooled", pooled
    return "projected", [_projected(feature, width, seed) for feature in pooled]


def _rows(feature: Tensor, mask: Tensor | None) -> Tensor:
    """Tokens that count, or positions of a map, as rows."""
    if feature.ndim == 3:
        return feature.flatten(0, 1) if mask is None else feature[mask.bool()]
    return feature if feature.ndim == 2 else feature.flatten(2).transpose(1, 2).flatten(0, 1)


def _pooled(feature: Tensor, mask: Tensor | None) -> Tensor:
    if feature.ndim == 3 and mask is not None:
        weights = mask.unsqueeze(-1).to(feature.dtype)
        return (feature * weights).sum(1) / weights.sum(1).clamp(min=1)
    if feature.ndim == 2:
        return feature
    return feature.mean(1) if feature.ndim == 3 else feature.flatten(2).mean(2)


def _projected(feature: Tensor, width: int, seed: int) -> Tensor:
    """Rows sent to ``width`` dimensions by orthonormal directions that seed and their own width decide."""
    if feature.shape[1] == width:
        return feature
    drawn = torch.randn(
        feature.shape[1], width, generator=generator(seed, "angles", feature.shape[1]), dtype=torch.float64
    )
    directions, _ = torch.linalg.qr(drawn)
    return torch.matmul(feature, directions.to(feature.device))
