"""The job of one re-evaluation: what it needs is looked up, checked and given to it as files; and what is proposed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.errors import Fault, Refused
from api.planning import planned
from kdcore.spec import Plan, Problem
from kdcore.spec.brought import DATASET_FOLDER
from kdcore.spec.cards import DatasetCard
from kdcore.spec.job import MAX_LABELS
from kdcore.spec.reevaluation import (
    DELIVERED,
    GIVEN_FOLDER,
    STUDENT_FILE,
    DriftRule,
    misfits,
    proposal,
    reevaluation_plan,
    undeliverable,
)
from store import inputs, jobs, model_registry, registry
from store.database import Database
from store.errors import NotFound
from store.inputs import Input
from store.models import (
    Artifact,
    Dataset,
    DatasetVersion,
    Job,
    JobKind,
    JobState,
    ModelVersion,
    Monitor,
    Outcome,
    Reevaluation,
    VersionStatus,
)
from store.settings import Settings
from store.shelves import DATASETS

LABEL = "monitor"


class Gone(Exception):
    """Something that a monitor cannot be without was deleted; the text says what."""


@dataclass(frozen=True)
class Subject:
    """A finished job with what measuring its student needs.

    Attributes:
        plan: of the job.
        student: the file of its weights.
        learnt: the files of what it learnt from; none of a built-in dataset.
    """

    job: Job
    plan: Plan
    student: Artifact
    learnt: tuple[Input, ...]


def subject(session: Session, project_id: str, job_id: str) -> Subject:
    """The finished job.

    Raises:
        NotFound: there is no such job.
        Gone: what it learnt from was deleted.
        Refused: it is none whose student can be measured.
    """
    job = jobs.get_job(session, project_id, job_id)
    if job.kind != JobKind.DISTILLATION or job.status != JobState.SUCCEEDED:
        message = f"job {job.id} is {job.status}: only the student of a distillation that has succeeded is monitored"
        raise refused([Problem(pointer="/job", code="job_not_finished", message=message)])
    plan = _plan(session, job)
    if (problem := undeliverable(plan)) is not None:
        raise refused([problem])
    student = model_registry.artifacts(session, job).get(DELIVERED)
    if student is None:
        message = f"job {job.id} delivered no {DELIVERED}: run it with deliver: [safetensors]"
        raise refused([Problem(pointer="/job", code="no_student", message=message)])
    learnt = tuple(one for one in inputs.of_job(session, job.id) if one.path.startswith(f"{DATASET_FOLDER}/"))
    if any(one.key is None for one in learnt):
        origin = next(one.origin for one in learnt if one.key is None)
        raise Gone(f"what job {job.id} learnt from, {origin}, was deleted")
    return Subject(job, plan, student, learnt)


def given(session: Session, project_id: str, dataset_id: str, found: Subject) -> tuple[Dataset, DatasetVersion]:
    """The dataset with its newest ready version, which fits the job.

    Raises:
        NotFound: there is no such dataset.
        Refused: it has no ready version, or that does not fit.
    """
    dataset = registry.get_thing(session, DATASETS, project_id, dataset_id)
    if dataset.latest is None:
        message = f"dataset {dataset.id} has no version that is ready: wait for the end of its inspection"
        raise refused([Problem(pointer="/dataset", code="dataset_not_ready", message=message)])
    version = registry.get_version(session, DATASETS, dataset, dataset.latest)
    card = DatasetCard.model_validate(version.card)
    problems = [*misfits(found.plan, card), *_vocabulary(found, card)]
    if problems:
        raise refused(problems)
    return dataset, version


def begin(session: Session, settings: Settings, monitor: Monitor, found: Subject, version: DatasetVersion) -> Job:
    """The queued job of a re-evaluation; the caller holds the monitor.

    Raises:
        Conflict: the dataset is being deleted.
    """
    card = DatasetCard.model_validate(version.card)
    number = monitor.reevaluations + 1
    plan = reevaluation_plan(
        f"{monitor.name}, {number}"[:120],
        found.job.id,
        found.plan,
        monitor.dataset_id,
        version.number,
        card,
        DriftRule(distance=monitor.distance, threshold=monitor.threshold),
        monitor=monitor.id,
        number=number,
    )
    student = Input(STUDENT_FILE, 1, found.student.key, found.student.sha256, found.student.bytes)
    files = [student, *found.learnt, *registry.inputs_of(session, DATASETS, version, GIVEN_FOLDER)]
    return jobs.create_job(
        session,
        project_id=monitor.project_id,
        spec={"name": plan.name, "job": found.job.id, "monitor": monitor.id},
        plan=plan.document(),
        kind=JobKind.REEVALUATION,
        files=files,
        attempts_max=settings.max_attempts,
    )


def proposed(database: Database, monitor: Monitor, row: Reevaluation) -> dict[str, Any] | None:
    """The spec of a new distillation, and what stands in its way; None where nothing is proposed.

    It is made when it is asked for, so that it says what can be submitted now.
    """
    if monitor.action != "propose" or row.status != Outcome.DRIFTED:
        return None
    try:
        with database.read() as session:
            job = jobs.get_job(session, monitor.project_id, monitor.job_id)
            kept = _kept(session, job)
            spec = proposal(jobs.documents(session, job).spec, monitor.dataset_id, row.dataset_version, kept)
    except NotFound as error:
        return {"spec": None, "problems": [{"code": error.code, "detail": error.message}], "begins_with": None}
    labels = spec.get("labels") or {}
    if len(labels) < MAX_LABELS:
        spec["labels"] = {**labels, LABEL: monitor.id}
    try:
        planned(database, monitor.project_id, spec)
        problems = []
    except Refused as error:
        problems = [fault.model_dump(exclude_none=True) for fault in error.errors] or [
            {"code": error.code, "detail": error.detail}
        ]
    begins_with = None if kept is None else spec["student"].get("init")
    return {"spec": spec, "problems": problems, "begins_with": begins_with}


def refused(problems: Iterable[Problem]) -> Refused:
    """The refusal of a monitor's body."""
    faults = [Fault(pointer=one.pointer, code=one.code, detail=one.message) for one in problems]
    return Refused("invalid_request", "; ".join(fault.detail for fault in faults), errors=faults)


def _plan(session: Session, job: Job) -> Plan:
    try:
        return Plan.model_validate(jobs.documents(session, job).plan)
    except ValidationError:
        message = f"job {job.id} was run by an earlier version of the service: clone it, and monitor that one"
        raise refused([Problem(pointer="/job", code="job_too_old", message=message)]) from None


def _vocabulary(found: Subject, card: DatasetCard) -> list[Problem]:
    """Token ids mean the same only where the tokenizers are the same file."""
    path = found.plan.dataset.input.tokenizer
    if path is None:
        return []
    own = next((one.sha256 for one in found.learnt if one.path == f"{DATASET_FOLDER}/{path}"), None)
    new = next((one.sha256 for one in card.files if one.path == card.input.tokenizer), None)
    if own == new:
        return []
    message = f"dataset {card.name!r} has another tokenizer than the job learnt with: bring it with that one"
    return [Problem(pointer="/dataset", code="wrong_tokenizer", message=message)]


def _kept(session: Session, job: Job) -> tuple[str, int] | None:
    """The newest model version that was kept of a job."""
    query = select(ModelVersion).where(ModelVersion.job_id == job.id, ModelVersion.status == VersionStatus.READY)
    for version in session.scalars(query.order_by(ModelVersion.created_at.desc())):
        if (version.card or {}).get("kind") == "weights":
            return version.model_id, version.number
    return None
