"""Distances with parts whose size follows from the features: built once, by whoever comes first."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from kdcore.objective.distances.base import Distance, Shape


class Sized(Distance):
    """A distance that is built by ``size``, or else by its first forward pass or by loading a state dict.

    Attributes:
        shapes: what it was built for: both sides' shapes and the number of samples; empty before.
    """

    shapes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shapes", torch.zeros(0, dtype=torch.long))

    @abstractmethod
    def build(self, student: Shape, teacher: Shape, samples: int) -> None:
        """Make parameters and buffers."""

    def size(self, student: Shape, teacher: Shape, samples: int) -> None:
        if not len(self.shapes):
            self.build(student, teacher, samples)
            self.shapes = torch.tensor([len(student), *student, *teacher, samples], device=self.shapes.device)

    def ready(self, student: Tensor, teacher: Tensor) -> None:
        """Built at the latest now, on the device and in the precision of the features."""
        if not len(self.shapes):
            self.size(tuple(student.shape), tuple(teacher.shape), 0)
            self.to(student.device, student.dtype)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: object) -> None:
        shapes = state_dict.get(prefix + "shapes")
        if shapes is not None and len(shapes) and not len(self.shapes):
            rank, *sizes, samples = shapes.tolist()
            self.size(tuple(sizes[:rank]), tuple(sizes[rank:]), samples)
            saved = (tensor for name, tensor in state_dict.items() if name.startswith(prefix))
            self.to(self.shapes.device, next((t.dtype for t in saved if t.is_floating_point()), None))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def channels_of(shape: Shape) -> int:
    """Channels of a vector [B, D], tokens [B, L, D] or a map [B, C, H, W]."""
    return shape[-1] if len(shape) == 3 else shape[1]
