"""Who works on a job: a lease with a fencing number, taken by one guarded step and proved at every write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from store import inputs, projects, queue
from store.checkpoints import Resume, latest, supersede
from store.database import clock, now
from store.errors import LeaseLost
from store.inputs import Input
from store.models import Attempt, Job, JobSpecRow, JobState, table_of
from store.states import ACTIVE, transition


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job, valid while no higher fence exists and the owner keeps renewing it."""

    job_id: str
    fence: int
    attempt: int
    owner: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker got: the lease, what to run, from which files, where to go on, and how long was worked before."""

    lease: Lease
    plan: dict[str, Any]
    checkpoint: Resume | None
    project_id: str
    worked_seconds: float
    files: tuple[Input, ...] = ()


def claim(session: Session, *, owner: str, resource_classes: Sequence[str], lease_seconds: float) -> Claim | None:
    """Takes the best queued job that ``owner`` can serve, or nothing.

    Best is: highest priority, then the project with the fewest active jobs, then the oldest. A project at its
    quota and a job that still waits for its next attempt are passed over.
    """
    job = queue.lock_best(session, resource_classes)
    if job is None:
        return None
    resume = latest(session, job.id) if job.attempt or job.resume_from else None
    _take(session, job, owner, lease_seconds)
    plan = session.scalars(_PLAN, {"job": job.id}).one()
    lease = Lease(job.id, job.fence, job.attempt, owner)
    session.execute(_OPEN, _opened(session, lease, resume))
    if lease.attempt > 1:
        supersede(session, job, resume)
    files = inputs.of_job(session, job.id)
    return Claim(lease, plan, resume, job.project_id, worked_before(session, lease), files)


def worked_before(session: Session, lease: Lease) -> float:
    """Seconds that the job's earlier attempts took."""
    if lease.attempt == 1:
        return 0.0
    earlier = Attempt.job_id == lease.job_id, Attempt.number < lease.attempt
    rows = session.execute(select(Attempt.started_at, Attempt.ended_at).where(*earlier))
    return sum((ended - started).total_seconds() for started, ended in rows if ended is not None)


def renew(session: Session, lease: Lease, seconds: float) -> bool:
    """Prolongs the lease to ``seconds`` from now; False when it ran out or is another's: stop the attempt."""
    present = clock(session)
    renewal = (
        update(Job)
        .where(*_mine(lease), Job.lease_expires_at > present)
        .values(lease_expires_at=present + timedelta(seconds=seconds), heartbeat_at=present)
        .execution_options(synchronize_session=False)
        .returning(Job.id)
    )
    return session.scalars(renewal).one_or_none() is not None


def held(session: Session, lease: Lease) -> Job:
    """The job's row, locked, if the lease still holds.

    Raises:
        LeaseLost: it does not.
    """
    query = select(Job).where(*_mine(lease)).with_for_update(key_share=True)
    job = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if job is None:
        raise LeaseLost(lease.job_id, lease.fence)
    return job


def flags(session: Session, owner: str) -> dict[str, str | None]:
    """For each job that ``owner`` holds, whether it shall "cancel" or "pause"; a job that is absent was lost."""
    wishes = {JobState.CANCELLING: "cancel", JobState.PAUSING: "pause"}
    rows = session.execute(select(Job.id, Job.status).where(Job.lease_owner == owner))
    return {job_id: wishes.get(status) for job_id, status in rows}


def close_attempt(session: Session, job: Job, outcome: str, error: dict[str, Any] | None = None) -> None:
    """Notes how the current attempt ended, and counts its time as used."""
    ending = (
        update(Attempt)
        .where(Attempt.job_id == job.id, Attempt.number == job.attempt, Attempt.ended_at.is_(None))
        .values(ended_at=now(session), outcome=outcome, error=error)
        .execution_options(synchronize_session=False)
        .returning(Attempt.started_at)
    )
    for started_at in session.scalars(ending):
        projects.worked(session, job, started_at)


def _mine(lease: Lease) -> tuple[Any, ...]:
    return (
        Job.id == lease.job_id,
        Job.fence == lease.fence,
        Job.lease_owner == lease.owner,
        Job.status.in_(sorted(ACTIVE)),
    )


def _take(session: Session, job: Job, owner: str, lease_seconds: float) -> None:
    at = now(session)
    changes = {
        "lease_owner": owner,
        "lease_expires_at": at + timedelta(seconds=lease_seconds),
        "heartbeat_at": at,
        "fence": job.fence + 1,
        "attempt": job.attempt + 1,
        "not_before": None,
        "phase": None,
    }
    transition(session, job, JobState.STARTING, reason="claimed", data={"worker": owner}, changes=changes)


def _opened(session: Session, lease: Lease, resume: Resume | None) -> dict[str, Any]:
    return {
        "job_id": lease.job_id,
        "number": lease.attempt,
        "fence": lease.fence,
        "worker_id": lease.owner,
        "checkpoint_id": resume.id if resume else None,
        "started_at": now(session),
    }


_OPEN = insert(table_of(Attempt))
_PLAN = select(JobSpecRow.plan).where(JobSpecRow.job_id == bindparam("job"))
