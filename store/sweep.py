"""Heals what was lost: expired leases, unheard rings, what is past its time. Safe to run twice, anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import exists, literal_column, or_, select
from sqlalchemy.orm import Session

from store import broker, garbage, idempotency, queue, uploads, workers
from store.database import Database, now
from store.endings import lost
from store.files import Files
from store.models import IdempotencyRecord, Job, JobState, Upload, Worker
from store.settings import Backoff, Settings

BATCH = 100
WORKER_DAYS = 7


@dataclass(slots=True)
class SweepReport:
    """What one sweep did: jobs taken from silent workers by what became of them, and classes that need a ring."""

    recovered: dict[str, JobState] = field(default_factory=dict)
    ring: set[str] = field(default_factory=set)
    files_removed: int = 0

    def count(self, state: JobState) -> int:
        """How many recovered jobs are in ``state`` now."""
        return sum(1 for found in self.recovered.values() if found is state)


def sweep(db: Database, settings: Settings, files: Files | None = None) -> SweepReport:
    """One round. Without ``files`` no file is removed."""
    report = SweepReport()
    with db.read() as session:
        expired = _expired(session)
        outdated = _outdated(session, settings.idempotency_hours)
        report.ring = _unheard(session, settings.lease_seconds)
    for job_id in expired:
        _recover(db, job_id, settings.backoff, report)
    if outdated:
        with db.write() as session:
            idempotency.forget(session, settings.idempotency_hours)
            workers.forget(session, WORKER_DAYS)
            uploads.expire(session)
    broker.forget_delivered(settings.broker_url)
    if files is not None:
        report.files_removed = garbage.collect(db, files, settings.garbage_seconds)
        files.tidy(garbage.ABANDONED_SECONDS)
    if report.recovered:
        with db.read() as session:
            report.ring = _unheard(session, settings.lease_seconds)
    return report


def _expired(session: Session) -> list[str]:
    late = Job.lease_owner.is_not(None), Job.lease_expires_at < now(session)
    return list(session.scalars(select(Job.id).where(*late).order_by(Job.lease_expires_at).limit(BATCH)))


def _recover(db: Database, job_id: str, backoff: Backoff, report: SweepReport) -> None:
    with db.write() as session:
        late = Job.id == job_id, Job.lease_owner.is_not(None), Job.lease_expires_at < now(session)
        query = select(Job).where(*late).with_for_update(key_share=True, skip_locked=True)
        job = session.scalars(query).one_or_none()
        if job is not None:  # else renewed, ended, or in the hands of another sweep
            report.recovered[job_id] = lost(session, job, backoff)


def _outdated(session: Session, hours: float) -> bool:
    # Only a sweep that finds something takes the write lock.
    old = exists().where(IdempotencyRecord.created_at < now(session) - timedelta(hours=hours))
    gone = exists().where(Worker.heartbeat_at < now(session) - timedelta(days=WORKER_DAYS))
    late = exists().where(Upload.status == literal_column(f"'{uploads.OPEN}'"), Upload.expires_at < now(session))
    return bool(session.scalars(select(or_(old, gone, late))).one())


def _unheard(session: Session, within_seconds: float) -> set[str]:
    # A class that no live worker serves is not rung: its messages would pile up in the broker.
    served = sorted({name for worker in workers.live(session, within_seconds) for name in worker.resource_classes})
    return queue.wanted(session, served)
