"""Gromov-Wasserstein: how differently two samples are arranged within themselves."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Context
from kdcore.objective.distances.memory import Sample
from kdcore.objective.distances.plans import ALIKE, exact_squared_distances, found, squared_distances, to_cpu
from kdcore.objective.distances.samples import Between
from kdcore.objective.shared import once
from kdcore.spec.rooms.distributions import GromovOptions


class GromovWasserstein(Between):
    """``min_P Σ (C^s_ik - C^t_jl)² P_ij P_kl``: a local minimum by conditional gradient.

    Mémoli 2011; Vayer et al. 2019, algorithm 1. Shapes [B, ...] of any widths. Unchanged when one side is rotated or
    moved, or its samples change places. The plan is found without gradient; the search begins where samples with alike
    distances to all others are matched (Mémoli's third lower bound; ours), or at the uniform plan if that is better.
    """

    widths_may_differ = True

    def __init__(self, options: GromovOptions) -> None:
        super().__init__(options)
        self.options = options

    def between(self, own: Sample, followed: Sample, context: Context | None = None) -> Tensor:
        a, b = (self._within(side.rows, context) for side in (own, followed))
        with torch.no_grad():
            plan = self._plan(a, b)
        return _value(a, b, plan)

    def _within(self, rows: Tensor, context: Context | None) -> Tensor:
        if self.options.metric == "cosine":
            return once(context, _angles, rows)
        squared = once(context, exact_squared_distances, rows, rows)
        if self.options.metric == "squared":
            return squared
        return once(context, _walked if self.options.metric == "diffusion" else _lengths, squared)

    def _plan(self, a: Tensor, b: Tensor) -> Tensor:
        uniform = a.new_full((len(a), len(b)), 1 / (len(a) * len(b)))
        alike = _dense(squared_distances(_profiles(a, b), _profiles(b, a)))
        plan = alike if _value(a, b, alike) <= _value(a, b, uniform) else uniform
        for _ in range(self.options.iterations):
            slope = -4 * a @ plan @ b.T
            direction = _dense(slope) - plan
            share = _share(a, b, plan, direction, slope)
            if share <= 0:
                break
            plan = plan + share * direction
        return plan


def _angles(rows: Tensor) -> Tensor:
    """One minus the cosine of each two rows."""
    unit = F.normalize(rows, dim=1)
    return 1 - unit @ unit.T


def _lengths(squared: Tensor) -> Tensor:
    apart = ~(squared <= ALIKE * squared.detach().max())  # the root's slope at zero is infinite; NaN stays
    return torch.where(apart, squared, 1.0).sqrt() * apart


def _walked(squared: Tensor) -> Tensor:
    """How far apart two samples are after one step of a random walk."""
    with torch.no_grad():
        width = squared.mean().clamp(min=torch.finfo(squared.dtype).tiny ** 0.5)
    walk = (-squared / (2 * width)).softmax(1)
    return _lengths(exact_squared_distances(walk, walk))


def _profiles(distances: Tensor, others: Tensor) -> Tensor:
    """Each sample's distances to all of its side, in order, at as many levels as the smaller side has samples."""
    count = min(len(distances), len(others))
    levels = (torch.arange(count, device=distances.device) * len(distances) + len(distances) // 2) // count
    return distances.sort(1).values[:, levels]


def _dense(cost: Tensor) -> Tensor:
    """The optimal plan of a cost [N, M] as a matrix."""
    plan = found(to_cpu(cost), cost)
    rows = torch.arange(len(plan.columns), device=cost.device) if plan.rows is None else plan.rows
    return torch.zeros_like(cost).index_put((rows, plan.columns), plan.weights, accumulate=True)


def _value(a: Tensor, b: Tensor, plan: Tensor) -> Tensor:
    """With uniform marginals the squares do not depend on the plan."""
    return a.square().mean() + b.square().mean() - 2 * ((a @ plan @ b.T) * plan).sum()


def _share(a: Tensor, b: Tensor, plan: Tensor, direction: Tensor, slope: Tensor) -> float:
    """The best step along the segment: the objective is a parabola there."""
    quadratic = float(-2 * ((a @ direction @ b.T) * direction).sum())
    linear = float((slope * direction).sum())
    if linear >= -1e-12 * max(float((slope * plan).sum().abs()), 1e-300):
        return 0.0
    if quadratic <= 0:
        return 1.0
    return min(1.0, -linear / (2 * quadratic))
