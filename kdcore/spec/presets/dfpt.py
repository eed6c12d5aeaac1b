"""DFPT-KD: a teacher with a second forward path that adapts what it knows to the student."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.networks import PathNetwork
from kdcore.spec.objective import Kind, MethodSpec, Ramp, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task
from kdcore.spec.rooms.paths import BlockOptions, OutputOptions

PROMPTED = "prompted"
MOST_WARMUP = 20
PART_OF_EPOCHS = 4
"""The prompts' head start is a quarter of the epochs, 20 at the most, so that short runs see the whole weight, too."""


class DualPathOptions(Strict):
    """The six terms between labels, teacher, prompted path and student.

    Attributes:
        temperature: of all but the labels' terms.
        prompted_from_teacher, prompted_from_student: weights a and b, by which the prompted path follows both.
        student_from_teacher, student_from_prompted: weights c1 and c2, by which the student follows both paths.
        warmup_epochs: epochs in which c2 grows from 0; a quarter of all, at most 20, when left out.
    """

    temperature: float = Field(default=4, gt=0)
    prompted_from_teacher: float = Field(default=1, ge=0)
    prompted_from_student: float = Field(default=1, ge=0)
    student_from_teacher: float = Field(default=1, ge=0)
    student_from_prompted: float = Field(default=1, ge=0)
    warmup_epochs: float | None = Field(default=None, ge=0)


class DfptOptions(DualPathOptions, BlockOptions):
    """Weights of the terms, and the prompt blocks.

    Attributes:
        prompted_stages: most stage ends that get a prompt, the deepest first; as ``blocks`` says when left out.
    """

    # Not called ``stages``: a method with stages is an objective written out.
    prompted_stages: int | None = Field(default=None, ge=1, le=32)


class DfptPlusOptions(DfptOptions):
    """As DFPT-KD; ``tune_rate`` is the factor on the learning rate of the tuned copy of the teacher's layers."""

    tune_rate: float = Field(default=0.1, gt=0, le=1)


class DfptOutputsOptions(DualPathOptions, OutputOptions):
    """Weights of the terms; ``hidden`` is the width of the learned residual, twice the classes when left out."""


def _terms(options: DualPathOptions, epochs: int) -> tuple[Term, ...]:
    soft = Kind(kind="kl", options={"temperature": options.temperature})

    def follow(to: str, source: str, weight: float | Ramp) -> Term:
        return Term(to=to, source=(source,), distance=soft, weight=weight)

    return (
        task(),
        follow("student", "teacher", options.student_from_teacher),
        follow("student", PROMPTED, _grown(options, epochs)),
        task().model_copy(update={"to": PROMPTED}),
        follow(PROMPTED, "teacher", options.prompted_from_teacher),
        follow(PROMPTED, "student", options.prompted_from_student),
    )


def _grown(options: DualPathOptions, epochs: int) -> float | Ramp:
    span = options.warmup_epochs
    if span is None:
        span = min(epochs / PART_OF_EPOCHS, MOST_WARMUP)
    weight = options.student_from_prompted
    return Ramp(start=0, to=weight, over=span) if span else weight


def _method(path: PathNetwork, options: DualPathOptions, epochs: int) -> MethodSpec:
    stage = Stage(name="distil", epochs=epochs, terms=_terms(options, epochs))
    return MethodSpec(networks={PROMPTED: path}, stages=(stage,))


def _blocks(options: DfptOptions) -> dict[str, Any]:
    chosen = options.model_dump(mode="json", include=set(BlockOptions.model_fields), exclude_none=True)
    return chosen if options.prompted_stages is None else {**chosen, "stages": options.prompted_stages}


def _dfpt(options: DfptOptions, epochs: int) -> MethodSpec:
    return _method(PathNetwork(path="prompts", options=_blocks(options)), options, epochs)


def _plus(options: DfptPlusOptions, epochs: int) -> MethodSpec:
    chosen = {**_blocks(options), "tune": True, "tune_rate": options.tune_rate}
    return _method(PathNetwork(path="prompts", options=chosen), options, epochs)


def _outputs(options: DfptOutputsOptions, epochs: int) -> MethodSpec:
    chosen = {} if options.hidden is None else {"hidden": options.hidden}
    return _method(PathNetwork(path="outputs", options=chosen), options, epochs)


PAPER = "Li et al. 2025 (arXiv 2506.18244)"
LOSSES = (
    "The losses, all weights, the sizes of the blocks and their start as the teacher: no text of the paper's method "
    "section and no code were found. Both networks step on the same batch, each with its own gradient."
)

DFPT: Presets = {
    "dfpt-kd": Preset(
        "DFPT-KD", PAPER,
        "The frozen teacher gets a second forward path with learned prompts between its stages, which follows labels, "
        "teacher and student; the student learns from both paths and is delivered without either.",
        DfptOptions, _dfpt, reconstruction=LOSSES,
    ),
    "dfpt-kd-plus": Preset(
        "DFPT-KD+", PAPER,
        "DFPT-KD whose second path leads through a copy of the teacher that learns, too; the teacher itself stays.",
        DfptPlusOptions, _plus, reconstruction=f"{LOSSES} So is the copy's learning rate.",
    ),
    "dfpt-kd-outputs": Preset(
        "DFPT-KD on outputs", PAPER,
        "For teachers of which only the outputs are known: a learned residual on the logits takes the place of the "
        "prompts.",
        DfptOutputsOptions, _outputs,
        reconstruction=f"{LOSSES} The residual on the logits is ours.",
    ),
}  # fmt: skip
