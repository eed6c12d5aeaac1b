"""Optimal transport between batches: the plan is found without gradient, the loss is taken along it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context
from kdcore.objective.distances.gromov import GromovWasserstein
from kdcore.objective.distances.memory import Sample
from kdcore.objective.distances.plans import (
    Plan,
    beside_features,
    found,
    joined,
    largest,
    squared_distances,
    to_cpu,
)
from kdcore.objective.distances.samples import Between, classes_of
from kdcore.objective.distances.sinkhorn import Sinkhorn
from kdcore.objective.shared import once
from kdcore.seeds import generator
from kdcore.spec.rooms.distributions import SlicedOptions, WassersteinOptions


class Wasserstein(Between):
    """``min_P Σ P_ij ||s_i - t_j||²`` over plans between the uniform samples, exact; or within each class.

    KD2M's empirical W2². Shapes [B, ...], flattened; with equally many samples the plan is a permutation. With
    ``given: label`` or ``logits`` their cost is added to the features'. The gradient is the envelope's,
    ``2 Σ_j P_ij (s_i - t_j)``. The plan is found on the CPU: of what is on another device the cost alone is copied,
    once (and the labels, class by class); features stay where they are.
    """

    def __init__(self, options: WassersteinOptions) -> None:
        super().__init__(options)
        self.options = options

    def between(self, own: Sample, followed: Sample, context: Context | None = None) -> Tensor:
        beside = beside_features(own, followed, self.options, context)
        with torch.no_grad():
            cost = once(context, squared_distances, own.rows, followed.rows)
            unit = largest(cost, own, followed) if beside is not None and self.options.relative else None
            cost = cost if unit is None else cost / unit
            plan = found(to_cpu(cost if beside is None else cost + beside), own.rows)
        pairs = _along(plan, own, followed)
        pairs = pairs if unit is None else pairs / unit
        if beside is not None:
            pairs = pairs + beside[_counted(plan), plan.columns]
        return (plan.weights * pairs).sum()

    def by_class(self, own: Sample, followed: Sample, context: Context | None = None) -> Tensor:
        """All classes' plans from one copy of the cost."""
        with torch.no_grad():
            cost, blocks = to_cpu(once(context, squared_distances, own.rows, followed.rows)), []
            for mine, theirs in classes_of(own, followed):
                part = found(cost[mine.numpy()[:, None], theirs.numpy()], torch.ones((), dtype=own.rows.dtype))
                blocks.append((part, (mine, theirs), len(mine) / len(own)))
            plan = joined(blocks, own.rows)
        return (plan.weights * _along(plan, own, followed)).sum()


def _counted(plan: Plan) -> Tensor:
    return torch.arange(len(plan.columns), device=plan.columns.device) if plan.rows is None else plan.rows


def _along(plan: Plan, own: Sample, followed: Sample) -> Tensor:
    """``||s_i - t_j||²`` of the pairs of a plan."""
    rows = own.rows if plan.rows is None else own.rows.index_select(0, plan.rows)
    return (rows - followed.rows.index_select(0, plan.columns)).square().sum(1)


class SlicedWasserstein(Between):
    """Mean over random directions of the squared distance between the projections' quantiles.

    Bonneel et al. 2015. Shapes [B, ...], flattened. A translation by v costs |v|² / d in expectation.
    """

    def __init__(self, options: SlicedOptions) -> None:
        super().__init__(options)
        self.options = options
        self._kept: dict[tuple[int, torch.device, torch.dtype], Tensor] = {}

    def between(self, own: Sample, followed: Sample, context: Context | None = None) -> Tensor:
        directions = self._directions(own.rows)
        mine, theirs = ((side.rows @ directions).sort(0).values for side in (own, followed))
        if len(own) == len(followed):
            return (mine - theirs).square().mean()
        rows, columns, weights = _levels(len(own), len(followed), mine)
        return (weights[:, None] * (mine[rows] - theirs[columns]).square()).sum(0).mean()

    def _directions(self, rows: Tensor) -> Tensor:
        """Unit columns [D, projections]; they follow from the seed, so that they are kept but are no state."""
        key = (rows.shape[1], rows.device, rows.dtype)
        if key not in self._kept:
            shape = (rows.shape[1], self.options.projections)
            drawn = torch.randn(shape, generator=generator(self.options.seed, "directions"), dtype=torch.float64)
            self._kept = {key: F.normalize(drawn, dim=0).to(rows)}
        return self._kept[key]


def _levels(rows: int, columns: int, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The one-dimensional plan of unequal numbers: between two neighbouring levels both quantiles are constant."""
    # Whole numbers keep the levels exact: i / rows is i · columns of rows · columns.
    both = torch.cat([torch.arange(1, rows + 1) * columns, torch.arange(1, columns + 1) * rows])
    edges = torch.unique(both)
    begins = torch.cat([edges.new_zeros(1), edges[:-1]])
    weights = (edges - begins).to(torch.float64) / (rows * columns)
    device = like.device
    return (begins // columns).to(device), (begins // rows).to(device), weights.to(like)


CLASSES: Classes = {
    "wasserstein": Wasserstein,
    "sinkhorn": Sinkhorn,
    "sliced_wasserstein": SlicedWasserstein,
    "gromov_wasserstein": GromovWasserstein,
}
