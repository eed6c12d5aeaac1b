"""How far apart are they? Every distance by the name that specs use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdcore.objective.distances.base import Context, Distance
from kdcore.objective.distances.features import MSE, Hint
from kdcore.objective.distances.logits import KL, UNLABELLED, CrossEntropy, SoftCrossEntropy
from kdcore.spec.rooms import piece_options

__all__ = ["CLASSES", "UNLABELLED", "Context", "Distance", "distance"]

CLASSES: dict[str, Callable[[Any], Distance]] = {
    "cross_entropy": CrossEntropy,
    "kl": KL,
    "soft_cross_entropy": SoftCrossEntropy,
    "hint": Hint,
    "mse": MSE,
}


def distance(name: str, **options: Any) -> Distance:
    """The distance called ``name``: a module ``(student, teacher, target=None, *, context=None) -> scalar``.

    Raises:
        kdcore.spec.rooms.BadPiece: unknown name, with the nearest ones, or options that it does not take.
    """
    validated = piece_options("distance", name, options)
    return CLASSES[name](validated)
