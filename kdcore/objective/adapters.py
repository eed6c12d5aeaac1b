"""Through what do features become comparable? Modules that bring the student's to the teacher's shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from kdcore.objective.bridges import Adapter, Shape, linear_map, regressor, unchanged
from kdcore.objective.connectors import branches, pointwise, translator
from kdcore.objective.fusion import Fusion
from kdcore.objective.mixtures import Auto, Mixture, Tokens
from kdcore.objective.projections import Orthogonal, Subspace
from kdcore.spec.rooms import piece_options
from kdcore.spec.terms import LIST_ADAPTERS

__all__ = ["BUILDERS", "Adapter", "Shape", "adapter"]

Build = Callable[[Sequence[Shape], Sequence[Shape], Any], Adapter]


def adapter(kind: str, student_shapes: Sequence[Shape], teacher_shapes: Sequence[Shape], **options: Any) -> Adapter:
    """The adapter ``kind`` for pairs of traced shapes (batch included).

    Raises:
        ValueError: shapes that this kind cannot bring together, with what can.
        kdcore.spec.rooms.BadPiece: unknown kind or options.
    """
    validated = piece_options("adapter", kind, options)
    if kind not in LIST_ADAPTERS and len(student_shapes) != len(teacher_shapes):
        counts = f"{len(student_shapes)} student and {len(teacher_shapes)} teacher shapes"
        raise ValueError(f"adapter {kind!r} joins pairs (got {counts}): list as many of both")
    return BUILDERS[kind]([tuple(s) for s in student_shapes], [tuple(t) for t in teacher_shapes], validated)


def _each(build: Callable[[Shape, Shape, Any], nn.Module]) -> Build:
    """Pair by pair: the map that ``build`` makes for each student feature."""

    def whole(students: Sequence[Shape], teachers: Sequence[Shape], options: Any) -> Adapter:
        return Adapter([build(s, t, options) for s, t in zip(students, teachers, strict=True)])

    return whole


BUILDERS: dict[str, Build] = {
    "none": _each(unchanged),
    "linear": _each(linear_map),
    "convolution": _each(regressor),
    "auto": Auto,
    "mixture": Mixture,
    "tokens": Tokens,
    "orthogonal": Orthogonal,
    "subspace": Subspace,
    "pointwise": pointwise,
    "translator": translator,
    "fusion": Fusion,
    "classifier": branches,
}
"""Every adapter by the name that specs use, called with the traced shapes of both sides and its options."""
