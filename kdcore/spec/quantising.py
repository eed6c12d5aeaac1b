"""Quantisation-aware training in a plan: the last stage of the student's runs cut in two, the second as int8."""

from __future__ import annotations

from collections.abc import Iterator

from kdcore.spec.base import Problem
from kdcore.spec.job import JobSpec
from kdcore.spec.plan import StagePlan
from kdcore.spec.training import Quantise

AT = "/training/quantise"
FORMAT = "onnx-int8"
SUFFIX = "-int8"


def quantise_faults(spec: JobSpec) -> Iterator[Problem]:
    """What does not go together with a quantised stretch."""
    training, processes = spec.training, spec.resources.processes
    if training.quantise is None:
        return
    if FORMAT not in spec.deliver:
        message = (
            f"prepares the student for {FORMAT}, which deliver does not ask for (got {', '.join(spec.deliver)}): "
            f"add {FORMAT} to deliver, or leave quantise out"
        )
        yield Problem(pointer=AT, code="nothing_to_quantise", message=message)
    if training.compile == "on":
        message = "a student that trains as int8 is not compiled: take compile: auto, or leave quantise out (got on)"
        yield Problem(pointer="/training/compile", code="not_with_quantise", message=message)
    if processes > 1:
        message = (
            "several processes would each find ranges of their own: take one process, or leave training.quantise out "
            f"(got {processes} processes)"
        )
        yield Problem(pointer="/resources/processes", code="not_with_quantise", message=message)


def last_stage_fault(stages: tuple[StagePlan, ...], asked: Quantise) -> Problem | None:
    """A stage of one epoch cannot be cut."""
    last = stages[-1]
    if last.epochs >= 2:
        return None
    message = (
        f"the last stage, {last.name!r}, has 1 epoch, and training as int8 needs one of its own behind it: give it 2 "
        f"or more, or leave quantise out (got share {asked.share:g})"
    )
    return Problem(pointer=f"{AT}/share", code="stage_too_short", message=message)


def quantised(stages: tuple[StagePlan, ...], asked: Quantise) -> tuple[StagePlan, ...]:
    """The stages with the last one cut in two; the second half goes on with the same terms on the int8 student.

    Both halves have one epoch at the least, and a learning-rate schedule each.
    """
    *before, last = stages
    own = min(max(1, round(asked.share * last.epochs)), last.epochs - 1)
    first = last.model_copy(update={"epochs": last.epochs - own})
    second = {
        "name": last.name + SUFFIX,
        "epochs": own,
        "begins": first.epochs,
        "quantise": "int8",
        "learning_rate_scale": last.learning_rate_scale * asked.learning_rate_scale,
    }
    return (*before, first, last.model_copy(update=second))
