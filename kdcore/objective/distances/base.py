"""What every distance keeps to: float32 arithmetic, no gradient to the teacher, a pure forward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

Context = Mapping[str, Any]
"""What else a distance may need: mask, sample ids, both networks' logits, generator, step."""


def precise(tensor: Tensor) -> Tensor:
    """Half-precision tensors raised to float32; float32 and float64 as they are."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


class Distance(nn.Module):
    """How far a student's tensor is from a teacher's: ``distance(student, teacher, target, context=...)``.

    The loss is a scalar; no gradient reaches the teacher's side. ``forward`` changes no state and may be called
    twice on a batch; what a distance remembers between steps changes in ``advance``, once per optimiser step.

    Attributes:
        needs: names of the target or context entries that it cannot do without.
    """

    needs: ClassVar[frozenset[str]] = frozenset()

    def forward(
        self, student: Tensor, teacher: Tensor | None, target: Tensor | None = None, *, context: Context | None = None
    ) -> Tensor:
        """The loss.

        Raises:
            ValueError: a missing target or context entry, or shapes that do not fit.
        """
        given = {"target"} if target is not None else set()
        missing = self.needs - given - set(context or {})
        if missing:
            raise ValueError(f"{type(self).__name__} needs {', '.join(sorted(missing))}")
        followed = None if teacher is None else precise(teacher).detach()
        with torch.autocast(student.device.type, enabled=False):
            return self.measure(precise(student), followed, target, context or {})

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        """The formula itself, on tensors of at least float32."""
        raise NotImplementedError

    def advance(self) -> None:
        """Move remembered state by one optimiser step."""


def same_shape(student: Tensor, teacher: Tensor | None, name: str) -> Tensor:
    """The teacher's tensor, once it is known to have the student's shape."""
    if teacher is None or student.shape != teacher.shape:
        shown = None if teacher is None else tuple(teacher.shape)
        raise ValueError(
            f"{name} compares equal shapes (student {tuple(student.shape)}, teacher {shown}); use an adapter"
        )
    return teacher


Classes = Mapping[str, Callable[[Any], Distance]]
"""A family's distances by the name that specs use; each is called with its validated options."""
