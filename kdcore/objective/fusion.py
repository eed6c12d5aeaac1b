"""ReviewKD's fusion: deep layers of the student reviewed at every shallower one, by learned attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.objective.bridges import Adapter, Shape, across
from kdcore.spec.matching import forward_map
from kdcore.spec.rooms.adapters import FusionOptions

Size = tuple[int, int]

WIDEST = 512
"""Channels in which layers are fused, unless the student's deepest layer has fewer."""


class Fusion(Adapter):
    """Each student layer, fused with all deeper ones, beside one teacher layer: ``(S, T) -> (S + 1, S + 1)`` maps.

    Chen et al. 2021 (ReviewKD, arXiv 2104.09044), section 3.2, as in the published code. Maps [B, C, H, W] from
    shallow to deep on both sides; with ``pooled`` (else S and S) the deepest map averaged over its positions is one
    more, the deepest. Student layer i follows teacher layer ``ceil((i + 1) T / S) - 1``.

    Raises:
        ValueError: features that are no maps.
    """

    def __init__(self, students: Sequence[Shape], teachers: Sequence[Shape], options: FusionOptions) -> None:
        for shape in (*students, *teachers):
            if len(shape) != 4:
                raise ValueError(f"adapter 'fusion' joins feature maps [B, C, H, W] (got {shape}): name such layers")
        followed = forward_map(len(students), len(teachers))
        targets = [teachers[i] for i in followed]
        width = options.width or min(WIDEST, students[-1][1])
        own, kernel = [student[1] for student in students], across(students[0], 3)
        other = [(target[1], (target[2], target[3])) for target in targets]
        if options.pooled:
            own.append(students[-1][1])
            other.append((targets[-1][1], (1, 1)))
        layers = enumerate(zip(own, other, strict=True), start=1)
        super().__init__([Review(c, width, *to, fuses=number < len(own), kernel=kernel) for number, (c, to) in layers])
        self.pooled, self.followed = options.pooled, followed

    def forward(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The fused maps of the student in the teacher's shapes, shallow ones first, and what they follow."""
        own, followed = list(students), [teachers[i] for i in self.followed]
        if self.pooled:
            own.append(F.adaptive_avg_pool2d(own[-1], 1))
            followed.append(F.adaptive_avg_pool2d(followed[-1], 1))
        fused: list[Tensor] = []
        deeper: Tensor | None = None
        for review, student in zip(reversed(self.maps), reversed(own), strict=True):
            one, deeper = review(student, deeper)
            fused.insert(0, one)
        return fused, followed


class Review(nn.Module):
    """One layer with what comes from deeper ones: (to the teacher's shape, on to the next shallower layer).

    Args:
        inputs: channels of the student's layer.
        width: channels in which layers are fused.
        outputs, size: of the teacher's layer.
        fuses: whether there is a deeper layer.
        kernel: of the convolution to the teacher's channels.
    """

    def __init__(
        self, inputs: int, width: int, outputs: int, size: Size, *, fuses: bool, kernel: Size = (3, 3)
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.reduce = nn.Sequential(nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width))
        self.expand = nn.Sequential(
            nn.Conv2d(width, outputs, kernel, padding=padding, bias=False), nn.BatchNorm2d(outputs)
        )
        self.attention = nn.Sequential(nn.Conv2d(2 * width, 2, 1), nn.Sigmoid()) if fuses else None
        self.size = size
        for part in (self.reduce, self.expand):
            nn.init.kaiming_uniform_(part[0].weight, a=1)  # type: ignore[arg-type]

    def forward(self, student: Tensor, deeper: Tensor | None) -> tuple[Tensor, Tensor]:
        own: Tensor = self.reduce(student)
        if self.attention is not None and deeper is not None:
            deeper = F.interpolate(deeper, own.shape[2:], mode="nearest")
            shares = self.attention(torch.cat([own, deeper], dim=1))
            own = own * shares[:, :1] + deeper * shares[:, 1:]
        if own.shape[2:] != self.size:
            own = F.interpolate(own, self.size, mode="nearest")
        return self.expand(own), own
