"""The temperature that softens both sides: constant, moving with the epochs, or learned against the student."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from kdcore.objective.distances.base import Context
from kdcore.objective.stages import value_at
from kdcore.spec.numbers import Ramp
from kdcore.spec.rooms.temperature import LearnedTemperature


class Temperature(nn.Module):
    """A distance's temperature: ``temperature.at(context)`` is a number, or a scalar tensor where it is learned.

    Learned is Li et al. 2023 (CTKD, arXiv 2211.16231): ``T = lowest + span * sigmoid(theta)``. The value
    is exact; theta receives the loss's gradient times a factor that moves from 0 to -1 along a cosine, so that descent
    on the loss by the student is ascent by theta. Theta starts at 1, as in the authors' code. It is a parameter of the
    distance: it is optimised, saved and resumed with it.
    """

    def __init__(self, value: float | Ramp | LearnedTemperature) -> None:
        super().__init__()
        self.value = value
        if isinstance(value, LearnedTemperature):
            self.theta = nn.Parameter(torch.ones(()))

    def at(self, context: Context) -> float | Tensor:
        """The temperature at the context's ``epoch``, counted from 0 within the stage.

        Raises:
            ValueError: a temperature that moves with the epochs, and no epoch in the context.
        """
        if isinstance(self.value, int | float):
            return float(self.value)
        if "epoch" not in context:
            raise ValueError("a temperature that is a ramp or learned needs the context's epoch")
        if isinstance(self.value, Ramp):
            return value_at(self.value, context["epoch"])
        reversed_ = self._reversed(self.theta, self._factor(self.value, context["epoch"]))
        return self.value.lowest + self.value.span * reversed_.sigmoid()

    @staticmethod
    def _factor(learned: LearnedTemperature, epoch: float) -> float:
        share = min(max(epoch / learned.over, 0.0), 1.0)
        return (math.cos(math.pi * share) - 1) / 2

    @staticmethod
    def _reversed(theta: Tensor, factor: float) -> Tensor:
        """Theta itself, with its gradient multiplied by ``factor``."""
        return theta.detach() + factor * (theta - theta.detach())
