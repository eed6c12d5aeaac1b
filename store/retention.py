"""What is kept for how long: details of jobs that ended long ago, such jobs themselves, messages to webhooks."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store import checkpoints, inputs, webhooks
from store.changes import delete_job
from store.database import Database, now
from store.errors import Conflict
from store.jobs import lock
from store.models import Event, Job, JobKind
from store.settings import Settings

BATCH = 50
KEPT_EVENTS = ("status", "end", "artifact", "change")
"""What of a story stays: from where to where the job went, and what came of it."""
WEBHOOK_DAYS = 30.0


def retain(db: Database, settings: Settings) -> int:
    """Forgets a batch of what is past its time and returns how many jobs that was. Safe to run twice, anywhere."""
    with db.write() as session:
        webhooks.forget(session, WEBHOOK_DAYS)
    return _delete(db, settings.jobs_days) + _trim(db, settings.details_days)


def _delete(db: Database, days: float | None) -> int:
    if days is None:
        return 0
    with db.read() as session:
        old = Job.finished_at < now(session) - timedelta(days=days)
        found = list(session.scalars(select(Job.id).where(old).order_by(Job.finished_at).limit(BATCH)))
    return sum(_deleted(db, job_id) for job_id in found)


def _deleted(db: Database, job_id: str) -> bool:
    try:
        with db.write() as session:
            job = session.get(Job, job_id)
            if job is not None:
                delete_job(session, job)
    except Conflict:  # another job goes on from it
        return False
    return True


def _trim(db: Database, days: float | None) -> int:
    if days is None:
        return 0
    with db.read() as session:
        old = Job.trimmed_at.is_(None), Job.finished_at < now(session) - timedelta(days=days)
        found = list(session.scalars(select(Job.id).where(*old).order_by(Job.finished_at).limit(BATCH)))
    for job_id in found:
        with db.write() as session:
            _forget_details(session, session.get(Job, job_id))
    return len(found)


def _forget_details(session: Session, job: Job | None) -> None:
    if job is None:
        return
    lock(session, job)
    checkpoints.forget(session, job.id)
    if job.kind != JobKind.DISTILLATION:
        inputs.release(session, job_id=job.id)
    session.execute(delete(Event).where(Event.job_id == job.id, Event.type.not_in(KEPT_EVENTS)))
    job.trimmed_at = now(session)
