"""What every distance keeps to: float32 arithmetic, no gradient to the teacher, a pure forward."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import starmap
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from kdcore.objective.padding import rows_that_count, unpadded
from kdcore.objective.shared import once

Context = Mapping[str, Any]
"""What else a distance may need: ``mask``, sample ids (``index``), ``epoch`` and ``step`` within the stage, both
networks' ``student_logits``, ``teacher_logits`` and classifiers ``student_head``, ``teacher_head``, the networks
themselves, ``student_network`` and ``teacher_network``, as detectors' anchors need them; and, in the pass of an
objective, what its terms have computed already (``shared``)."""

Features = Tensor | Sequence[Tensor]
"""One tensor, or several that are compared pair by pair."""

Shape = tuple[int, ...]


def precise(tensor: Tensor) -> Tensor:
    """Half-precision tensors raised to float32; float32 and float64 as they are."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def cut(tensor: Tensor) -> Tensor:
    """Raised, and without its graph; what has none stays the tensor it is, so that terms know it again."""
    raised = precise(tensor)
    return raised.detach() if raised.requires_grad else raised


class Distance(nn.Module):
    """How far a student's tensor is from a teacher's: ``distance(student, teacher, target, context=...)``.

    The loss is a scalar; no gradient reaches the teacher's side. ``forward`` changes no state and may be called
    twice on a batch; what a distance remembers between steps changes in ``advance``, once per optimiser step.

    Where the context has a ``mask`` [B, L] of the tokens that count, what stands at padding in tokens [B, L, D] is
    zero for every distance, so that it changes neither loss nor gradient.

    Attributes:
        needs: names of the target or context entries that it cannot do without.
        joint: whether it looks at lists of tensors as a whole; others are summed over the pairs.
        over_labelled: whether a distance that needs a target averages over those examples alone that have one.
        token_by_token: whether it is an average over positions that it looks at one by one; then it gets the tokens
            that a mask counts as rows [M, D], and the length to which a batch is padded does not matter.
        follows_adapter: set by a term whose adapter may work on the teacher's side, too: the teacher's features were
            cut from the teacher before the adapter, and the gradient has to reach the adapter.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    joint: ClassVar[bool] = False
    over_labelled: ClassVar[bool] = True
    token_by_token: ClassVar[bool] = False
    follows_adapter: bool = False

    def forward(
        self,
        student: Features,
        teacher: Features | None,
        target: Tensor | None = None,
        *,
        context: Context | None = None,
    ) -> Tensor:
        """The loss.

        Raises:
            ValueError: a missing target or context entry, or shapes that do not fit.
        """
        given = {"target"} if target is not None else set()
        missing = self.needs - given - set(context or {})
        if missing:
            raise ValueError(f"{type(self).__name__} needs {', '.join(sorted(missing))}")
        with torch.autocast(_device_of(student), enabled=False):
            if isinstance(student, Tensor):
                return self._single(student, teacher, target, context or {})
            return self._several(student, teacher, target, context or {})

    def _single(self, student: Tensor, teacher: Features | None, target: Tensor | None, context: Context) -> Tensor:
        if self.joint:
            return self._several([student], None if teacher is None else [_one(teacher)], target, context)
        own, followed = self._raised(student, context), None if teacher is None else self._cut(_one(teacher), context)
        if self.token_by_token and context.get("mask") is not None:
            own = rows_that_count(own, context["mask"])
            followed = None if followed is None else rows_that_count(followed, context["mask"])
        return self.measure(own, followed, target, context)

    @staticmethod
    def _raised(student: Tensor, context: Context) -> Tensor:
        return unpadded(once(context, precise, student), context)

    def _cut(self, teacher: Tensor, context: Context) -> Tensor:
        return unpadded(once(context, precise if self.follows_adapter else cut, teacher), context)

    def _several(
        self, students: Sequence[Tensor], teachers: Features | None, target: Tensor | None, context: Context
    ) -> Tensor:
        if teachers is None or isinstance(teachers, Tensor):
            raise ValueError(f"{type(self).__name__} got {len(students)} student tensors: list the teacher's, too")
        if self.joint:
            own = [self._raised(student, context) for student in students]
            return self.measure_all(own, [self._cut(teacher, context) for teacher in teachers], target, context)
        if len(students) != len(teachers):
            count = f"{len(students)} student and {len(teachers)} teacher tensors"
            raise ValueError(f"{type(self).__name__} compares pairs (got {count})")
        losses = starmap(lambda s, t: self._single(s, t, target, context), zip(students, teachers, strict=True))
        return torch.stack(list(losses)).sum()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        """The formula itself, on tensors of at least float32."""
        raise NotImplementedError

    def measure_all(
        self, students: Sequence[Tensor], teachers: Sequence[Tensor], target: Tensor | None, context: Context
    ) -> Tensor:
        """The formula of a ``joint`` distance, on lists of tensors of at least float32."""
        raise NotImplementedError

    def size(self, student: Shape, teacher: Shape, samples: int) -> None:
        """Build what depends on shapes: parameters, memory banks, moments. Called once, before training.

        Args:
            student, teacher: shapes of the pair that will be compared, batch included; each pair of a term has a
                distance of its own. A ``joint`` distance gets the shapes of its first pair.
            samples: pictures in the training split, which the context's ``index`` counts.
        """

    def trial(self, count: int) -> Tensor:
        """A target of the form that it reads, for ``count`` examples, to try it out on before there are any."""
        return torch.zeros(count, dtype=torch.long)

    def advance(self) -> None:
        """Move remembered state by one optimiser step."""


def _device_of(features: Features) -> str:
    return (features if isinstance(features, Tensor) else features[0]).device.type


def _one(features: Features) -> Tensor:
    if isinstance(features, Tensor):
        return features
    (only,) = features
    return only


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
