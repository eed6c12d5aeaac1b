"""What a user does with jobs: create, look up, cancel, pause, resume, retry, continue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, insert, inspect
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value

from store import checkpoints, inputs, monitoring, shelves, studyruns
from store.database import now
from store.errors import Conflict, NotFound
from store.ids import is_id, new_id
from store.inputs import Input
from store.listing import list_jobs
from store.models import Job, JobKind, JobLabel, JobSpecRow, JobState, table_of
from store.states import created, transition

__all__ = [
    "cancel_job",
    "continue_job",
    "create_job",
    "documents",
    "get_job",
    "list_jobs",
    "lock",
    "pause_job",
    "resume_job",
    "retry_job",
    "write_labels",
]

Json = Mapping[str, Any]


def create_job(
    session: Session,
    *,
    project_id: str,
    spec: Json,
    plan: Json,
    kind: JobKind = JobKind.DISTILLATION,
    files: Iterable[Input] = (),
    retry_of: str | None = None,
    clone_of: str | None = None,
    resume_from: str | None = None,
    attempts_max: int = 5,
) -> Job:
    """Adds a queued job with its first event.

    Args:
        spec, plan: JSON documents, as the user gave the one and ``kdcore.spec`` made the other; an inspection's spec is
            what its user said of what was brought.
        kind: what the job is for.
        files: what the worker puts into the job's folder before its engine starts.
        retry_of: the job that this one repeats.
        clone_of: the job whose spec this one's was made from.
        resume_from: a checkpoint (of the same plan) to start from.
        attempts_max: attempts that may fail by themselves.
    """
    origin = {"kind": kind, "retry_of": retry_of, "clone_of": clone_of, "resume_from": resume_from}
    own = spec if kind is JobKind.DISTILLATION else {"name": spec.get("name")}  # a dataset may have labels of its own
    row = _row(session, project_id, own, plan, attempts_max) | origin
    session.execute(_INSERT_JOB, row)
    session.execute(_INSERT_SPEC, {"job_id": row["id"], "spec": dict(spec), "plan": dict(plan)})
    if row["labels"]:
        session.execute(_INSERT_LABELS, label_rows(row))
    inputs.add(session, row["id"], files)
    job = _loaded(session, row)
    if resume_from is not None:
        checkpoints.copy(session, resume_from, job)
    created(session, job)
    return job


def get_job(session: Session, project_id: str, job_id: str) -> Job:
    """The job.

    Raises:
        NotFound: there is none of that id in the project.
    """
    job = session.get(Job, job_id) if is_id("job", job_id) else None
    if job is None or job.project_id != project_id:
        raise NotFound("job", job_id)
    return job


def documents(session: Session, job: Job) -> JobSpecRow:
    """The job's spec, plan, resolution and result."""
    return session.get_one(JobSpecRow, job.id)


def cancel_job(session: Session, job: Job) -> Job:
    """Cancels a waiting job at once and asks a running one to stop; a cancelled one stays as it is.

    Raises:
        Conflict: the job ended otherwise.
    """
    lock(session, job)
    if job.status in (JobState.QUEUED, JobState.PAUSED):
        transition(session, job, JobState.CANCELLED, reason="cancelled")
    elif job.status in (JobState.STARTING, JobState.RUNNING, JobState.PAUSING):
        transition(session, job, JobState.CANCELLING, reason="cancel_requested")
    elif job.status in (JobState.SUCCEEDED, JobState.FAILED):
        raise Conflict("job_finished", f"Job {job.id} has {job.status} already; there is nothing left to cancel.")
    return job


def pause_job(session: Session, job: Job) -> Job:
    """Holds a queued job and asks a running one to stop at a checkpoint; a paused one stays as it is.

    Raises:
        Conflict: the job has ended or is being cancelled.
    """
    lock(session, job)
    if job.status is JobState.QUEUED:
        transition(session, job, JobState.PAUSED, reason="paused")
    elif job.status in (JobState.STARTING, JobState.RUNNING):
        transition(session, job, JobState.PAUSING, reason="pause_requested")
    elif job.status not in (JobState.PAUSING, JobState.PAUSED):
        raise Conflict("wrong_state", f"Job {job.id} is {job.status}; only a waiting or running job can be paused.")
    return job


def resume_job(session: Session, job: Job) -> Job:
    """Queues a paused job again; it goes on from its last checkpoint.

    Raises:
        Conflict: the job is not paused.
    """
    lock(session, job)
    if job.status is not JobState.PAUSED:
        raise Conflict("not_paused", f"Job {job.id} is {job.status}; only a paused job can be resumed.")
    changes = {"queued_at": now(session), "not_before": None}
    transition(session, job, JobState.QUEUED, reason="resumed", changes=changes)
    return job


def retry_job(session: Session, job: Job) -> Job:
    """A new job with the same plan that starts from the last checkpoint of this one, if it has any.

    Raises:
        Conflict: the job has neither failed nor been cancelled, or what it started from is gone.
    """
    lock(session, job)
    if job.status not in (JobState.FAILED, JobState.CANCELLED):
        raise Conflict("not_retryable", f"Job {job.id} is {job.status}; only a failed or cancelled job can be retried.")
    last = checkpoints.latest(session, job.id)
    return _again(session, job, last.id if last else None)


def continue_job(session: Session, job: Job, checkpoint_id: str) -> Job:
    """A new job with the same plan that starts from this checkpoint, whatever became of the old one.

    Raises:
        NotFound: the job has no such checkpoint.
        Conflict: the checkpoint is damaged.
    """
    lock(session, job)
    return _again(session, job, checkpoints.of_job(session, job.id, checkpoint_id).id)


def _again(session: Session, job: Job, resume_from: str | None) -> Job:
    old = documents(session, job)
    new = create_job(
        session,
        project_id=job.project_id,
        spec=old.spec,
        plan=old.plan,
        kind=JobKind(job.kind),
        files=inputs.copied(session, job),
        retry_of=job.id,
        resume_from=resume_from,
        attempts_max=job.attempts_max,
    )
    shelves.again(session, job, new)
    studyruns.again(session, job, new)
    monitoring.again(session, job, new)
    return new


def lock(session: Session, job: Job) -> None:
    """Holds the job's row until the end of the transaction, and reads it again."""
    session.refresh(job, with_for_update={"key_share": True})


def _row(session: Session, project_id: str, spec: Json, plan: Json, attempts_max: int) -> dict[str, Any]:
    """Every column of a new job."""
    at, networks = now(session), plan.get("networks", {})
    name, priority = str(spec.get("name") or plan.get("name") or "unnamed"), int(spec.get("priority", 0))
    return _BLANK | {
        "id": new_id("job"),
        "project_id": project_id,
        "name": name,
        "name_key": name.lower(),
        "method": str(plan.get("method", "custom")),
        "dataset": str(plan.get("dataset", {}).get("name", "")),
        "teacher": networks.get("teacher", {}).get("architecture"),
        "student": networks.get("student", {}).get("architecture"),
        "labels": dict(spec.get("labels", {})),
        "resource_class": str(plan.get("resource_class", "cpu")),
        "priority": priority,
        "urgency": -priority,
        "status": JobState.QUEUED,
        "version": 1,
        "event_seq": 1,
        "attempt": 0,
        "attempts_max": attempts_max,
        "fence": 0,
        "durations": {},
        "metrics": {},
        "estimate": plan.get("estimate"),
        "warnings": list(plan.get("warnings", [])),
        "created_at": at,
        "queued_at": at,
    }


def _loaded(session: Session, row: Mapping[str, Any]) -> Job:
    """The job of a row that was just written, as if it had been read again."""
    job = Job()
    for name, value in row.items():
        set_committed_value(job, name, value)
    make_transient_to_detached(job)
    session.add(job)
    return job


def label_rows(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows by which lists find a job's labels."""
    kept = {"job_id": job["id"], "project_id": job["project_id"], "created_at": job["created_at"]}
    return [{**kept, "key": key, "value": value} for key, value in job["labels"].items()]


def write_labels(session: Session, job: Job) -> None:
    """Makes lists find the job by the labels that it has now."""
    session.execute(delete(JobLabel).where(JobLabel.job_id == job.id))
    row = {name: getattr(job, name) for name in ("id", "project_id", "created_at", "labels")}
    if job.labels:
        session.execute(_INSERT_LABELS, label_rows(row))


# A new job is several rows at once; written as tables they cost half of what they would as objects.
_BLANK: dict[str, Any] = dict.fromkeys(column.key for column in inspect(Job).column_attrs)
_INSERT_JOB, _INSERT_SPEC, _INSERT_LABELS = (insert(table_of(kind)) for kind in (Job, JobSpecRow, JobLabel))
