"""The language of an objective: stages of terms over named networks, each term answering the seven questions."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from kdcore.spec.base import Name, ShortName, Strict, printable
from kdcore.spec.generated import Generated
from kdcore.spec.named import AdapterKind, Kind, PresetRef
from kdcore.spec.networks import OtherNetwork
from kdcore.spec.numbers import Number, Ramp

__all__ = [
    "AdapterKind", "Guard", "Kind", "Method", "MethodSpec", "Number", "OtherNetwork", "PointPair", "Points",
    "PresetRef", "Ramp", "Search", "Stage", "Term",
]  # fmt: skip


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
        source: whom it follows (spelt ``from``): a network, ``labels``, or a list of networks, whose logits are
            combined.
        combine: how several teachers become one: the ``mean`` of their logits, or weighed sample by sample by their
            ``agreement`` with that mean.
        points: where to look: ``logits``, ``penultimate``, ``middle``, ``features`` (every block), a module path
            with an optional ``@in`` or ``@out`` and ``#call``, or ``{to: ..., from: ...}``.
        match: which layers belong together when ``points`` gives different numbers of them.
        adapter: through what they become comparable; ``auto`` builds one from the traced shapes, ``none`` forbids it.
        distance: how far apart they are.
        weight: number or ramp.
        group: which side of the balance it counts to, any name; ``task`` when it follows labels, else ``distill``.
        name: how it is called in records; made from distance and points when left out.
    """

    to: Name = "student"
    source: Annotated[tuple[Name, ...], Field(min_length=1, max_length=8)] = Field(default=("teacher",), alias="from")
    combine: Literal["mean", "agreement"] = "mean"
    points: Points = "logits"
    match: Kind | None = None
    adapter: AdapterKind | None = None
    distance: Kind
    weight: Number = 1.0
    group: ShortName | None = None
    name: Annotated[str, Field(max_length=60), AfterValidator(printable)] | None = None

    @field_validator("source", mode="before")
    @classmethod
    def _speakers(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class Search(Strict):
    """A stage's hint and guided layer chosen among candidates, by short runs of the whole method on each.

    Attributes:
        candidates: the pairs to try, in place of the points of the stage's first term.
        epochs: of each candidate's run, shared between the stages as the method shares its own.
    """

    candidates: tuple[PointPair, ...] = Field(min_length=2, max_length=4)
    epochs: int = Field(default=2, ge=1, le=1000)


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
        layer_rates: further factors for layers of the student, by module path; 0 freezes a layer's weights.
        search: find the pair of layers of the first term by trying several.
        generated_by: for text generation, who writes what the stage learns from; the dataset's texts when left out.
    """

    name: ShortName
    epochs: int = Field(ge=1, le=100_000)
    trains: str = "student"
    terms: tuple[Term, ...] = Field(min_length=1, max_length=64)
    balance: dict[str, Kind] = {}
    learning_rate_scale: float = Field(default=1.0, gt=0)
    layer_rates: dict[str, Annotated[float, Field(ge=0, le=100)]] = {}
    search: Search | None = None
    generated_by: Generated | None = None


class Guard(Strict):
    """A watch on harm: does matching features make the student worse than not matching them?

    A twin is trained beside the student without the terms that compare features, for a share of the epochs; when the
    student is then behind by more than the tolerance, that is reported, and the terms dropped if so asked.

    Attributes:
        share: of the epochs after which the two are compared, and not before the whole student learns.
        tolerance: validation accuracy that the student may lie behind; when left out, one standard error of the
            difference between two accuracies on that many pictures.
        action: ``report``, or ``drop`` the terms that compare features from then on.
    """

    share: float = Field(default=0.2, gt=0, lt=1)
    tolerance: float | None = Field(default=None, ge=0, lt=1)
    action: Literal["report", "drop"] = "report"


class MethodSpec(Strict):
    """An objective written out: its networks beside teacher and student, and its stages in order.

    Attributes:
        networks: further networks by name: paths through another network, peers, assistants, more teachers.
        stages: run one after the other; their epochs sum to ``training.epochs``.
        delivers: the network that is measured and delivered: the student, or a path through it.
        guard: watch whether matching does harm.
    """

    networks: dict[Name, OtherNetwork] = Field(default={}, max_length=16)
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=16)
    delivers: Name = "student"
    guard: Guard | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError(f"stage names must differ (got {', '.join(names)})")
        return self


def _method_kind(value: Any) -> str:
    written_out = isinstance(value, MethodSpec) or (
        isinstance(value, dict) and "stages" in value and "preset" not in value
    )
    return "Objective" if written_out else "Preset"


Method = Annotated[
    Annotated[PresetRef, Tag("Preset")] | Annotated[MethodSpec, Tag("Objective")], Discriminator(_method_kind)
]
