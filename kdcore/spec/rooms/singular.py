"""Distances between the leading singular vectors of feature maps."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import Piece, Table


class SingularOptions(Strict):
    """``k`` leading vectors of the teacher are compared."""

    k: int = Field(default=1, ge=1, le=64)


SINGULAR: Table = {
    "kdsvd": Piece(
        SingularOptions,
        "How the leading singular vectors of a layer's channels follow from those of the layer before.",
        "Lee et al. 2018 (ECCV 2018, arXiv 1807.06819), with the axes of RepDistiller",
        "features",
    ),
}
