"""Distances pixel by pixel, between what networks say of each place in a picture."""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.decoupled import rows_kl
from kdcore.objective.distances.logits import log_probabilities
from kdcore.objective.distances.masks import UNLABELLED
from kdcore.objective.distances.temperature import Temperature
from kdcore.spec.rooms.logits import CrossEntropyOptions, TemperatureOptions


class PixelCrossEntropy(Distance):
    """``-log softmax(student)[target]`` averaged over the pixels that have a class: Long et al. 2015, section 4.

    Shapes: student [B, K, H, W], target [B, H, W] with ``UNLABELLED`` where a pixel counts for nothing. A batch without
    any class gives 0 with a zero gradient.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"target"})

    def __init__(self, options: CrossEntropyOptions) -> None:
        super().__init__()
        self.smoothing = options.label_smoothing

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert target is not None
        if student.ndim != 4 or target.shape != (len(student), *student.shape[2:]):
            raise ValueError(f"outputs {tuple(student.shape)} and masks {tuple(target.shape)} do not lie on each other")
        total = F.cross_entropy(
            student, target, ignore_index=UNLABELLED, label_smoothing=self.smoothing, reduction="sum"
        )
        return total / (target != UNLABELLED).sum().clamp(min=1)


class PixelKL(Distance):
    """``T² mean_{b,h,w} KL(softmax_k(teacher / T) || softmax_k(student / T))``: Liu et al. 2019, equation 1.

    Shapes: [B, K, H, W] on both sides. Every pixel counts, whether or not it has a class, since the teacher is asked
    about each. In the log domain throughout.
    """

    def __init__(self, options: TemperatureOptions) -> None:
        super().__init__()
        self.temperature = Temperature(options.temperature)

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed, T = same_shape(student, teacher, "pixel_kl"), self.temperature.at(context)
        log_q, log_p = (log_probabilities(side.movedim(1, -1) / T) for side in (student, followed))
        return rows_kl(log_q, log_p).mean() * T * T


CLASSES: Classes = {"pixel_cross_entropy": PixelCrossEntropy, "pixel_kl": PixelKL}
