"""How far apart are they? Every distance by the name that specs use."""

from __future__ import annotations

from typing import Any

from kdcore.objective.distances import (
    attention,
    classifier,
    contrastive,
    decoupled,
    detection,
    features,
    gram,
    hidden,
    layers,
    levels,
    logits,
    maps,
    masked,
    moments,
    pixels,
    relations,
    sequences,
    singular,
    transport,
    values,
    variational,
)
from kdcore.objective.distances.base import Classes, Context, Distance
from kdcore.objective.distances.masks import UNLABELLED
from kdcore.spec.rooms import piece_options

__all__ = ["CLASSES", "UNLABELLED", "Context", "Distance", "distance"]

CLASSES: Classes = {
    **logits.CLASSES,
    **decoupled.CLASSES,
    **levels.CLASSES,
    **sequences.CLASSES,
    **values.CLASSES,
    **pixels.CLASSES,
    **hidden.CLASSES,
    **attention.CLASSES,
    **singular.CLASSES,
    **features.CLASSES,
    **layers.CLASSES,
    **maps.CLASSES,
    **relations.CLASSES,
    **transport.CLASSES,
    **moments.CLASSES,
    **variational.CLASSES,
    **detection.CLASSES,
    **gram.CLASSES,
    **contrastive.CLASSES,
    **masked.CLASSES,
    **classifier.CLASSES,
}


def distance(name: str, **options: Any) -> Distance:
    """The distance called ``name``: a module ``(student, teacher, target=None, *, context=None) -> scalar``.

    Raises:
        kdcore.spec.rooms.BadPiece: unknown name, with the nearest ones, or options that it does not take.
    """
    validated = piece_options("distance", name, options)
    return CLASSES[name](validated)
