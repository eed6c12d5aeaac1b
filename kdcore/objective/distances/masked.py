"""Masked generation: the teacher's map generated from a student's map of which parts are hidden."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kdcore.objective.distances.base import Classes, Context, Shape, same_shape
from kdcore.objective.distances.maps import as_maps
from kdcore.objective.distances.sized import Sized
from kdcore.seeds import generator
from kdcore.spec.rooms.modules import GenerativeOptions


class MaskedGenerative(Sized):
    """``Σ (G(s · M) - t)² / B`` with G two 3x3 convolutions and a ReLU between them, learned; M hides a share of s.

    Yang et al. 2022 (MGD), equations 3 to 5. Maps [B, C, H, W] of equal shapes. What is hidden follows from the seed
    and the context's ``step``, so that two looks at a step see the same; not zero at equality.
    """

    generator: nn.Sequential | None

    def __init__(self, options: GenerativeOptions) -> None:
        super().__init__()
        self.options = options
        self.register_module("generator", None)

    def build(self, student: Shape, teacher: Shape, samples: int) -> None:
        channels = teacher[1]
        first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.generator = nn.Sequential(first, nn.ReLU(), second)

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(as_maps(student, "mgd"), teacher, "mgd")
        self.ready(student, followed)
        assert self.generator is not None
        generated: Tensor = self.generator(student * self._shown(student, int(context.get("step", 0))))
        return (generated - followed).square().sum() / len(student)

    def _shown(self, student: Tensor, step: int) -> Tensor:
        """1 where the student is shown, 0 where it is hidden: [B, 1, H, W] or [B, C, 1, 1]."""
        batch, channels, *size = student.shape
        shape = (batch, 1, *size) if self.options.over == "positions" else (batch, channels, 1, 1)
        drawn = torch.rand(shape, generator=generator(self.options.seed, "hidden", step))
        shown = drawn >= self.options.share
        return shown.to(student)


CLASSES: Classes = {"mgd": MaskedGenerative}
