"""Who wins when the losses pull apart."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import Piece, Table


class FixedOptions(Strict):
    """A constant factor for each group of terms."""

    task: float = Field(default=1, ge=0)
    distill: float = Field(default=1, ge=0)


BALANCES: Table = {
    "fixed": Piece(FixedOptions, "The weighted sum, with a constant factor for each group."),
}
