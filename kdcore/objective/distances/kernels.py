"""Maximum mean discrepancy: the distance of two samples' mean embeddings under a kernel."""

from __future__ import annotations

import torch
from torch import Tensor

from kdcore.objective.distances.memory import Sample
from kdcore.objective.distances.plans import exact_squared_distances
from kdcore.objective.distances.samples import Between
from kdcore.spec.rooms.distributions import MMDOptions


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

    def between(self, own: Sample, followed: Sample) -> Tensor:
        if self.kernel == "linear" and self.given in ("nothing", "class"):
            return (own.rows.mean(0) - followed.rows.mean(0)).square().sum()
        pooled, count = own.joined(followed), len(own)
        kernel = self._of_features(pooled.rows)
        if self.given == "label":
            assert pooled.labels is not None
            kernel = kernel * (pooled.labels[:, None] == pooled.labels[None])
        if self.given == "logits":
            assert pooled.logits is not None
            kernel = kernel * rbf(pooled.logits)
        return kernel[:count, :count].mean() + kernel[count:, count:].mean() - 2 * kernel[:count, count:].mean()

    def _of_features(self, rows: Tensor) -> Tensor:
        if self.kernel == "linear":
            return rows @ rows.T
        return rbf(rows, self.WIDTHS if self.kernel == "multi" else (1.0,))


def rbf(rows: Tensor, factors: tuple[float, ...] = (1.0,)) -> Tensor:
    """``exp(-||x - y||² / (2 w²))`` of rows [N, D], averaged over widths w of ``factors`` times the mean distance."""
    squared = exact_squared_distances(rows, rows)
    with torch.no_grad():
        width = squared.sqrt().mean().clamp(min=torch.finfo(squared.dtype).tiny ** 0.25)
    return torch.stack([torch.exp(-squared / (2 * (factor * width) ** 2)) for factor in factors]).mean(0)
