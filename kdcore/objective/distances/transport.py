"""Optimal transport between batches: the plan is found without gradient, the loss is taken along it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]  # scipy ships no types
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.seeds import generator
from kdcore.spec.rooms.distributions import GromovOptions, SinkhornOptions, SlicedOptions, WassersteinOptions

FORBIDDEN = 1e6
"""Factor on the largest cost that keeps the assignment from pairing two classes."""


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """``||a_i - b_j||²`` of rows [N, D] and [M, D] by one matrix product, good enough to find a plan."""
    product = torch.addmm(b.square().sum(1)[None] + a.square().sum(1)[:, None], a, b.T, alpha=-2)
    return product.clamp(min=0)


def exact_squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """The same, multiplied in float64: in float32 the product loses what close points differ by."""
    return squared_distances(a.double(), b.double()).to(a.dtype)


def assignment(cost: Tensor) -> Tensor:
    """For each row the column it is matched with: the exact plan between two uniform samples of equal size.

    Between equally many points of equal weight some permutation is optimal (Birkhoff), so the exact transport is an
    assignment, which costs a fraction of the general linear programme.
    """
    rows, columns = linear_sum_assignment(cost.detach().cpu().numpy())
    order = torch.empty(len(rows), dtype=torch.long)
    order[torch.from_numpy(rows)] = torch.from_numpy(columns)
    return order.to(cost.device)


class Wasserstein(Distance):
    """``min_σ mean_i ||s_i - t_σ(i)||²``, exact, over all permutations, or over those that keep the class.

    KD2M's empirical W2². Shapes [B, ...], flattened. With ``given: class`` each class counts by its share of the batch.
    With ``given: label`` the cost is the features' plus ``label_weight`` times the squared difference of the one-hot
    labels; pictures without a label are a class of their own. The gradient is ``2 (s_i - t_σ(i)) / B``, the envelope's.
    """

    def __init__(self, options: WassersteinOptions) -> None:
        super().__init__()
        self.options = options

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "wasserstein").flatten(1)
        rows = student.flatten(1)
        with torch.no_grad():
            cost = squared_distances(rows, followed)
            scale = self._scale(cost)
            others = self._others(target, rows)
            plan = assignment(self._total(cost / scale, others))
        pairs = (rows - followed[plan]).square().sum(1) / scale
        if self.options.given == "label" and others is not None:
            crossed = others.gather(1, plan[:, None]).squeeze(1)
            pairs = pairs + 2 * self.options.label_weight * crossed
        return pairs.mean()

    def _scale(self, cost: Tensor) -> Tensor | float:
        relative = self.options.given == "label" and self.options.relative
        return cost.max().clamp(min=torch.finfo(cost.dtype).tiny) if relative else 1.0

    def _others(self, target: Tensor | None, rows: Tensor) -> Tensor | None:
        """1 where two samples have different labels, else 0."""
        if self.options.given == "nothing":
            return None
        if target is None:
            raise ValueError(f"wasserstein with given: {self.options.given} needs target")
        return (target[:, None] != target[None]).to(rows.dtype)

    def _total(self, cost: Tensor, others: Tensor | None) -> Tensor:
        if others is None:
            return cost
        if self.options.given == "label":
            return cost + 2 * self.options.label_weight * others
        return cost + others * (cost.max() + 1) * FORBIDDEN


class Sinkhorn(Distance):
    """``OT_ε(s, t) - ½ OT_ε(s, s) - ½ OT_ε(t, t)`` with squared distances, in the log domain; zero at equality.

    Feydy et al. 2019, equation 3. Shapes [B, ...], flattened. The dual potentials are found without gradient; the loss
    follows from the plan they define.
    """

    def __init__(self, options: SinkhornOptions) -> None:
        super().__init__()
        self.options = options

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "sinkhorn").flatten(1)
        rows = student.flatten(1)
        with torch.no_grad():
            unit = squared_distances(rows, followed).mean() if self.options.relative else rows.new_ones(())
            epsilon = self.options.epsilon * unit.clamp(min=torch.finfo(rows.dtype).tiny)
        between = self._transport(rows, followed, epsilon)
        within = self._transport(rows, rows, epsilon) + self._transport(followed, followed, epsilon)
        return between - within / 2

    def _transport(self, a: Tensor, b: Tensor, epsilon: Tensor) -> Tensor:
        """``min_P <P, C> + ε KL(P | uniform)``: its value has the envelope's gradient when P is held fixed."""
        cost = exact_squared_distances(a, b)
        with torch.no_grad():
            f, g = self._potentials(cost, epsilon)
            log_plan = (f[:, None] + g[None] - cost) / epsilon
            plan = log_plan.exp() / cost.numel()
            entropy = epsilon * (plan * log_plan).sum()
        return (plan * cost).sum() + entropy

    def _potentials(self, cost: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor]:
        rows, columns = cost.shape
        f, g = cost.new_zeros(rows), cost.new_zeros(columns)
        log_rows, log_columns = torch.tensor(float(rows)).log(), torch.tensor(float(columns)).log()
        for _ in range(self.options.iterations):
            f = -epsilon * (((g[None] - cost) / epsilon).logsumexp(1) - log_columns)
            g = -epsilon * (((f[:, None] - cost) / epsilon).logsumexp(0) - log_rows)
        return f, g


class SlicedWasserstein(Distance):
    """Mean over random directions of the squared distance between the sorted projections.

    Bonneel et al. 2015. Shapes [B, ...], flattened. A translation by v costs |v|² / d in expectation.
    """

    def __init__(self, options: SlicedOptions) -> None:
        super().__init__()
        self.options = options

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "sliced_wasserstein").flatten(1)
        rows = student.flatten(1)
        shape = (rows.shape[1], self.options.projections)
        drawn = torch.randn(shape, generator=generator(self.options.seed, "directions"), dtype=torch.float64)
        directions = F.normalize(drawn, dim=0).to(rows)
        sorted_ = [(side @ directions).sort(0).values for side in (rows, followed)]
        return (sorted_[0] - sorted_[1]).square().mean()


class GromovWasserstein(Distance):
    """``min_P Σ (C^s_ik - C^t_jl)² P_ij P_kl``: a local minimum, from the uniform plan, by conditional gradient.

    Mémoli 2011; Vayer et al. 2019, algorithm 1. Shapes [B, ...] of any widths. Unchanged when one side is rotated or
    moved. The plan is found without gradient.
    """

    def __init__(self, options: GromovOptions) -> None:
        super().__init__()
        self.options = options

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        a, b = self._within(student.flatten(1)), self._within(teacher.flatten(1))
        with torch.no_grad():
            plan = self._plan(a, b)
        return self._value(a, b, plan)

    def _within(self, rows: Tensor) -> Tensor:
        if self.options.metric == "cosine":
            unit = F.normalize(rows, dim=1)
            return 1 - unit @ unit.T
        squared = exact_squared_distances(rows, rows)
        if self.options.metric == "squared":
            return squared
        apart = squared > 1e-12 * squared.detach().max()  # the root's slope at zero is infinite
        return torch.where(apart, squared, 1.0).sqrt() * apart

    @staticmethod
    def _value(a: Tensor, b: Tensor, plan: Tensor) -> Tensor:
        """With uniform marginals the squares do not depend on the plan."""
        return a.square().mean() + b.square().mean() - 2 * ((a @ plan @ b.T) * plan).sum()

    def _plan(self, a: Tensor, b: Tensor) -> Tensor:
        count = len(a)
        plan = a.new_full((count, count), 1 / count**2)
        # A permutation to begin with where one is at least as good: the identity, as both rows show the same samples.
        identity = torch.eye(count, dtype=a.dtype, device=a.device) / count
        plan = identity if self._value(a, b, identity) <= self._value(a, b, plan) else plan
        for _ in range(self.options.iterations):
            slope = -4 * a @ plan @ b.T
            corner = torch.zeros_like(plan)
            corner[torch.arange(count, device=a.device), assignment(slope)] = 1 / count
            direction = corner - plan
            share = self._share(a, b, plan, direction, slope)
            if share <= 0:
                break
            plan = plan + share * direction
        return plan

    @staticmethod
    def _share(a: Tensor, b: Tensor, plan: Tensor, direction: Tensor, slope: Tensor) -> float:
        """The best step along the segment: the objective is a parabola there."""
        quadratic = float(-2 * ((a @ direction @ b.T) * direction).sum())
        linear = float((slope * direction).sum())
        if linear >= -1e-12 * max(float((slope * plan).sum().abs()), 1e-300):
            return 0.0
        if quadratic <= 0:
            return 1.0
        return min(1.0, -linear / (2 * quadratic))


CLASSES: Classes = {
    "wasserstein": Wasserstein,
    "sinkhorn": Sinkhorn,
    "sliced_wasserstein": SlicedWasserstein,
    "gromov_wasserstein": GromovWasserstein,
}
