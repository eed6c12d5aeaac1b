"""Balances that bend the groups' gradients apart from the shortest combination, all worked out on their Gram matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from kdcore.objective.balance.base import Balance, Readings, by_name
from kdcore.objective.balance.weight_optimizer import WeightOptimizer
from kdcore.spec.rooms.balances import CAGradOptions, GradNormOptions

TINY = 1e-300


class Bending(Balance):
    """A balance that looks at each group's gradient in every step: one backward pass a group.

    With one group it passes through.
    """

    def weights(self, names: Sequence[str], losses: Tensor, gram: Tensor | None) -> Tensor:
        """One for a single group, else what ``bent`` says."""
        if len(names) == 1 or gram is None:
            return torch.ones_like(losses)
        return self.bent(names, losses, gram)

    def bent(self, names: Sequence[str], losses: Tensor, gram: Tensor) -> Tensor:
        """Factors for two groups or more, from the Gram matrix of their gradients."""
        raise NotImplementedError

    def _looks(self) -> bool:
        return True


class PCGrad(Bending):
    """``g_i`` minus its projections on every ``g_j`` that it conflicts with, added up over i.

    Yu et al. 2020, algorithm 1, with the groups in their own order instead of a random one: with two groups there is
    only one.
    """

    def bent(self, names: Sequence[str], losses: Tensor, gram: Tensor) -> Tensor:
        """Every projected gradient is a combination of the groups' own, so the Gram matrix is all that is needed."""
        count = len(gram)
        mixes = torch.eye(count, dtype=gram.dtype)
        for i in range(count):
            for j in range(count):
                product = mixes[i] @ gram[:, j]
                if i != j and product < 0:
                    mixes[i, j] -= product / gram[j, j].clamp(min=TINY)
        return mixes.sum(0)


class CAGrad(Bending):
    """The direction within ``c ‖g0‖`` of the mean gradient ``g0`` whose smallest product with any group's is largest.

    Liu et al. 2021, algorithm 1: ``g0 + c ‖g0‖ g_w / ‖g_w‖`` where w on the simplex minimises
    ``g_w · g0 + c ‖g0‖ ‖g_w‖``. As there, the step's length is that of a mean, not of a sum.
    Where ``g_w`` vanishes, as when the groups cannot be helped all at once, the step is the mean.
    """

    def __init__(self, options: CAGradOptions, groups: Sequence[str]) -> None:
        super().__init__(options, groups)
        self.c = options.c

    def bent(self, names: Sequence[str], losses: Tensor, gram: Tensor) -> Tensor:
        """``1 / K + c ‖g0‖ w / ‖g_w‖``."""
        count = len(gram)
        reach = self.c * float(gram.mean().clamp(min=0).sqrt())
        mix = _dual(gram, reach)
        length = float((mix @ gram @ mix).clamp(min=0).sqrt())
        return 1 / count + (reach / length if length > 1e-9 * reach else 0.0) * mix


def _dual(gram: Tensor, reach: float, most: int = 1000) -> Tensor:
    """The minimiser of ``w·Gm + reach √(w·Gw)`` on the simplex, m uniform.

    Weight moves from the coordinate whose slope is largest to the one whose is smallest, each time to the exact
    minimum on that line; for two groups the first move ends it.
    """
    count = len(gram)
    mix = torch.full((count,), 1 / count, dtype=gram.dtype)
    linear = gram.mean(1)
    level = max(float(gram.diagonal().max()), TINY)
    for _ in range(most):
        length = math.sqrt(max(float(mix @ gram @ mix), 1e-30 * level))
        slope = linear + reach * (gram @ mix) / length
        rises = int(torch.where(mix > 0, slope, -torch.inf).argmax())
        falls = int(slope.argmin())
        if slope[rises] - slope[falls] <= 1e-12 * level:
            break
        way = torch.zeros_like(mix)
        way[falls], way[rises] = 1.0, -1.0
        room = float(mix[rises])
        length = min(max(_along(gram, linear, reach, mix, way), 0.0), room)
        mix = mix + length * way
        mix[rises] = max(room - length, 0.0)
        if length <= 1e-15:
            break
    return mix


def _along(gram: Tensor, linear: Tensor, reach: float, mix: Tensor, way: Tensor) -> float:
    """How far along ``way`` the minimum of ``linear + reach √quadratic`` lies; infinite when it falls forever."""
    slope, bend = float(linear @ way), float(way @ gram @ way)
    start, level = float(mix @ gram @ way), float(mix @ gram @ mix)
    if reach * math.sqrt(max(bend, 0.0)) <= abs(slope):
        return math.inf if slope < 0 else 0.0
    sine = -slope / (reach * math.sqrt(bend))
    apart = math.sqrt(max(level * bend - start * start, 0.0))
    return (sine * apart / math.sqrt(1 - sine * sine) - start) / bend


class AlignedMTL(Bending):
    """The nearest gradients that are orthogonal and equally long, as long as the smallest singular value, added up.

    Senushkin et al. 2023, algorithm 1: from the eigenvectors V and eigenvalues λ of the Gram matrix the factors
    ``√λ_min V λ^(-1/2) Vᵀ 1``, over the eigenvalues that are not zero.
    """

    def bent(self, names: Sequence[str], losses: Tensor, gram: Tensor) -> Tensor:
        """Equal gradients, or none at all, are left as they are."""
        values, vectors = torch.linalg.eigh(gram)
        there = values > values.max() * len(gram) * torch.finfo(gram.dtype).eps
        if not there.any():
            return torch.ones_like(losses)
        values, vectors = values[there], vectors[:, there]
        mixed: Tensor = (vectors * (values.min() / values).sqrt()) @ vectors.sum(0)
        return mixed


class GradNorm(Bending):
    """Weights that bring every group's gradient norm to ``mean norm · (relative inverse training rate)^alpha``.

    Chen et al. 2018, equations 1 and 2: the weights descend ``Σ |w_i ‖g_i‖ - target_i|`` with the targets held
    constant, and are then rescaled to sum to the number of groups. The rate is each loss against its first value.
    With AdamW without decay. Over all shared parameters, where the paper takes the last shared layer (ours).
    """

    factors: Tensor
    first: Tensor

    def __init__(self, options: GradNormOptions, groups: Sequence[str]) -> None:
        super().__init__(options, groups)
        self.alpha = options.alpha
        count = len(self.groups)
        self.register_buffer("factors", torch.ones(count, dtype=torch.float64))
        self.register_buffer("first", torch.full((count,), torch.nan, dtype=torch.float64))
        self.optimizer = WeightOptimizer(count, options.learning_rate)

    def bent(self, names: Sequence[str], losses: Tensor, gram: Tensor) -> Tensor:
        """The factors as they are; they learn after the step."""
        return self._pick(self.factors, names).to(losses)

    def _settle(self, names: Sequence[str], losses: Tensor, gram: Tensor | None) -> None:
        first = self._pick(self.first, names)
        self._put(self.first, names, torch.where(first.isnan(), losses.to(first), first))
        if gram is None or len(names) == 1:
            return
        slope = torch.zeros_like(self.factors)
        self._put(slope, names, self._slope(names, losses, gram.diagonal().clamp(min=0).sqrt()))
        self.optimizer.step(self.factors, slope)
        self.factors.clamp_(min=1e-6)
        self.factors.mul_(len(self.groups) / self.factors.sum())

    def _slope(self, names: Sequence[str], losses: Tensor, norms: Tensor) -> Tensor:
        pulling = self._pick(self.factors, names).to(norms) * norms
        left = (losses / self._pick(self.first, names).to(losses)).clamp(min=1e-8)
        target = pulling.mean() * (left / left.mean()) ** self.alpha
        return (pulling - target).sign() * norms

    def _readings(self, names: Sequence[str], weights: Tensor) -> Readings:
        return super()._readings(names, weights) | by_name("share", names, weights / weights.sum())
