"""Distances between features, sample by sample."""

from __future__ import annotations

from typing import Literal

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import NoOptions, Piece, Table


class HintOptions(Strict):
    """``normalise: teacher`` divides by the teacher's mean squared norm a position; ``none`` is the plain sum."""

    normalise: Literal["teacher", "none"] = "none"


FEATURES: Table = {
    "hint": Piece(
        HintOptions,
        "Half the squared distance, summed over channels, averaged over batch and positions.",
        "Romero et al. 2015 (arXiv 1412.6550), equation 3",
        "features",
    ),
    "mse": Piece(NoOptions, "Mean squared difference over all elements.", "", "features"),
}
