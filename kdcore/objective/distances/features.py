"""Distances between features: hints and plain squared differences."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.spec.rooms.features import HintOptions
from kdcore.spec.rooms.piece import NoOptions


class Hint(Distance):
    """``½ ||teacher - student||²`` summed over channels, averaged over batch and positions.

    Shapes: [B, C, ...] on both sides; with a mask [B, L] also tokens [B, L, C]. FitNets, equation 3, with the reduction
    of its published code. With ``normalise: teacher`` the loss is divided by ``½ ||teacher||²`` reduced alike, so that
    predicting nothing costs 1 whatever the teacher's scale and width (ours, not the paper's).
    """

    token_by_token: ClassVar[bool] = True

    def __init__(self, options: HintOptions) -> None:
        super().__init__()
        self.normalise = options.normalise

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "hint")
        loss = 0.5 * (student - followed).square().sum(1).mean()
        if self.normalise == "none":
            return loss
        power = 0.5 * followed.square().sum(1).mean()
        return loss / power.clamp(min=torch.finfo(power.dtype).tiny ** 0.5)


class MSE(Distance):
    """Mean squared difference over all elements; any equal shapes."""

    token_by_token: ClassVar[bool] = True

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        return F.mse_loss(student, same_shape(student, teacher, "mse"))


CLASSES: Classes = {"hint": Hint, "mse": MSE}
