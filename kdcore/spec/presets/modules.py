"""Feature baselines with learned modules: the task loss and one more term through connectors of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, create_model

from kdcore.spec.base import Strict
from kdcore.spec.objective import AdapterKind, Kind, PointPair, Ramp, Stage, Term
from kdcore.spec.presets.base import NetworkKind, Preset, Presets, task
from kdcore.spec.presets.baselines import MOST_OF_THE_EPOCHS
from kdcore.spec.rooms import ADAPTERS, DISTANCES


@dataclass(frozen=True)
class Connected:
    """A method of two terms, the second through an adapter or between matched layers.

    Attributes:
        title, summary: for people; paper and options are those of the distance.
        distance, adapter, match: of the second term; its options, where they differ from their own defaults.
        points: where both networks are looked at, unless the job says otherwise.
        weight: of the second term; warmup_epochs: in which it grows from zero.
        options: defaults of the distance that differ from its own.
        paper: where it is not that of the distance.
    """

    title: str
    summary: str
    distance: str
    weight: float
    points: str = "features"
    adapter: AdapterKind | None = None
    match: str | None = None
    options: Mapping[str, Any] | None = None
    warmup_epochs: int = 0
    paper: str = ""
    reconstruction: str = ""


PREACTIVATIONS = "preactivations"
ALL_BLOCKS = "Every block of the student takes part, where the paper takes the ends of stages."

TABLE: dict[str, Connected] = {
    "vid": Connected(
        "Variational information", "Predict the teacher's channels, each with a variance of its own.", "vid", 1,
        adapter=AdapterKind(kind="pointwise", options={"layers": 3, "bias": False}),
        reconstruction=f"{ALL_BLOCKS} The term can be negative, which balances that take logarithms do not allow.",
    ),
    "crd": Connected(
        "Contrastive distillation", "Tell the teacher's embedding of a picture from those of thousands of others.",
        "crd", 0.8, "penultimate",
        reconstruction="All pictures of a step are told apart from the same others, which are drawn without "
        "repetition; labels are known to the memory once their picture has been seen.",
    ),
    "ofd": Connected(
        "Overhaul of feature distillation", "Follow the teacher before its activation, where it is about to respond.",
        "ofd", 1e-3, PREACTIVATIONS, AdapterKind(kind="pointwise", options={"norm": True}), "forward-halving",
        reconstruction=f"{ALL_BLOCKS} One margin for all channels, where the paper has one for each from the "
        "teacher's batch norms.",
    ),
    "reviewkd": Connected(
        "Knowledge review", "Deep layers are reviewed at every shallower one before they follow the teacher.",
        "hcl", 5, adapter=AdapterKind(kind="fusion"), warmup_epochs=20,
        paper="Chen et al. 2021 (ReviewKD, arXiv 2104.09044)",
        reconstruction=f"{ALL_BLOCKS} They are looked at behind their activation; guided and hint: preactivations "
        "look before it, as the published code does.",
    ),
    "cat-kd": Connected(
        "Class attention transfer", "Where in the picture both networks see each class.", "cat", 400, match="last-k",
        reconstruction="Class maps contain the classifier's bias, as in the published code. Name with guided and hint "
        "the maps that are averaged for the classifiers where these are not the last blocks, as in wrn (relu).",
    ),
    "srrl": Connected(
        "Softmax regression", "The student's feature must mean to the teacher's classifier what the teacher's does.",
        "srrl", 1, "penultimate", AdapterKind(kind="pointwise", options={"norm": True, "activation": True}),
    ),
    "mgd": Connected(
        "Masked generative distillation", "Generate the teacher's map from a part of the student's.", "mgd", 7e-5,
        adapter=AdapterKind(kind="auto"), match="last-k", options={"share": 0.15, "over": "channels"},
        reconstruction="Weight, share and hidden channels are those of the authors' classification code.",
    ),
}  # fmt: skip


def weights(weight: float, warmup_epochs: int = 0) -> dict[str, Any]:
    """Fields of the options that weigh the two terms, and the warm-up where there is one."""
    fields: dict[str, Any] = {
        "weight": (float, Field(default=weight, ge=0)),
        "task_weight": (float, Field(default=1, ge=0)),
    }
    return {**fields, "warmup_epochs": (int, Field(default=warmup_epochs, ge=0))} if warmup_epochs else fields


def places(points: str) -> dict[str, Any]:
    """Fields of the options that say where student (``guided``) and teacher (``hint``) are looked at."""
    return {"guided": (str, points), "hint": (str, points)}


def warmed_up(options: Any, epochs: int) -> float | Ramp:
    """The weight, which grows from zero in at most a share of the epochs where there is a warm-up."""
    weight: float = options.weight
    span = min(getattr(options, "warmup_epochs", 0), epochs // MOST_OF_THE_EPOCHS)
    return Ramp(start=0, to=weight, over=span) if span else weight


def of_connected(row: Connected) -> Preset:
    """The preset of one row."""
    piece = DISTANCES[row.distance]
    own = {name: (field.annotation, field) for name, field in piece.options.model_fields.items()}
    own |= {
        name: (piece.options.model_fields[name].annotation, Field(default=value))
        for name, value in (row.options or {}).items()
    }
    fields = {**own, **places(row.points), **weights(row.weight, row.warmup_epochs)}
    options = create_model(f"{row.title.title().replace(' ', '')}Options", __base__=Strict, **fields)
    options.__doc__ = f"Options of {row.distance}; guided and hint: layers of student and teacher; weights."

    def expand(asked: Any, epochs: int) -> tuple[Stage, ...]:
        chosen = {name: getattr(asked, name) for name in piece.options.model_fields}
        term = Term(
            points=PointPair(to=(asked.guided,), source=(asked.hint,)),
            match=None if row.match is None else Kind(kind=row.match),
            adapter=row.adapter,
            distance=Kind(kind=row.distance, options=chosen),
            weight=warmed_up(asked, epochs),
            name=row.distance,
        )
        return (Stage(name="distil", epochs=epochs, terms=(task(asked.task_weight), term)),)

    maps = piece.maps or row.points == PREACTIVATIONS or (row.adapter is not None and ADAPTERS[row.adapter.kind].maps)
    kinds: tuple[NetworkKind, ...] = ("convolutional",) if maps else ("convolutional", "transformer")
    paper = row.paper or piece.source
    return Preset(row.title, paper, row.summary, options, expand, reconstruction=row.reconstruction, kinds=kinds)


MODULES: Presets = {name: of_connected(row) for name, row in TABLE.items()}
