"""The temperature of a distance: a number, a ramp over the stage, or learned against the student."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from kdcore.spec.base import Strict
from kdcore.spec.numbers import Ramp

HIGHEST = 1000.0


class LearnedTemperature(Strict):
    """``lowest + span * sigmoid(theta)``, with theta learned to make the loss larger, harder and harder.

    Li et al. 2023 (CTKD), with one temperature for all pictures. Written ``learned`` or ``{kind: learned, ...}``.

    Attributes:
        kind: always ``learned``.
        lowest: the least temperature.
        span: how much is learned on top of it.
        over: epochs of the stage over which the reversed gradient grows from 0 to full strength, along a cosine.
    """

    kind: Literal["learned"] = "learned"
    lowest: float = Field(default=1, gt=0, le=HIGHEST)
    span: float = Field(default=20, gt=0, le=HIGHEST)
    over: float = Field(default=10, gt=0)


def _spelt(value: Any) -> Any:
    return {"kind": "learned"} if value == "learned" else value


def _kind(value: Any) -> str:
    if isinstance(value, LearnedTemperature) or (isinstance(value, dict) and "kind" in value):
        return "Learned"
    return "Ramp" if isinstance(value, dict | Ramp) else "Number"


def _positive(ramp: Ramp) -> Ramp:
    if not (0 < ramp.start <= HIGHEST and 0 < ramp.to <= HIGHEST):
        raise ValueError(f"a temperature lies above 0 and at most at {HIGHEST:g} all the way")
    return ramp


TemperatureOption = Annotated[
    Annotated[Annotated[float, Field(gt=0, le=HIGHEST)], Tag("Number")]
    | Annotated[Annotated[Ramp, AfterValidator(_positive)], Tag("Ramp")]
    | Annotated[LearnedTemperature, Tag("Learned")],
    Discriminator(_kind),
    BeforeValidator(_spelt, json_schema_input_type=float | Ramp | LearnedTemperature | Literal["learned"]),
]
"""A softening: a constant, a ramp over the epochs of the stage, or ``learned``."""
