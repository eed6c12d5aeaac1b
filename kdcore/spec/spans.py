"""Ramps inside the options of a piece, told how long their stage is."""

from __future__ import annotations

from kdcore.spec.named import Kind
from kdcore.spec.numbers import Ramp
from kdcore.spec.rooms import piece_options


def spanned(ramp: Ramp, epochs: int) -> Ramp:
    """The ramp with its span: what is left of a stage of ``epochs`` where it names none."""
    return ramp if ramp.over is not None else ramp.model_copy(update={"over": max(epochs - ramp.after, 1.0)})


def with_spans(room: str, kind: Kind, epochs: int) -> Kind:
    """The piece with a span for each ramp among its options that has none, such as a temperature's.

    Raises:
        kdcore.spec.rooms.BadPiece: unknown kind or options.
    """
    options = piece_options(room, kind.kind, kind.options)
    values = {name: getattr(options, name) for name in type(options).model_fields}
    ramps = {name: value for name, value in values.items() if isinstance(value, Ramp) and value.over is None}
    written = {name: spanned(ramp, epochs).model_dump(by_alias=True) for name, ramp in ramps.items()}
    return kind.model_copy(update={"options": {**kind.options, **written}}) if written else kind
