"""The comparison that every method has to beat, Hinton's distillation, and FitNets in its two forms."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.objective import Kind, PointPair, Ramp, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task


class AloneOptions(Strict):
    """Training on the labels only."""

    label_smoothing: float = Field(default=0, ge=0, lt=1)


class HintonOptions(Strict):
    """Weights of the two terms and the temperature; the defaults are RepDistiller's and mdistiller's."""

    temperature: float = Field(default=4, gt=0)
    task_weight: float = Field(default=0.1, ge=0)
    distill_weight: float = Field(default=0.9, ge=0)


class FitnetOptions(Strict):
    """FitNets in two stages.

    Attributes:
        hint: layer of the teacher that is followed (default: its middle).
        guided: layer of the student that follows (default: its middle).
        hint_share: share of the epochs that the hint stage takes.
        temperature: of the second stage; the paper uses 3.
        imitation_start, imitation_end: the paper's lambda, moving linearly over the second stage.
        normalise: ``teacher`` divides the hint loss by the teacher's feature power (ours); ``none`` is the paper's.
        regressor_norm: BatchNorm and ReLU behind the regressor (not in the paper).
    """

    hint: str = "middle"
    guided: str = "middle"
    hint_share: float = Field(default=0.3, gt=0, lt=1)
    temperature: float = Field(default=3, gt=0)
    imitation_start: float = Field(default=4, ge=0)
    imitation_end: float = Field(default=1, ge=0)
    normalise: Literal["teacher", "none"] = "teacher"
    regressor_norm: bool = False


class FitnetJointOptions(Strict):
    """The hint as one more term beside the task loss; defaults as in RepDistiller and mdistiller."""

    hint: str = "middle"
    guided: str = "middle"
    task_weight: float = Field(default=1, ge=0)
    hint_weight: float = Field(default=100, ge=0)
    regressor_norm: bool = True


def _alone(options: AloneOptions, epochs: int) -> tuple[Stage, ...]:
    return (Stage(name="train", epochs=epochs, terms=(task(smoothing=options.label_smoothing),)),)


def _hinton(options: HintonOptions, epochs: int) -> tuple[Stage, ...]:
    soft = Kind(kind="kl", options={"temperature": options.temperature})
    terms = (task(options.task_weight), Term(distance=soft, weight=options.distill_weight))
    return (Stage(name="distil", epochs=epochs, terms=terms),)


def _fitnet(options: FitnetOptions, epochs: int) -> tuple[Stage, ...]:
    first = min(max(round(epochs * options.hint_share), 1), epochs - 1)
    hint = Term(
        points=PointPair(to=(options.guided,), source=(options.hint,)),
        adapter=Kind(kind="auto", options={"norm": options.regressor_norm}),
        distance=Kind(kind="hint", options={"normalise": options.normalise}),
        name="hint",
    )
    soft = Term(
        distance=Kind(kind="soft_cross_entropy", options={"temperature": options.temperature}),
        weight=Ramp(start=options.imitation_start, to=options.imitation_end),
        name="imitation",
    )
    return (
        Stage(name="hint", epochs=first, trains=f"student.upto({options.guided})", terms=(hint,)),
        Stage(name="distil", epochs=epochs - first, terms=(task(), soft)),
    )


def _fitnet_joint(options: FitnetJointOptions, epochs: int) -> tuple[Stage, ...]:
    hint = Term(
        points=PointPair(to=(options.guided,), source=(options.hint,)),
        adapter=Kind(kind="auto", options={"norm": options.regressor_norm}),
        distance=Kind(kind="mse"),
        weight=options.hint_weight,
        name="hint",
    )
    return (Stage(name="distil", epochs=epochs, terms=(task(options.task_weight), hint)),)


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
    "fitnet": Preset(
        "FitNets", "Romero et al. 2015 (arXiv 1412.6550)",
        "Hint stage: the student's lower half learns to predict the teacher's middle features through a regressor. "
        "Then the whole student is distilled, with less and less weight on the teacher.",
        FitnetOptions, _fitnet, min_epochs=2,
        reconstruction="The paper trains with RMSProp until validation stalls; here both stages share the epochs by "
        "hint_share and the job's optimiser. normalise: teacher is ours: the plain sum over channels needs a "
        "learning rate that suits the width.",
    ),
    "fitnet-joint": Preset(
        "FitNets, one stage", "As in RepDistiller (Tian et al. 2020) and mdistiller; not the paper's two stages",
        "The hint as one more loss beside the task loss, for the whole training.",
        FitnetJointOptions, _fitnet_joint,
        reconstruction="A modern variant: the authors of these code bases call it FitNet, the paper trains in two "
        "stages and reports that a joint sum failed.",
    ),
}  # fmt: skip
