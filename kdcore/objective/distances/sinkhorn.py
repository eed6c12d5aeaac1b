"""Transport smoothed by entropy: the debiased Sinkhorn divergence, balanced and unbalanced, in the log domain."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor

from kdcore.objective.distances.base import Context
from kdcore.objective.distances.memory import Sample
from kdcore.objective.distances.plans import beside_features, exact_squared_distances, largest
from kdcore.objective.distances.samples import Between
from kdcore.objective.shared import once
from kdcore.spec.rooms.distributions import SinkhornOptions

LOOK_EVERY = 10
"""Updates between two looks at whether the potentials still move: each look waits for the device."""


class Sinkhorn(Between):
    """``OT_ε(s, t) - ½ OT_ε(s, s) - ½ OT_ε(t, t)`` with squared distances; zero at equality.

    Feydy et al. 2019, equation 3. With ``relax`` the plan's marginals p, q need not be the samples': ``ρ KL(p | a) +
    ρ KL(q | b)`` is added to the cost instead (Chizat et al. 2018; debiased as in Séjourné et al. 2019, definition 4,
    whose term for unequal masses is zero here). Shapes [B, ...], flattened. The dual potentials are found without
    gradient; the loss follows from the plan that they define.
    """

    def __init__(self, options: SinkhornOptions) -> None:
        super().__init__(options)
        self.options = options

    def between(self, own: Sample, followed: Sample, context: Context | None = None) -> Tensor:
        features = once(context, exact_squared_distances, own.rows, followed.rows)
        joint = self.options.given in ("label", "logits") and self.options.relative
        unit = largest(features.detach(), own, followed) if joint else features.new_ones(())
        cost = self._with_labels(features / unit, own, followed, context)
        typical = _typical(cost.detach()) if self.options.relative else cost.new_ones(())
        within = sum(self._transport(self._within(side, unit, context), typical) for side in (own, followed))
        return self._transport(cost, typical) - within / 2

    def _within(self, side: Sample, unit: Tensor, context: Context | None) -> Tensor:
        """The cost between the samples of one side."""
        squared = once(context, exact_squared_distances, side.rows, side.rows)
        return self._with_labels(squared / unit, side, side, context)

    def _with_labels(self, cost: Tensor, a: Sample, b: Sample, context: Context | None) -> Tensor:
        beside = beside_features(a, b, self.options, context)
        return cost if beside is None else cost + beside

    def _transport(self, cost: Tensor, typical: Tensor) -> Tensor:
        """``min_P <P, C> + ε KL(P | uniform) + ...``: its value has the envelope's gradient when P is held fixed."""
        epsilon = self.options.epsilon * typical
        relax = None if self.options.relax is None else self.options.relax * typical
        with torch.no_grad():
            plan, constant = self._plan(cost.detach(), epsilon, relax)
        return (plan * cost).sum() + constant

    def _plan(self, cost: Tensor, epsilon: Tensor, relax: Tensor | None) -> tuple[Tensor, Tensor]:
        """The plan [N, M], and what its divergences cost."""
        affinity = -cost / epsilon
        f, g = self._potentials(affinity, 1.0 if relax is None else relax / (relax + epsilon))
        # No pair can hold more than a whole sample; rounding may say otherwise where the potentials are large.
        density = (affinity + f[:, None] + g[None]).clamp(max=log(max(cost.shape)))
        plan = density.exp() / cost.numel()
        constant = epsilon * ((plan * density).sum() - plan.sum() + 1)
        if relax is not None:
            constant = constant + relax * (_from_uniform(plan.sum(1)) + _from_uniform(plan.sum(0)))
        return plan, constant

    def _potentials(self, affinity: Tensor, damping: Tensor | float) -> tuple[Tensor, Tensor]:
        """Dual potentials in units of epsilon."""
        rows, columns = affinity.shape
        f, g = affinity.new_zeros(rows), affinity.new_zeros(columns)
        tolerance = 100 * torch.finfo(affinity.dtype).eps
        for step in range(1, self.options.iterations + 1):
            before = f
            f = damping * (log(columns) - (affinity + g[None]).logsumexp(1))
            g = damping * (log(rows) - (affinity + f[:, None]).logsumexp(0))
            if step % LOOK_EVERY == 0 and float((f - before).abs().max()) < tolerance:
                break
        return f, g


def _typical(cost: Tensor) -> Tensor:
    """The median cost, which an outlier does not move; kept above what duplicates and rounding make of it."""
    return torch.maximum(cost.median(), 1e-6 * cost.mean()).clamp(min=torch.finfo(cost.dtype).tiny ** 0.5)


def _from_uniform(masses: Tensor) -> Tensor:
    """``Σ p log(p N) - p + 1/N``: the divergence of masses [N] from uniform ones."""
    return torch.xlogy(masses, masses * len(masses)).sum() - masses.sum() + 1
