"""Who wins when the losses pull apart."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import NoOptions, Piece, Table


class FixedOptions(Strict):
    """A constant factor for each group of terms."""

    task: float = Field(default=1, ge=0)
    distill: float = Field(default=1, ge=0)


class MinNormOptions(Strict):
    """``logarithmic``: combine the gradients of the losses' logarithms, which do not depend on the losses' scale."""

    logarithmic: bool = True


BALANCES: Table = {
    "fixed": Piece(FixedOptions, "The weighted sum, with a constant factor for each group."),
    "min_norm": Piece(
        MinNormOptions,
        "The shortest convex combination of the groups' gradients: no group is made worse.",
        "MoKD (arXiv 2505.08170) and DTO-KD; Désidéri 2012 (MGDA)",
    ),
    "pcgrad": Piece(
        NoOptions,
        "Each group's gradient loses its part against any other's before they are added.",
        "Yu et al. 2020 (arXiv 2001.06782), algorithm 1",
    ),
}
