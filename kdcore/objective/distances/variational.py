"""Variational information: the teacher's channels as Gaussians around what the student predicts of them."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.objective.distances.base import Classes, Context, Shape, same_shape
from kdcore.objective.distances.sized import Sized, channels_of
from kdcore.spec.rooms.modules import VariationalOptions


class Variational(Sized):
    """``mean ½ [(s - t)² / σ² + log σ²]`` with ``σ² = softplus(scale) + smallest``, learned for each channel.

    Ahn et al. 2019 (VID), equation 4 without its constant, averaged over all elements as in the published codes. Any
    equal shapes: [B, D], [B, L, D] or [B, C, H, W]. At equality it is ``½ mean log σ²``, not zero, and it falls below
    zero as variances fall below 1: balances that take logarithms of losses cannot have it alone in a group.
    """

    scale: nn.Parameter | None

    token_by_token: ClassVar[bool] = True

    def __init__(self, options: VariationalOptions) -> None:
        super().__init__()
        self.options = options
        self.register_parameter("scale", None)

    def build(self, student: Shape, teacher: Shape, samples: int) -> None:
        at_first = math.log(math.expm1(self.options.initial_variance - self.options.smallest))
        self.scale = nn.Parameter(torch.full((channels_of(teacher),), at_first))

    @property
    def variance(self) -> Tensor:
        """Of each channel of the teacher: [C]."""
        assert self.scale is not None
        return F.softplus(self.scale) + self.options.smallest

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "vid")
        self.ready(student, followed)
        variance = self.variance if student.ndim < 4 else self.variance[:, None, None]
        return 0.5 * ((student - followed).square() / variance + variance.log()).mean()


CLASSES: Classes = {"vid": Variational}
