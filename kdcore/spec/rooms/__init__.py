"""The pieces that fill the rooms of an objective, by name: one table of options for validator and engine."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from kdcore.spec.base import Strict, problems_of, suggestion
from kdcore.spec.rooms.adapters import ADAPTERS
from kdcore.spec.rooms.balances import BALANCES
from kdcore.spec.rooms.detection import DETECTION
from kdcore.spec.rooms.distributions import DISTRIBUTIONS
from kdcore.spec.rooms.features import FEATURES
from kdcore.spec.rooms.hidden import HIDDEN
from kdcore.spec.rooms.layers import LAYERS
from kdcore.spec.rooms.logits import LOGITS
from kdcore.spec.rooms.matches import MATCHES
from kdcore.spec.rooms.modules import MODULES
from kdcore.spec.rooms.paths import PATHS
from kdcore.spec.rooms.piece import Piece, Table
from kdcore.spec.rooms.pixels import PIXELS
from kdcore.spec.rooms.relations import RELATIONS
from kdcore.spec.rooms.sequences import SEQUENCES
from kdcore.spec.rooms.singular import SINGULAR
from kdcore.spec.rooms.values import VALUES

__all__ = ["ADAPTERS", "BALANCES", "DISTANCES", "MATCHES", "PATHS", "ROOMS", "BadPiece", "Piece", "piece_options"]

DISTANCES: Table = {
    **LOGITS,
    **SEQUENCES,
    **VALUES,
    **PIXELS,
    **HIDDEN,
    **SINGULAR,
    **FEATURES,
    **LAYERS,
    **RELATIONS,
    **DISTRIBUTIONS,
    **MODULES,
    **DETECTION,
}

ROOMS: dict[str, Table] = {
    "distance": DISTANCES,
    "adapter": ADAPTERS,
    "match": MATCHES,
    "balance": BALANCES,
    "path": PATHS,
}


class BadPiece(ValueError):
    """A piece that is not in its room, or options it does not take.

    Attributes:
        faults: (option or empty, code, message) of each fault.
    """

    def __init__(self, faults: list[tuple[str, str, str]]) -> None:
        self.faults = faults
        super().__init__("; ".join(message for _, _, message in faults))


def piece_options(room: str, kind: str, options: dict[str, Any]) -> Strict:
    """The validated options of the piece ``kind`` of ``room``.

    Raises:
        BadPiece: unknown kind (with the nearest names) or options that do not fit.
    """
    table = ROOMS[room]
    if kind not in table:
        raise BadPiece([("", f"unknown_{room}", f"no {room} {kind!r}; {suggestion(kind, table)}")])
    model = table[kind].options
    try:
        return model.model_validate(options)
    except ValidationError as error:
        problems = problems_of(error, list(model.model_fields))
        faults = [(p.pointer, p.code, f"{room} {kind!r}: {p.message}") for p in problems]
        raise BadPiece(faults) from None
