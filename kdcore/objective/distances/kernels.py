"""Maximum mean discrepancy: the distance of two samples' mean embeddings under a kernel."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kdcore.objective.distances.base import Context
from kdcore.objective.distances.memory import Sample
from kdcore.objective.distances.plans import exact_squared_distances
from kdcore.objective.distances.samples import Between
from kdcore.objective.shared import once
from kdcore.spec.rooms.distributions import MMDOptions

Blocks = tuple[Tensor, Tensor, Tensor]
"""A matrix over pairs of the pooled sample: within the student's, within the teacher's, and from one to the other."""


class MMD(Between):
    """``mean k(s, s) + mean k(t, t) - 2 mean k(s, t)``, the biased V-statistic.

    KD2M's code: ``rbf`` has ``γ = 1 / (2 σ²)`` with σ the mean distance of the pooled sample, without gradient;
    ``multi`` averages the kernels of σ times ½, √½, 1, √2, 2; ``linear`` is the squared distance of the means. The
    joint modes multiply with a kernel of the labels (1 where they are equal, else 0) or of the logits (``rbf``): ours.
    """

    WIDTHS = (0.5, 0.5**0.5, 1.0, 2**0.5, 2.0)

    def __init__(self, options: MMDOptions) -> None:
        super().__init__(options)
        self.kernel = options.kernel

    def between(self, own: Sample, followed: Sample, context: Context | None = None) -> Tensor:
        if self.kernel == "linear" and self.given in ("nothing", "class"):
            return (own.rows.mean(0) - followed.rows.mean(0)).square().sum()
        kernels = self._of_features(own.rows, followed.rows, context)
        if self.given == "label":
            assert own.labels is not None
            assert followed.labels is not None
            kernels = _product(kernels, blocks(equal, own.labels, followed.labels, context))
        if self.given == "logits":
            assert own.logits is not None
            assert followed.logits is not None
            kernels = _product(kernels, rbf(own.logits, followed.logits, (1.0,), context))
        within, beyond, across = (kernel.mean() for kernel in kernels)
        return within + beyond - 2 * across

    def _of_features(self, own: Tensor, followed: Tensor, context: Context | None) -> Blocks:
        if self.kernel == "linear":
            return blocks(products, own, followed, context)
        return rbf(own, followed, self.WIDTHS if self.kernel == "multi" else (1.0,), context)


def blocks(
    compute: Callable[[Tensor, Tensor], Tensor], own: Tensor, followed: Tensor, context: Context | None
) -> Blocks:
    """What the pooled sample would give, without its fourth block, which is the third one's transpose."""
    first, second, third = (
        once(context, compute, *pair) for pair in ((own, own), (followed, followed), (own, followed))
    )
    return first, second, third


def products(a: Tensor, b: Tensor) -> Tensor:
    """Inner products of rows [N, D] and [M, D]."""
    return a @ b.T


def equal(a: Tensor, b: Tensor) -> Tensor:
    """Which labels [N] and [M] are the same."""
    return a[:, None] == b[None]


def rbf(own: Tensor, followed: Tensor, factors: tuple[float, ...], context: Context | None) -> Blocks:
    """``exp(-||x - y||² / (2 w²))``, averaged over widths w of ``factors`` times the pooled sample's mean distance."""
    return once(context, _bells, blocks(exact_squared_distances, own, followed, context), factors)


def _bells(squared: Blocks, factors: tuple[float, ...]) -> Blocks:
    with torch.no_grad():
        within, beyond, across = (block.sqrt().sum() for block in squared)
        mean = (within + beyond + 2 * across) / sum(squared[2].shape) ** 2
        width = mean.clamp(min=torch.finfo(mean.dtype).tiny ** 0.25)
    first, second, third = (
        torch.stack([torch.exp(-block / (2 * (factor * width) ** 2)) for factor in factors]).mean(0)
        for block in squared
    )
    return first, second, third


def _product(kernels: Blocks, others: Blocks) -> Blocks:
    first, second, third = (one * other for one, other in zip(kernels, others, strict=True))
    return first, second, third
