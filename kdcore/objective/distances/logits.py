"""Distances between what networks say about classes or next tokens: labels, softened probabilities."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.decoupled import rows_kl
from kdcore.objective.distances.masks import UNLABELLED, mean_of, rows_that_count
from kdcore.objective.distances.temperature import Temperature
from kdcore.spec.rooms.logits import CrossEntropyOptions, TemperatureOptions

IMPOSSIBLE = -1e30
"""Logarithm of a probability that is none: -inf would make 0 log 0 of it, which is NaN."""

LEAST_SHARE = 1e-6
"""Labels that make up less of a batch of mixed pictures are not brought up to a whole one."""


class CrossEntropy(Distance):
    """``-log softmax(student)[target]``, averaged over the labelled pictures or tokens.

    Shapes: student [..., N], target [...] with ``UNLABELLED`` where there is none. A batch without any label gives 0
    with a zero gradient.

    Of mixed pictures, the context says what else is in them: ``mixed_labels`` [B] int64, and ``mixed_share`` [B] that
    is left to the target. Each label counts by its share: ``share CE(target) + (1 - share) CE(mixed_labels)``.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"target"})

    def __init__(self, options: CrossEntropyOptions) -> None:
        super().__init__()
        self.smoothing = options.label_smoothing

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert target is not None
        if "mixed_labels" in context:
            return self._mixed(student, target, context["mixed_labels"], context["mixed_share"])
        total = self._losses(student.flatten(0, -2), target.flatten(), "sum")
        return total / (target != UNLABELLED).sum().clamp(min=1)

    def _losses(self, student: Tensor, target: Tensor, reduction: str) -> Tensor:
        smoothing = self.smoothing
        return F.cross_entropy(student, target, ignore_index=UNLABELLED, label_smoothing=smoothing, reduction=reduction)

    def _mixed(self, student: Tensor, target: Tensor, others: Tensor, share: Tensor) -> Tensor:
        share = share.to(student.dtype)
        own, other = self._losses(student, target, "none"), self._losses(student, others, "none")
        counted = share * (target != UNLABELLED) + (1 - share) * (others != UNLABELLED)
        return (share * own + (1 - share) * other).sum() / counted.sum().clamp(min=LEAST_SHARE)


def log_probabilities(logits: Tensor) -> Tensor:
    """``log softmax`` along the last dimension; logits of -inf stand for what is impossible."""
    return F.log_softmax(logits, -1).clamp(min=IMPOSSIBLE)


class Divergence(Distance):
    """``T²`` times a divergence of the softened distributions, averaged over the pictures or tokens that count.

    Shapes: [B, N], or [B, L, N] with the context's ``mask`` [B, L] (1 = counts) or a target [B, L] whose
    ``UNLABELLED`` tokens do not count; without either all do. What a masked token holds and how long the padding is
    changes neither loss nor gradient; a batch in which nothing counts gives 0. In the log domain throughout.

    Attributes:
        name: by which specs call it.
    """

    name: ClassVar[str]

    def __init__(self, options: TemperatureOptions) -> None:
        super().__init__()
        self.temperature = Temperature(options.temperature)

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        s, t = rows_that_count(student, same_shape(student, teacher, self.name), target, context)
        T = self.temperature.at(context)
        return mean_of(self.rows(log_probabilities(s / T), log_probabilities(t / T))) * self.scale(T)

    def rows(self, log_q: Tensor, log_p: Tensor) -> Tensor:
        """Each row's divergence, from the log-probabilities of student and teacher: [M, N] to [M]."""
        raise NotImplementedError

    def scale(self, T: float | Tensor) -> float | Tensor:
        """What keeps the gradient's size when the temperature changes."""
        return T * T


class KL(Divergence):
    """``T² KL(softmax(teacher / T) || softmax(student / T))``: Hinton, Vinyals, Dean 2015, section 2."""

    name = "kl"

    def rows(self, log_q: Tensor, log_p: Tensor) -> Tensor:
        return rows_kl(log_q, log_p)


class SoftCrossEntropy(Divergence):
    """``-Σ softmax(teacher / T) log softmax(student / T)``, without T²: H(P_T, P_S) of FitNets, equation 2.

    Its minimum is the teacher's entropy, not zero.
    """

    name = "soft_cross_entropy"

    def rows(self, log_q: Tensor, log_p: Tensor) -> Tensor:
        return -(log_p.exp() * log_q).sum(-1)

    def scale(self, T: float | Tensor) -> float | Tensor:
        return 1.0


CLASSES: Classes = {"cross_entropy": CrossEntropy, "kl": KL, "soft_cross_entropy": SoftCrossEntropy}
