"""Distances between values and between independent labels; examples without targets (NaN) do not count."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.temperature import Temperature
from kdcore.spec.rooms.piece import NoOptions
from kdcore.spec.rooms.values import LabelTemperatureOptions


def _known(student: Tensor, target: Tensor | None) -> tuple[Tensor, Tensor]:
    """Outputs and targets [M, K] of the examples that have targets."""
    assert target is not None
    if target.shape != student.shape:
        raise ValueError(f"outputs {tuple(student.shape)} and targets {tuple(target.shape)} differ in shape")
    known = ~target.isnan().flatten(1).any(1)
    return student[known], target[known].to(student)


class SquaredError(Distance):
    """``mean (student - target)²`` of outputs and targets [B, K], over the examples that have targets."""

    needs: ClassVar[frozenset[str]] = frozenset({"target"})

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        own, wanted = _known(student, target)
        return (own - wanted).square().sum() / max(own.numel(), 1)


class SquaredDifference(Distance):
    """``mean (student - teacher)²`` of outputs [B, K]: Ba, Caruana 2014, equation 1, by the mean."""

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        return (student - same_shape(student, teacher, "squared_difference")).square().mean()


class BinaryCrossEntropy(Distance):
    """``mean -[y log σ(z) + (1 - y) log (1 - σ(z))]`` of logits z and labels y [B, K], where they are known."""

    needs: ClassVar[frozenset[str]] = frozenset({"target"})

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        own, wanted = _known(student, target)
        total = F.binary_cross_entropy_with_logits(own, wanted, reduction="sum")
        return total / max(own.numel(), 1)


class BinaryKL(Distance):
    """``T² mean KL(Bernoulli(σ(teacher / T)) || Bernoulli(σ(student / T)))`` of logits [B, K], in the log domain."""

    def __init__(self, options: LabelTemperatureOptions) -> None:
        super().__init__()
        self.temperature = Temperature(options.temperature)

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        T = self.temperature.at(context)
        s, t = student / T, same_shape(student, teacher, "binary_kl") / T
        yes = t.sigmoid() * (F.logsigmoid(t) - F.logsigmoid(s))
        no = (-t).sigmoid() * (F.logsigmoid(-t) - F.logsigmoid(-s))
        return (yes + no).mean() * T * T


CLASSES: Classes = {
    "squared_error": SquaredError,
    "squared_difference": SquaredDifference,
    "binary_cross_entropy": BinaryCrossEntropy,
    "binary_kl": BinaryKL,
}
