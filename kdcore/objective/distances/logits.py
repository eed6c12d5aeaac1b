"""Distances between what networks say about classes: labels, softened probabilities."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.spec.rooms.logits import CrossEntropyOptions, TemperatureOptions

UNLABELLED = -100
"""Label of a picture whose class the learner may not know."""


class CrossEntropy(Distance):
    """``-log softmax(student)[target]``, averaged over the labelled pictures.

    Shapes: student [B, N], target [B] with ``UNLABELLED`` where there is none. A batch without any label gives 0
    with a zero gradient.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"target"})

    def __init__(self, options: CrossEntropyOptions) -> None:
        super().__init__()
        self.smoothing = options.label_smoothing

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert target is not None
        total = F.cross_entropy(
            student, target, ignore_index=UNLABELLED, label_smoothing=self.smoothing, reduction="sum"
        )
        return total / (target != UNLABELLED).sum().clamp(min=1)


class KL(Distance):
    """``T² KL(softmax(teacher / T) || softmax(student / T))``, summed over classes, averaged over the rest.

    Shapes: [..., N] on both sides. Hinton, Vinyals, Dean 2015, section 2: the factor T² keeps the gradient's size.
    Computed in the log domain, so confident logits stay finite.
    """

    def __init__(self, options: TemperatureOptions) -> None:
        super().__init__()
        self.temperature = options.temperature

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "kl")
        log_q = F.log_softmax(student / self.temperature, dim=-1)
        log_p = F.log_softmax(followed / self.temperature, dim=-1)
        rows = F.kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1)
        return rows.mean() * self.temperature**2


class SoftCrossEntropy(Distance):
    """``-Σ softmax(teacher / T) log softmax(student / T)``, without T²: H(P_T, P_S) of FitNets, equation 2.

    Shapes: [..., N] on both sides. Its minimum is the teacher's entropy, not zero.
    """

    def __init__(self, options: TemperatureOptions) -> None:
        super().__init__()
        self.temperature = options.temperature

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "soft_cross_entropy")
        log_q = F.log_softmax(student / self.temperature, dim=-1)
        return -(F.softmax(followed / self.temperature, dim=-1) * log_q).sum(-1).mean()


CLASSES: Classes = {"cross_entropy": CrossEntropy, "kl": KL, "soft_cross_entropy": SoftCrossEntropy}
