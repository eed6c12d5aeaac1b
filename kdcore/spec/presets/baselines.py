"""The field's baselines: the task loss and one more term, with the weights that their public codes use on CIFAR-100."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, create_model

from kdcore.spec.base import Strict
from kdcore.spec.objective import Kind, Ramp, Stage, Term
from kdcore.spec.presets.base import NetworkKind, Preset, Presets, task
from kdcore.spec.rooms import DISTANCES

MOST_OF_THE_EPOCHS = 4
"""A warm-up takes at most a quarter of the epochs, so that short runs see the whole weight, too."""


@dataclass(frozen=True)
class Baseline:
    """A method of two terms.

    Attributes:
        title, summary: for people; paper and options are those of the distance.
        distance: name of the second term's distance.
        weight, task_weight: defaults.
        points: where it looks.
        options: defaults of the distance that differ from its own.
        warmup_epochs: epochs in which the second weight grows from zero.
        reconstruction: what the sources leave open.
    """

    title: str
    summary: str
    distance: str
    weight: float
    points: str = "logits"
    task_weight: float = 1
    options: Mapping[str, Any] | None = None
    warmup_epochs: int = 0
    reconstruction: str = ""


TABLE: dict[str, Baseline] = {
    "at": Baseline("Attention transfer", "Where both networks look, block by block.", "at", 1000, "features"),
    "sp": Baseline("Similarity preserving", "Which samples of a batch are alike.", "sp", 3000, "penultimate"),
    "rkd": Baseline("Relational distillation", "Distances and angles between samples.", "rkd", 1, "penultimate"),
    "pkt": Baseline("Probabilistic transfer", "Who is whose neighbour in a batch.", "pkt", 3e4, "penultimate"),
    "cc": Baseline(
        "Correlation congruence", "Differences of neighbouring samples.", "cc", 0.02, "penultimate",
        reconstruction="The form of the public codes; the adapter takes the place of their embedding.",
    ),
    "nst": Baseline("Neuron selectivity", "The distribution of where channels respond.", "nst", 50, "features"),
    "ickd": Baseline("Inter-channel correlation", "Which channels respond together.", "ickd", 2.5, "middle"),
}  # fmt: skip


def _options(row: Baseline) -> type[Strict]:
    """The distance's own options, the two weights, and the warm-up where there is one."""
    fields: dict[str, Any] = {
        "weight": (float, Field(default=row.weight, ge=0)),
        "task_weight": (float, Field(default=row.task_weight, ge=0)),
    }
    if row.warmup_epochs:
        fields["warmup_epochs"] = (int, Field(default=row.warmup_epochs, ge=0))
    own = DISTANCES[row.distance].options
    defaults = {
        name: (own.model_fields[name].annotation, Field(default=value)) for name, value in (row.options or {}).items()
    }
    return create_model(f"{own.__name__}OfPreset", __base__=own, **{**defaults, **fields})


def of_two_terms(row: Baseline) -> Preset:
    """The preset of one row."""
    own = set(DISTANCES[row.distance].options.model_fields)

    def expand(options: Any, epochs: int) -> tuple[Stage, ...]:
        chosen = {name: value for name, value in options.model_dump().items() if name in own}
        weight: float | Ramp = options.weight
        span = min(getattr(options, "warmup_epochs", 0), epochs // MOST_OF_THE_EPOCHS)
        if span:
            weight = Ramp(start=0, to=options.weight, over=span)
        term = Term(points=row.points, distance=Kind(kind=row.distance, options=chosen), weight=weight)
        return (Stage(name="distil", epochs=epochs, terms=(task(options.task_weight), term)),)

    piece = DISTANCES[row.distance]
    kinds: tuple[NetworkKind, ...] = ("convolutional",) if piece.maps else ("convolutional", "transformer")
    return Preset(
        row.title, piece.source, row.summary, _options(row), expand, reconstruction=row.reconstruction, kinds=kinds
    )


BASELINES: Presets = {name: of_two_terms(row) for name, row in TABLE.items()}
