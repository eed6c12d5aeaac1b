"""How far given features lie from reference features: Wasserstein distance of Gaussians, MMD, and a permutation test.

Plain tensors in, so that a later check of drift can call it on features that were kept.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kdcore.measure.documents import Shift
from kdcore.seeds import generator

PERMUTATIONS = 500
LEAST = 4
"""Examples on either side: half of the reference still has a covariance."""


def shift(
    reference: Tensor, given: Tensor, *, space: str = "features", permutations: int = PERMUTATIONS, seed: int = 0
) -> Shift:
    """How far ``given`` [M, D] lies from ``reference`` [N, D], and what chance alone gives.

    Both are divided by the reference's standard deviation by dimension first (a dimension that never changes there
    stays as it is). ``floor`` compares two random halves of the reference; they are smaller samples than the reference
    as a whole, so that it errs on the high side.

    Args:
        space: what the features are, for the document.
        permutations: of the test; the smallest p is 1 / (1 + permutations).

    Raises:
        ValueError: fewer than four examples on a side, other widths, or features that are not finite.
    """
    _check(reference, given)
    own, other = scaled(reference, given)
    order = torch.randperm(len(own), generator=generator(seed, "shift", "halves"))
    halves = own[order[: len(own) // 2]], own[order[len(own) // 2 :]]
    mmd, p_value = mmd_test(own, other, permutations=permutations, seed=seed)
    return Shift(
        space=space,
        width=own.shape[1],
        examples=len(other),
        w2=wasserstein(own, other),
        mmd=mmd,
        p_value=p_value,
        floor={"w2": wasserstein(*halves), "mmd": mmd_test(*halves, permutations=0, seed=seed)[0]},
    )


def scaled(reference: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
    """Both as float64, divided by the reference's standard deviation by dimension where it is one."""
    spread = reference.double().std(0, correction=0)
    scale = torch.where(spread > 1e-6 * spread.max(), spread, torch.ones_like(spread))
    return reference.double() / scale, given.double() / scale


def wasserstein(x: Tensor, y: Tensor) -> float:
    """Squared 2-Wasserstein distance of the Gaussians fitted to rows [N, D] and [M, D] (covariances by 1/N).

    Dowson, Landau 1982: ``|μ - ν|² + tr(A) + tr(B) - 2 tr((A^½ B A^½)^½)``. The last trace is the nuclear norm of
    ``X Yᵀ`` of the centred rows, each over the root of its number, or of their covariances' roots where those are
    smaller.
    """
    means = (x.mean(0) - y.mean(0)).square().sum()
    own, other = ((side - side.mean(0)) / len(side) ** 0.5 for side in (x, y))
    traces = own.square().sum() + other.square().sum()
    return max(0.0, float(means + traces - 2 * _crossed(_reduced(own), _reduced(other))))


def _reduced(rows: Tensor) -> Tensor:
    """Rows with the same Gram matrix of their columns, no more of them than columns."""
    return rows if len(rows) <= rows.shape[1] else torch.linalg.qr(rows, mode="r")[1]


def _crossed(own: Tensor, other: Tensor) -> Tensor:
    crossed: Tensor = torch.linalg.svdvals(own @ other.T).sum()
    return crossed


def mmd_test(x: Tensor, y: Tensor, *, permutations: int = PERMUTATIONS, seed: int = 0) -> tuple[float, float]:
    """Squared MMD without bias between rows [N, D] and [M, D], and its p by permutation (1 without permutations).

    Gretton et al. 2012, equation 3, with ``exp(-|a - b|² / (2 σ²))``, σ the median distance of the pooled rows; p is
    ``(1 + permutations at least as far apart) / (1 + permutations)``.
    """
    pooled = torch.cat([x, y])
    near = kernel(pooled)
    first = torch.zeros(len(pooled), dtype=near.dtype)
    first[: len(x)] = 1
    drawn = generator(seed, "shift", "permutations")
    orders = [torch.randperm(len(pooled), generator=drawn) for _ in range(permutations)]
    found = mmd_of(near, torch.stack([first, *(first[order] for order in orders)]))
    # A permutation that happens to be the sample itself must not lose to rounding.
    farther = int((found[1:] >= found[0] - 1e-12).sum())
    return float(found[0]), (1 + farther) / (1 + permutations)


def kernel(rows: Tensor) -> Tensor:
    """The kernel of every pair, 0 for a row with itself: [N, N]."""
    squared = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").square()
    count = len(rows)
    above = squared[tuple(torch.triu_indices(count, count, offset=1))]
    middle = above.median().clamp(min=torch.finfo(rows.dtype).tiny ** 0.5)
    return torch.exp(-squared / (2 * middle)).fill_diagonal_(0)


def mmd_of(near: Tensor, first: Tensor) -> Tensor:
    """The figure of each way to divide the pooled rows, [P]: ``first`` [P, N] is 1 where a row is in the first part."""
    second = 1 - first
    n, m = first.sum(1), second.sum(1)
    of_first = first @ near
    within, across = (of_first * first).sum(1), (of_first * second).sum(1)
    beyond = ((second @ near) * second).sum(1)
    return within / (n * (n - 1)) + beyond / (m * (m - 1)) - 2 * across / (n * m)


def _check(reference: Tensor, given: Tensor) -> None:
    shapes = f"reference {list(reference.shape)}, given {list(given.shape)}"
    if reference.ndim != 2 or given.ndim != 2 or reference.shape[1] != given.shape[1]:
        raise ValueError(f"a shift is measured between rows of one width ({shapes})")
    if min(len(reference), len(given)) < LEAST:
        raise ValueError(f"a shift needs at least {LEAST} examples on either side ({shapes})")
    if not bool(reference.isfinite().all() and given.isfinite().all()):
        raise ValueError("a shift needs finite features: some are NaN or infinite")
