"""Which features an adapter can bring together, told by their shapes before any network is built."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from kdcore.spec.catalogue_tree import Shape

Pair = tuple[Shape, Shape]
"""Shapes of a student's and a teacher's feature, without the batch."""

VECTOR, TOKENS, MAP = 1, 2, 3
"""Axes of vectors [D], tokens [L, D] and maps [C, H, W]."""


def joining_fault(kind: str, pairs: Sequence[Pair]) -> str | None:
    """Why the adapter ``kind`` cannot join one of ``pairs``, as the end of a sentence; None when it can all.

    What depends on sizes beyond the kinds of features, such as a convolution's kernel, shows when the adapter is built.
    """
    check = _CHECKS.get(kind)
    reasons = (check(student, teacher) for student, teacher in pairs) if check else ()
    return next(filter(None, reasons), None)


def _linear(student: Shape, teacher: Shape) -> str | None:
    if len(student) == MAP and len(teacher) == VECTOR:
        return None
    if len(student) == len(teacher) and (
        student[1:] == teacher[1:] if len(student) == MAP else student[:-1] == teacher[:-1]
    ):
        return None
    return "takes features of one kind, with as many positions: use 'orthogonal', or 'tokens' for positions"


def _auto(student: Shape, teacher: Shape) -> str | None:
    if {len(student), len(teacher)} == {TOKENS, MAP}:
        return _tokens(student, teacher)
    return _convolution(student, teacher) if len(student) == len(teacher) == MAP else _linear(student, teacher)


def _maps(student: Shape, teacher: Shape) -> str | None:
    return None if len(student) == len(teacher) == MAP else "takes maps with channels, height and width: use 'auto'"


def _convolution(student: Shape, teacher: Shape) -> str | None:
    if len(student) != MAP or len(teacher) != MAP:
        return _maps(student, teacher)
    taller, wider = (own - other for own, other in zip(student[1:], teacher[1:], strict=True))
    return (
        "takes maps that both grow or both shrink in height and width: use 'orthogonal'" if taller * wider < 0 else None
    )


def _pointwise(student: Shape, teacher: Shape) -> str | None:
    if len(student) != len(teacher) or (len(student) == TOKENS and student[0] != teacher[0]):
        return "takes features of one kind: use 'auto'"
    return None


def _tokens(student: Shape, teacher: Shape) -> str | None:
    if VECTOR in (len(student), len(teacher)):
        return "takes maps and tokens: use 'linear'"
    row = any(len(shape) == MAP and shape[1] == 1 < shape[2] for shape in (student, teacher))
    for shape in (student, teacher):
        if len(shape) == TOKENS and not row and shape[0] - math.isqrt(shape[0]) ** 2 not in (0, 1):
            return f"takes tokens that are a square, with or without a class token ({shape[0]} are none)"
    return None


def _logits(_student: Shape, teacher: Shape) -> str | None:
    return None if len(teacher) == VECTOR else "leads to logits: follow the teacher's 'logits'"


_CHECKS: dict[str, Callable[[Shape, Shape], str | None]] = {
    "auto": _auto,
    "linear": _linear,
    "convolution": _convolution,
    "translator": _maps,
    "fusion": _maps,
    "pointwise": _pointwise,
    "tokens": _tokens,
    "classifier": _logits,
}
