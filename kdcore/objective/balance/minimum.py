"""The shortest convex combination of vectors, from their Gram matrix."""

from __future__ import annotations

import torch
from torch import Tensor


def min_norm_weights(gram: Tensor) -> Tensor:
    """Weights on the simplex whose combination of gradients has the smallest norm.

    For two gradients the closed form, clipped to the simplex (unclipped, as sometimes printed, it leaves it when one
    gradient lies within the other's shadow); for more, Wolfe's finite algorithm (Finding the nearest point in a
    polytope, 1976), which ends at the exact minimum.

    Args:
        gram: K x K inner products of the gradients.

    Returns:
        K weights, not negative, that sum to 1, in float64.

    Raises:
        ValueError: not a finite square matrix.
    """
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1] or not gram.isfinite().all():
        raise ValueError(f"a finite K x K Gram matrix is needed (got shape {tuple(gram.shape)})")
    matrix = gram.detach().double()
    if len(matrix) == 2:
        first = _between(matrix[0, 0], matrix[0, 1], matrix[1, 1])
        return torch.stack([first, 1 - first])
    return _nearest_point(matrix.cpu()).to(matrix.device)


def _nearest_point(gram: Tensor) -> Tensor:
    """Wolfe's algorithm: add the gradient that points most against the combination, then settle on its corral."""
    count = len(gram)
    tolerance = 1e-14 * max(float(gram.diagonal().max()), 1e-300)
    corral = [int(gram.diagonal().argmin())]
    weights = torch.zeros(count, dtype=gram.dtype)
    weights[corral] = 1.0
    for _ in range(10 * count):
        slope = gram @ weights
        worst = int(slope.argmin())
        if weights @ slope - slope[worst] <= tolerance or worst in corral:
            break
        corral.append(worst)
        weights, corral = _settle(gram, weights, corral)
    return _polished(gram, weights / weights.sum(), 10 * tolerance)


def _polished(gram: Tensor, weights: Tensor, tolerance: float) -> Tensor:
    """Weight moved, two gradients at a time, from the largest product with the combination to the smallest.

    Gradients that are nearly the same make the corral's system singular; they are told apart here.
    """
    weights = weights.clone()
    for _ in range(20 * len(gram)):
        slope = gram @ weights
        gains, gives = int(slope.argmin()), int(torch.where(weights > 0, slope, -torch.inf).argmax())
        gap = slope[gives] - slope[gains]
        if gap <= tolerance:
            break
        bend = gram[gains, gains] + gram[gives, gives] - 2 * gram[gains, gives]
        moved = torch.minimum(gap / bend.clamp(min=1e-300), weights[gives])
        weights[gains] += moved
        weights[gives] -= moved
    return weights


def _settle(gram: Tensor, weights: Tensor, corral: list[int]) -> tuple[Tensor, list[int]]:
    """Move to the shortest affine combination of the corral; on the way out of the simplex, drop who becomes zero."""
    while True:
        wanted = _affine(gram[corral][:, corral])
        if (wanted > 0).all():
            break
        held = weights[corral]
        leaving = wanted <= 0
        share = float((held[leaving] / (held[leaving] - wanted[leaving]).clamp(min=1e-300)).min())
        moved = (1 - share) * held + share * wanted
        moved[moved <= 1e-15] = 0
        weights = torch.zeros_like(weights).index_copy_(0, torch.tensor(corral), moved)
        corral = [place for place, weight in zip(corral, moved.tolist(), strict=True) if weight > 0]
    return torch.zeros_like(weights).index_copy_(0, torch.tensor(corral), wanted), corral


def _affine(gram: Tensor) -> Tensor:
    """Weights that sum to one, of any sign, with the shortest combination."""
    count = len(gram)
    level = gram.diagonal().mean().clamp(min=1e-300)
    system = torch.ones(count + 1, count + 1, dtype=gram.dtype)
    system[:count, :count], system[count, count] = gram / level, 0
    right = torch.zeros(count + 1, dtype=gram.dtype)
    right[count] = 1
    solved: Tensor = torch.linalg.lstsq(system, right[:, None], driver="gelsd").solution
    return solved[:count, 0]


def _between(aa: Tensor, ab: Tensor, bb: Tensor) -> Tensor:
    """The weight of ``a`` in the shortest vector on the segment from ``b`` to ``a``."""
    width = aa + bb - 2 * ab
    return torch.where(width > 0, ((bb - ab) / width.clamp(min=1e-300)).clamp(0, 1), torch.full_like(width, 0.5))
