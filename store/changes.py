"""What a user may change on a job that exists, and how a job is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store import events, garbage, monitoring
from store.errors import Conflict
from store.jobs import documents, lock, write_labels
from store.models import Artifact, Attempt, Checkpoint, CheckpointFile, Job, JobInput
from store.states import FINAL, removed

MENTIONED = 3
"""Jobs that a refusal names."""


def change_job(
    session: Session,
    job: Job,
    *,
    name: str | None = None,
    labels: Mapping[str, str] | None = None,
    priority: int | None = None,
) -> Job:
    """Gives the job another name, other labels (all of them) or another place in the queue; what is None stays.

    The spec says so, too, so that retries and clones are called the same. The plan stays as it is: checkpoints belong
    to it.

    Raises:
        Conflict: another priority for a job that has ended.
    """
    lock(session, job)
    asked = {"name": name, "labels": None if labels is None else dict(labels), "priority": priority}
    fields = {field: value for field, value in asked.items() if value is not None and value != getattr(job, field)}
    if not fields:
        return job
    if "priority" in fields and job.status in FINAL:
        raise Conflict("job_finished", f"Job {job.id} has {job.status} already; its priority means nothing any more.")
    _write(session, job, fields)
    if job.status not in FINAL:  # nothing comes after the end of a story: watchers leave with it
        events.append(session, job, "change", fields)
    return job


def _write(session: Session, job: Job, fields: Mapping[str, Any]) -> None:
    for field, value in fields.items():
        setattr(job, field, value)
    job.name_key, job.urgency, job.version = job.name.lower(), -job.priority, job.version + 1
    kept = documents(session, job)
    kept.spec = {**kept.spec, **fields}
    if "labels" in fields:
        write_labels(session, job)
    session.flush()


def delete_job(session: Session, job: Job) -> None:
    """Forgets a job that has ended, with its story, checkpoints, logs and artifacts; files go when nothing else refers
    to them.

    Raises:
        Conflict: the job has not ended, or others go on from it and have not.
    """
    lock(session, job)
    if job.status not in FINAL:
        raise Conflict("job_not_finished", f"Job {job.id} is {job.status}; cancel it before you delete it.")
    heirs = _heirs(session, job)
    if heirs:
        message = f"Job {job.id} is what {', '.join(heirs)} goes on from; wait for its end, or cancel it."
        raise Conflict("job_in_use", message)
    monitoring.wake(session, job_id=job.id)
    garbage.bury(session, _keys(session, job))
    removed(session, job)
    session.execute(delete(Job).where(Job.id == job.id))
    session.expunge(job)


def _heirs(session: Session, job: Job) -> list[str]:
    """Unfinished jobs that began as this one."""
    unfinished = Job.project_id == job.project_id, Job.status.not_in(sorted(FINAL))
    return list(session.scalars(select(Job.id).where(*unfinished, Job.retry_of == job.id).limit(MENTIONED)))


def _keys(session: Session, job: Job) -> list[str]:
    """Keys of all files that the job refers to."""
    of_checkpoints = select(CheckpointFile.key).join(Checkpoint).where(Checkpoint.job_id == job.id)
    of_artifacts = select(Artifact.key).where(Artifact.job_id == job.id)
    of_logs = select(Attempt.log_key).where(Attempt.job_id == job.id, Attempt.log_key.is_not(None))
    of_inputs = select(JobInput.key).where(JobInput.job_id == job.id)
    return [
        key for query in (of_checkpoints, of_artifacts, of_logs, of_inputs) for key in session.scalars(query) if key
    ]
