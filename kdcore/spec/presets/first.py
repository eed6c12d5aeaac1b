"""The comparison that every method has to beat, and Hinton's distillation."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.objective import Kind, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task


class AloneOptions(Strict):
    """Training on the labels only."""

    label_smoothing: float = Field(default=0, ge=0, lt=1)


class HintonOptions(Strict):
    """Weights of the two terms and the temperature; the defaults are RepDistiller's and mdistiller's."""

    temperature: float = Field(default=4, gt=0)
    task_weight: float = Field(default=0.1, ge=0)
    distill_weight: float = Field(default=0.9, ge=0)


def _alone(options: AloneOptions, epochs: int) -> tuple[Stage, ...]:
    return (Stage(name="train", epochs=epochs, terms=(task(smoothing=options.label_smoothing),)),)


def _hinton(options: HintonOptions, epochs: int) -> tuple[Stage, ...]:
    soft = Kind(kind="kl", options={"temperature": options.temperature})
    terms = (task(options.task_weight), Term(distance=soft, weight=options.distill_weight))
    return (Stage(name="distil", epochs=epochs, terms=terms),)


FIRST: Presets = {
    "student-alone": Preset(
        "Student alone", "", "The student trained on the labels only: what every method has to beat.",
        AloneOptions, _alone, teacher=False,
    ),
    "hinton": Preset(
        "Hinton distillation", "Hinton, Vinyals, Dean 2015 (arXiv 1503.02531)",
        "The student imitates the teacher's softened probabilities beside the labels.",
        HintonOptions, _hinton,
    ),
}  # fmt: skip
