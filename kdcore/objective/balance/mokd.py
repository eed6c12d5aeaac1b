"""MoKD and DTO-KD: task and teacher as objectives of equal rank, in three forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kdcore.objective.balance.base import Balance, Readings, by_name
from kdcore.objective.balance.gradients import gradient, gram_of
from kdcore.objective.balance.minimum import min_norm_weights
from kdcore.objective.balance.weight_optimizer import WeightOptimizer
from kdcore.spec.rooms.balances import MokdOptions

SMALLEST = 1e-8
"""Added to every loss before its logarithm (as FAMO's published code does)."""


def mokd(options: MokdOptions, groups: Sequence[str]) -> Balance:
    """The form that the options name."""
    return Amortised(options, groups) if options.form == "amortised" else MinNorm(options, groups)


class Logarithmic(Balance):
    """What the forms share: losses raised above zero, so that they have logarithms.

    A group whose loss was once negative is raised by twice its lowest value so far (ours), so that its size stays of
    the loss's own order.
    """

    lowest: Tensor

    def __init__(self, options: MokdOptions, groups: Sequence[str]) -> None:
        super().__init__(options, groups)
        self.register_buffer("lowest", torch.zeros(len(self.groups), dtype=torch.float64))

    def _raised(self, names: Sequence[str], losses: Tensor) -> Tensor:
        lowest = torch.minimum(self._pick(self.lowest, names).to(losses), losses)
        return (losses - 2 * lowest.clamp(max=0)).clamp(min=0) + SMALLEST

    def _on_losses(self, names: Sequence[str], mix: Tensor, losses: Tensor) -> Tensor:
        """Weights of log-gradients as weights of the plain ones, ``z / L``, rescaled to sum to one.

        So the learning rate keeps its meaning (as in FAMO's published code).
        """
        plain = mix / self._raised(names, losses)
        return plain / plain.sum()

    def _settle(self, names: Sequence[str], losses: Tensor, gram: Tensor | None) -> None:
        """What is not finite stays out of the state; the loop reports it."""
        held = self._pick(self.lowest, names)
        losses = losses.to(held)
        self._put(self.lowest, names, torch.where(losses.isfinite(), torch.minimum(held, losses), held))


class MinNorm(Logarithmic):
    """The shortest convex combination of the groups' gradients, or of their logarithms' gradients ``∇L / L``.

    The exact and the cheap form. The combination has a product of at least its own squared length with every group's
    gradient, so to first order no group gets worse; in the cheap form that holds at the features it looks at, whose
    gradients bound those of the parameters before them (MGDA-UB, Sener, Koltun 2018, section 3.3).
    """

    mix: Tensor

    def __init__(self, options: MokdOptions, groups: Sequence[str]) -> None:
        super().__init__(options, groups)
        self.logarithmic, self.every, self.looks_at = options.logarithmic, options.every, options.looks_at
        count = len(self.groups)
        self.register_buffer("mix", torch.full((count,), 1 / count, dtype=torch.float64))

    def weights(self, names: Sequence[str], losses: Tensor, gram: Tensor | None) -> Tensor:
        """Solved where there is a Gram matrix, else those of the last time, on the losses as they are now."""
        if len(names) == 1:
            return torch.ones_like(losses)
        if gram is not None and self._solves():
            self._put(self.mix, names, self._solved(names, losses, gram))
        mix = self._mix(names, losses)
        return self._on_losses(names, mix, losses) if self.logarithmic else mix

    def _solved(self, names: Sequence[str], losses: Tensor, gram: Tensor) -> Tensor:
        scale = 1 / self._raised(names, losses) if self.logarithmic else torch.ones_like(losses)
        scaled = gram.to(losses) * scale[:, None] * scale[None]
        if not scaled.isfinite().all():
            return torch.full_like(losses, 1 / len(losses))
        return min_norm_weights(scaled)

    def _mix(self, names: Sequence[str], losses: Tensor) -> Tensor:
        mix = self._pick(self.mix, names).to(losses)
        if len(names) == len(self.groups):
            return mix
        return mix / mix.sum() if mix.sum() > 0 else torch.full_like(mix, 1 / len(mix))

    def _solves(self) -> bool:
        return self._steps % self.every == 0

    def _looks(self) -> bool:
        return self.looks_at is None and self._solves()

    def _peek(self, groups: Mapping[str, Tensor], shared: Sequence[Tensor]) -> None:
        if self.looks_at is None or not self._solves() or len(groups) == 1:
            return
        if not shared:
            raise ValueError(f"form 'cheap' needs the learner's features at {self.looks_at!r}")
        rows = [gradient(loss, shared, keep=True) for loss in groups.values()]
        for name, row in zip(groups, rows, strict=True):
            if groups[name].requires_grad and all(part is None for part in row):
                message = f"the loss of group {name!r} does not pass {self.looks_at!r}"
                raise ValueError(f"{message}: name an earlier point in 'at', or take form 'exact'")
        self._add_gram(list(groups), gram_of(rows))

    def _add_gram(self, names: Sequence[str], gram: Tensor) -> None:
        """Micro-batches and processes see different samples, so their Gram matrices add up."""
        order = [names.index(name) for name in self.groups if name in names]
        ordered = gram[order][:, order]
        ordered = ordered if self.reduce is None else self.reduce(ordered)
        held = self._seen.gram
        self._seen.gram = ordered if held is None else held + ordered

    def _readings(self, names: Sequence[str], weights: Tensor) -> Readings:
        return super()._readings(names, weights) | by_name("share", names, self._mix(names, weights))


class Amortised(Logarithmic):
    """Weights learned from how much each loss fell: FAMO's update for MoKD's problem.

    With logits ``w`` and ``z = softmax(w)`` the step follows ``Σ z_i log D_i``, rescaled as ``_on_losses`` says. Then
    ``w`` moves down the Jacobian of the softmax times ``log D_before - log D_after``, which is close to the step's
    length times what the exact form solves for: who improved more gets less. With AdamW, as DTO-KD. A reconstruction:
    the papers' printed update leaves the gradient out (Liu et al. 2023, algorithm 1).

    Several micro-batches of one step are each weighed by the losses so far; the weights learn once a step.
    """

    looks_again = True
    logits: Tensor

    def __init__(self, options: MokdOptions, groups: Sequence[str]) -> None:
        super().__init__(options, groups)
        self.register_buffer("logits", torch.zeros(len(self.groups), dtype=torch.float64))
        self.optimizer = WeightOptimizer(len(self.groups), options.learning_rate, options.weight_decay)

    def weights(self, names: Sequence[str], losses: Tensor, gram: Tensor | None) -> Tensor:
        """``z / D``, summing to one."""
        return self._on_losses(names, self._mix(names).to(losses), losses)

    def after_step(self, before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> Readings:
        """Move the logits; returns each loss's fall in logarithms."""
        names = [name for name in self.groups if name in before and name in after]
        if len(names) < 2:
            return {}
        fall = self._logarithms(names, before) - self._logarithms(names, after)
        fall = torch.where(fall.isfinite(), fall, 0.0)
        mix = self._mix(names).to(fall)
        slope = torch.zeros_like(self.logits)
        self._put(slope, names, mix * (fall - mix @ fall))
        self.optimizer.step(self.logits, slope)
        return {f"fall.{name}": part for name, part in zip(names, fall, strict=True)}

    def _logarithms(self, names: Sequence[str], losses: Mapping[str, Tensor]) -> Tensor:
        values = torch.stack([losses[name].detach().double() for name in names])
        mean = values if self.reduce is None else self.reduce(values)
        raise_by = 2 * self._pick(self.lowest, names).to(mean)
        return ((mean - raise_by).clamp(min=0) + SMALLEST).log()

    def _mix(self, names: Sequence[str]) -> Tensor:
        return self._pick(self.logits, names).softmax(0)

    def _readings(self, names: Sequence[str], weights: Tensor) -> Readings:
        return super()._readings(names, weights) | by_name("share", names, self._mix(names))
