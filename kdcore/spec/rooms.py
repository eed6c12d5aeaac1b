"""The pieces that fill the rooms of an objective, by name, with their options: one table for validator and engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, ValidationError

from kdcore.spec.base import Strict, problems_of, suggestion


class NoOptions(Strict):
    """A piece without options."""


class CrossEntropyOptions(Strict):
    """Options of the task loss; unlabelled pictures do not count."""

    label_smoothing: float = Field(default=0, ge=0, lt=1)


class TemperatureOptions(Strict):
    """The softening of both distributions; a large temperature shows the small probabilities."""

    temperature: float = Field(default=4, gt=0, le=1000)


class HintOptions(Strict):
    """``normalise: teacher`` divides by the teacher's mean squared norm a position; ``none`` is the plain sum."""

    normalise: Literal["teacher", "none"] = "none"


class ConvolutionOptions(Strict):
    """A regressor's shape; ``norm`` adds BatchNorm and ReLU behind it."""

    kernel: int | None = Field(default=None, ge=1, le=15)
    norm: bool = False


class FixedOptions(Strict):
    """A constant factor for each group of terms."""

    task: float = Field(default=1, ge=0)
    distill: float = Field(default=1, ge=0)


class MatchOptions(Strict):
    """``k``: use only that many student layers; ``seed``: of the random strategies."""

    k: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**31)


@dataclass(frozen=True)
class Piece:
    """One named piece of a room.

    Attributes:
        options: model of its options.
        summary: one sentence.
        source: paper or origin of the formula.
        reads: what a distance compares: ``logits``, ``features``, or ``labels`` (logits against labels).
    """

    options: type[Strict]
    summary: str
    source: str = ""
    reads: Literal["logits", "features", "labels", ""] = ""


DISTANCES: dict[str, Piece] = {
    "cross_entropy": Piece(CrossEntropyOptions, "Cross-entropy of the logits with the labels.", reads="labels"),
    "kl": Piece(
        TemperatureOptions,
        "T² times the Kullback-Leibler divergence of the softened student from the softened teacher.",
        "Hinton, Vinyals, Dean 2015 (arXiv 1503.02531), section 2",
        "logits",
    ),
    "soft_cross_entropy": Piece(
        TemperatureOptions,
        "Cross-entropy of the softened distributions without the factor T²: FitNets' second-stage term.",
        "Romero et al. 2015 (arXiv 1412.6550), equation 2",
        "logits",
    ),
    "hint": Piece(
        HintOptions,
        "Half the squared distance, summed over channels, averaged over batch and positions.",
        "Romero et al. 2015 (arXiv 1412.6550), equation 3",
        "features",
    ),
    "mse": Piece(NoOptions, "Mean squared difference over all elements.", "", "features"),
}

ADAPTERS: dict[str, Piece] = {
    "auto": Piece(ConvolutionOptions, "Identity where shapes agree, else built from the traced shapes."),
    "none": Piece(NoOptions, "Compare the features as they are."),
    "linear": Piece(NoOptions, "A learned linear map of flattened or pooled features."),
    "convolution": Piece(
        ConvolutionOptions,
        "A learned convolution whose kernel makes the student's map as large as the teacher's.",
        "Romero et al. 2015 (arXiv 1412.6550), section 2.2",
    ),
}

MATCHES: dict[str, Piece] = {
    name: Piece(MatchOptions, summary, "Yu, Wen, Mou 2025 (arXiv 2502.04499)")
    for name, summary in {
        "forward": "Student block i follows teacher block ceil((i+1) T/S) - 1.",
        "reverse": "The forward map turned round.",
        "all-to-one": "Every student block follows the teacher's middle block.",
        "random": "The forward map, shuffled once by the seed.",
        "in-order-random": "Teacher blocks drawn by the seed, kept in order.",
        "last-k": "The last k blocks of both.",
        "none": "No pair at all.",
    }.items()
}

BALANCES: dict[str, Piece] = {
    "fixed": Piece(FixedOptions, "The weighted sum, with a constant factor for each group."),
}

ROOMS: dict[str, dict[str, Piece]] = {
    "distance": DISTANCES,
    "adapter": ADAPTERS,
    "match": MATCHES,
    "balance": BALANCES,
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
