"""Re-evaluation: a finished job's student measured anew on newly given data, and what is proposed after a drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from kdcore.spec.base import Problem, Strict
from kdcore.spec.brought import BroughtDataset
from kdcore.spec.cards import DatasetCard
from kdcore.spec.dataset_plan import DatasetPlan, dataset_plan
from kdcore.spec.job import DatasetRef
from kdcore.spec.patching import merged
from kdcore.spec.plan import STUDENT, Plan

KIND = "reevaluation"
GIVEN_FOLDER = "inputs/given"
"""Where the engine finds the newly given data, relative to the job's folder."""
STUDENT_FILE = "inputs/student/student.safetensors"
DELIVERED = "student.safetensors"
"""What the finished job calls the file."""

Json = dict[str, Any]


class DriftRule(Strict):
    """From when on the data count as drifted.

    Attributes:
        distance: between training features and given features, before the student's last layer: ``w2``, squared
            2-Wasserstein of Gaussians, or ``mmd``, squared maximum mean discrepancy.
        threshold: in multiples of what 95 % of samples of the training features themselves keep below.
    """

    distance: Literal["w2", "mmd"] = "mmd"
    threshold: float = Field(default=2.0, gt=0, le=1e6)


class ReevaluationPlan(Strict):
    """What the engine does.

    Attributes:
        name, method, resource_class: as of any job.
        job: whose student it is.
        monitor, number: who asked for it; None by hand.
        distilled: the plan of that job.
        dataset: the newly given data.
        grown: whether they are a later version of what the job learnt from, whose training examples are left out.
        student: file of its weights, relative to the job's folder.
    """

    kind: Literal["reevaluation"] = "reevaluation"
    name: str
    method: Literal["reevaluation"] = "reevaluation"
    job: str
    monitor: str | None = None
    number: int | None = None
    distilled: Plan
    dataset: DatasetPlan
    grown: bool
    student: str = STUDENT_FILE
    drift: DriftRule
    resource_class: str

    def document(self) -> Json:
        """JSON-ready, with the specs' own spelling of every field."""
        return self.model_dump(mode="json", by_alias=True)


def reevaluation_plan(
    name: str, job: str, distilled: Plan, dataset_id: str, version: int, card: DatasetCard, drift: DriftRule, **own: Any
) -> ReevaluationPlan:
    """The plan of a re-evaluation on a version of a dataset, which ``misfits`` has found to fit."""
    given = BroughtDataset(card, version, GIVEN_FOLDER)
    return ReevaluationPlan(
        name=name,
        job=job,
        distilled=distilled,
        dataset=dataset_plan(DatasetRef(id=dataset_id, version=version), given),
        grown=distilled.dataset.id == dataset_id,
        drift=drift,
        resource_class=distilled.resource_class,
        **own,
    )


def misfits(distilled: Plan, card: DatasetCard) -> Iterator[Problem]:
    """Why a finished job's student cannot be measured on a dataset."""
    own, which = distilled.dataset, f"dataset {card.name!r}"
    if card.task != own.task:
        yield _misfit("wrong_task", f"{which} asks for {card.task}, the job learnt {own.task}")
        return
    for name in ("kind", "shape", "vocabulary", "source_length", "special"):
        given, learnt = getattr(card.input, name), getattr(own.input, name)
        if given != learnt:
            yield _misfit("wrong_input", f"{which} has inputs of {name} {_said(given)}, the job learnt {_said(learnt)}")
    if own.input.channels and card.input.channels != own.input.channels:
        message = f"{which} has channels {_said(card.input.channels)}, the job learnt {_said(own.input.channels)}"
        yield _misfit("wrong_input", message)
    if card.target.classes != own.target.classes:
        message = f"{which} has classes {_said(card.target.classes)}, the job learnt {_said(own.target.classes)}"
        yield _misfit("wrong_classes", message)


def undeliverable(distilled: Plan) -> Problem | None:
    """Why a finished job has no student that can be looked into."""
    if distilled.delivers != STUDENT:
        message = "the job delivered a path of its method, which has no features of the student alone to compare"
        return Problem(pointer="/job", code="no_student", message=f"{message}: choose a job with another method")
    return None


def proposal(spec: Mapping[str, Any], dataset_id: str, version: int, student: tuple[str, int] | None) -> Json:
    """The spec of a new distillation: the finished job's, on the newly given data, its teacher as it was.

    Args:
        spec: of the finished job.
        student: the model that was kept of it, id and version: the new student begins with its weights, unless its
            architecture is left to the planner.
    """
    kept = {name: value for name, value in (spec.get("dataset") or {}).items() if name in ("splits", "limit")}
    name = f"{spec.get('name') or 'job'}, anew"[:120]
    proposed: Json = {**spec, "name": name, "dataset": {"id": dataset_id, "version": version, **kept}}
    if student is None or "architecture" not in (spec.get("student") or {}):
        return proposed
    model_id, number = student
    return merged(proposed, {"student": {"copy": None, "init": {"id": model_id, "version": number}}})


def _misfit(code: str, message: str) -> Problem:
    remedy = "give data of the kind that the job learnt from, or distil anew"
    return Problem(pointer="/dataset", code=code, message=f"{message}: {remedy}")


def _said(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."
