"""Numbers of an objective: constants, and ramps that move with the epochs of a stage."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from kdcore.spec.base import Strict


class Ramp(Strict):
    """A number that moves linearly with the epochs of its stage.

    Attributes:
        start: value up to epoch ``after`` (spelt ``from`` in a spec).
        to: value from epoch ``after + over`` on.
        over: epochs that the change takes; all of the stage's when left out.
        after: epochs of the stage before the change begins.
    """

    start: float = Field(alias="from")
    to: float
    over: float | None = Field(default=None, gt=0)
    after: float = Field(default=0, ge=0)


def _number_kind(value: Any) -> str:
    return "Ramp" if isinstance(value, dict | Ramp) else "Number"


Number = Annotated[
    Annotated[Annotated[float, Field(ge=0)], Tag("Number")] | Annotated[Ramp, Tag("Ramp")],
    Discriminator(_number_kind),
]
"""A weight: a constant, or a ramp over the stage."""
