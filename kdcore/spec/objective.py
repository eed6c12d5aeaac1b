"""The language of an objective: stages of terms over named networks, each term answering the seven questions."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, GetJsonSchemaHandler, Tag, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from kdcore.spec.base import Name, Strict


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


class Named(Strict):
    """A name with options, which may be written as the name alone, or with the options beside it."""

    options: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        own = set(cls.model_fields)
        (key,) = own - {"options"}
        if isinstance(value, str):
            return {key: value}
        if isinstance(value, dict) and set(value) - own and isinstance(value.get("options", {}), dict):
            beside = {name: option for name, option in value.items() if name not in own}
            named = {name: value[name] for name in own & set(value)}
            return {**named, "options": {**named.get("options", {}), **beside}}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """All three spellings, as the published schema has to allow them."""
        written_out = handler.resolve_ref_schema(handler(core))
        written_out["additionalProperties"] = True
        return {"anyOf": [{"type": "string"}, written_out], "title": cls.__name__}


class Kind(Named):
    """A registered piece by name, with its options beside it: ``{kind: kl, temperature: 4}`` or just ``kl``.

    Attributes:
        kind: name in the room's table.
        options: everything else that was written beside ``kind``.
    """

    kind: Name


class PointPair(Strict):
    """Points named apart for both sides; equally long lists when there are several.

    Attributes:
        to: points of the network that learns.
        source: points of the network that is followed (spelt ``from`` in a spec).
    """

    to: tuple[str, ...]
    source: tuple[str, ...] = Field(alias="from")

    @field_validator("to", "source", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.to) != len(self.source) or not self.to:
            raise ValueError(
                f"'to' names {len(self.to)} points and 'from' {len(self.source)}: name as many on each side, "
                "or leave the pairing to 'match'"
            )
        return self


def _points_kind(value: Any) -> str:
    return "Pair" if isinstance(value, dict | PointPair) else "One"


Points = Annotated[Annotated[str, Tag("One")] | Annotated[PointPair, Tag("Pair")], Discriminator(_points_kind)]


class Term(Strict):
    """One distance between what two networks say, and whom it teaches.

    Attributes:
        to: the network that receives the gradient.
        source: whom it follows (spelt ``from``): a network or ``labels``.
        points: where to look: ``logits``, ``penultimate``, ``middle``, ``features`` (every block), a module path
            with an optional ``@in`` or ``@out`` and ``#call``, or ``{to: ..., from: ...}``.
        match: which layers belong together when ``points`` gives different numbers of them.
        adapter: through what they become comparable; ``auto`` builds one from the traced shapes, ``none`` forbids it.
        distance: how far apart they are.
        weight: number or ramp.
        group: which side of the balance it counts to; ``task`` when it follows labels, ``distill`` otherwise.
        name: how it is called in records; made from distance and points when left out.
    """

    to: Name = "student"
    source: Name = Field(default="teacher", alias="from")
    points: Points = "logits"
    match: Kind | None = None
    adapter: Kind | None = None
    distance: Kind
    weight: Number = 1.0
    group: Literal["task", "distill"] | None = None
    name: Name | None = Field(default=None, max_length=60)


class Stage(Strict):
    """A stretch of epochs with its own terms.

    Attributes:
        name: how it is called in records.
        epochs: how many of ``training.epochs`` it takes.
        trains: ``student``, or ``student.upto(POINT)``: only what is computed up to that point learns, and the
            forward pass stops there.
        terms: what is minimised.
        balance: how the groups' losses are weighed for each learner.
        learning_rate_scale: factor on the learning rate of this stage.
    """

    name: Name = Field(min_length=1, max_length=40)
    epochs: int = Field(ge=1, le=100_000)
    trains: str = "student"
    terms: tuple[Term, ...] = Field(min_length=1, max_length=64)
    balance: dict[str, Kind] = {}
    learning_rate_scale: float = Field(default=1.0, gt=0)


class MethodSpec(Strict):
    """An objective written out: its stages in order.

    Attributes:
        stages: run one after the other; their epochs sum to ``training.epochs``.
    """

    stages: tuple[Stage, ...] = Field(min_length=1, max_length=16)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError(f"stage names must differ (got {', '.join(names)})")
        return self


class PresetRef(Named):
    """A method by name, with options: ``{preset: fitnet, temperature: 4}`` or just ``fitnet``."""

    preset: Name


def _method_kind(value: Any) -> str:
    written_out = isinstance(value, MethodSpec) or (isinstance(value, dict) and "stages" in value)
    return "Objective" if written_out else "Preset"


Method = Annotated[
    Annotated[PresetRef, Tag("Preset")] | Annotated[MethodSpec, Tag("Objective")], Discriminator(_method_kind)
]
