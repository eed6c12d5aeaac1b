"""Balances that know their weights before they see a gradient: constants, ramps, learned variances."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kdcore.objective.balance.base import Balance, Readings, by_name
from kdcore.objective.stages import value_at
from kdcore.spec.rooms.balances import FixedOptions, MeasuredOptions, ScheduledOptions

WIDEST = 10.0
"""Largest learned log-variance, either way: a loss that reaches zero would ask for an endless weight."""


class Fixed(Balance):
    """The sum of the groups, each with a constant factor."""

    def __init__(self, options: FixedOptions, groups: Sequence[str]) -> None:
        super().__init__(options, groups)
        self.factors = dict(options.factors)

    def weights(self, names: Sequence[str], losses: Tensor, gram: Tensor | None) -> Tensor:
        """The constants."""
        return torch.tensor([self.factors.get(name, 1.0) for name in names], dtype=losses.dtype)

    def _readings(self, names: Sequence[str], weights: Tensor) -> Readings:
        """Constants are in the plan."""
        return {}


class Scheduled(Balance):
    """The sum of the groups, each with a factor that moves with the epochs of the stage."""

    def __init__(self, options: ScheduledOptions, groups: Sequence[str]) -> None:
        super().__init__(options, groups)
        self.factors = dict(options.factors)

    def weights(self, names: Sequence[str], losses: Tensor, gram: Tensor | None) -> Tensor:
        """The factors at the step's epoch."""
        factors = [value_at(self.factors.get(name, 1.0), self._seen.epoch) for name in names]
        return torch.tensor(factors, dtype=losses.dtype)


class Uncertainty(Balance):
    """``Σ exp(-s_i) L_i + s_i / 2`` with learned log-variances ``s_i``, which start at zero.

    Kendall, Gal, Cipolla 2018, equation 10, in the form for classification, for every group. At rest
    ``exp(-s_i) = 1 / (2 L_i)``. The log-variances are parameters for the learner's optimiser; they stay within
    ±``WIDEST`` in their effect. With one group it passes through.
    """

    def __init__(self, options: MeasuredOptions, groups: Sequence[str]) -> None:
        super().__init__(options, groups)
        self.log_variances = nn.Parameter(torch.zeros(len(self.groups)))

    def weights(self, names: Sequence[str], losses: Tensor, gram: Tensor | None) -> Tensor:
        """``exp(-s)``."""
        if len(names) == 1:
            return torch.ones_like(losses)
        chosen = self._pick(self.log_variances, names).to(losses)
        return (-chosen.clamp(-WIDEST, WIDEST)).exp()

    def _settle(self, names: Sequence[str], losses: Tensor, gram: Tensor | None) -> None:
        """The log-variances' gradient, ``1/2 - exp(-s) L``, once a step and from the losses of all processes."""
        self.log_variances.grad = torch.zeros_like(self.log_variances)
        if len(names) > 1:
            slope = 0.5 - self.weights(names, losses, gram) * losses
            self._put(self.log_variances.grad, names, slope)

    def _readings(self, names: Sequence[str], weights: Tensor) -> Readings:
        return super()._readings(names, weights) | by_name("share", names, weights / weights.sum())
