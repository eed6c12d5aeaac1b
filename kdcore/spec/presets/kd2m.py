"""KD2M: penultimate features matched as distributions, by any of the paper's distances."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from kdcore.spec.objective import Kind, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task
from kdcore.spec.rooms import DISTANCES, piece_options
from kdcore.spec.rooms.distributions import Conditional, Given

STEADIED = {"gaussian_kl": {"shrinkage": 0.1}}
"""Options without which a distance diverges in training: dead units have no variance, few samples of a class little."""


class Kd2mOptions(Conditional):
    """The task loss and one distance between feature distributions.

    Attributes:
        metric: the distance.
        given: ``nothing`` compares whole batches, ``class`` class by class, ``label`` and ``logits`` the features
            beside labels or logits (wasserstein, sinkhorn and mmd only).
        weight: of the distance; the published 1e-4 is that of features 512 wide, summed over their dimensions.
        task_weight: of the task loss.
        points: where both networks are compared.
        scale: ``dimension`` divides the distance by the features' dimension, ``teacher`` the features by the root of
            the teacher's mean squared norm, so that a weight suits other networks; ``none`` is the paper's.
        queue: teacher features of earlier steps that are compared with, too.
    """

    metric: Literal[
        "wasserstein",
        "sinkhorn",
        "sliced_wasserstein",
        "gromov_wasserstein",
        "gaussian_wasserstein",
        "gaussian_kl",
        "mmd",
        "coral",
    ] = "wasserstein"
    given: Given = "nothing"
    weight: float = Field(default=1e-4, ge=0)
    task_weight: float = Field(default=1, ge=0)
    points: str = "penultimate"
    scale: Literal["none", "dimension", "teacher"] = "none"
    queue: int = Field(default=0, ge=0, le=1_000_000)

    @property
    def of_distance(self) -> dict[str, Any]:
        """What the distance is told: the options that are not its own defaults."""
        own = DISTANCES[self.metric].options.model_fields
        chosen = {name: getattr(self, name) for name in ("given", "scale", "queue")}
        said = {name: value for name, value in chosen.items() if value != own[name].default}
        return {**STEADIED.get(self.metric, {}), **said}

    @model_validator(mode="after")
    def _metric_can(self) -> Self:
        piece_options("distance", self.metric, self.of_distance)
        return self


class ByClassOptions(Kd2mOptions):
    """As ``kd2m``, class by class."""

    given: Given = "class"


def _kd2m(options: Kd2mOptions, epochs: int) -> tuple[Stage, ...]:
    distance = Kind(kind=options.metric, options=options.of_distance)
    matched = Term(points=options.points, distance=distance, weight=options.weight)
    return (Stage(name="distil", epochs=epochs, terms=(task(options.task_weight), matched)),)


_PAPER = DISTANCES["wasserstein"].source

KD2M: Presets = {
    "kd2m": Preset(
        "KD2M", _PAPER, "Penultimate features matched as distributions, by optimal transport or another distance.",
        Kd2mOptions, _kd2m,
        reconstruction="Weight and forms as in the published code, except that classes count by their share of the "
        "batch instead of being summed, that the joint cost is between student and teacher (the code compares the "
        "student with itself), and that gaussian_kl has shrinkage 0.1, without which features that are constant "
        "within a class make it diverge. The adapter between different widths, scale, queue, and the sinkhorn, sliced "
        "and coral distances are ours.",
    ),
    "kd2m-conditional": Preset(
        "KD2M, class by class", _PAPER, "The same within each class, which a swap of labels cannot satisfy.",
        ByClassOptions, _kd2m,
        reconstruction="As kd2m. Wants several samples of a class in a batch: see training.sampler.",
    ),
}  # fmt: skip
