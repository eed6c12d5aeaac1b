"""A job's story: events numbered without gaps, because the number is taken under the lock of the job's row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from store.database import now
from store.models import Event, Job, table_of

_INSERT = insert(table_of(Event))
Entry = tuple[str, dict[str, Any]]


def append(session: Session, job: Job, type_: str, data: dict[str, Any]) -> int:
    """Adds one event to the job and returns its number."""
    return append_all(session, job, [(type_, data)])


def append_all(session: Session, job: Job, entries: Sequence[Entry]) -> int:
    """Adds events in this order and returns the number of the last one."""
    if not entries:
        return job.event_seq
    count = update(Job).where(Job.id == job.id).values(event_seq=Job.event_seq + len(entries)).returning(Job.event_seq)
    last = session.scalars(count.execution_options(synchronize_session=False)).one()
    write(session, job, last, entries)
    return last


def write(session: Session, job: Job, last: int, entries: Sequence[Entry]) -> None:
    """Writes events whose numbers, up to ``last``, the caller has already taken by an UPDATE of the job's row."""
    at, first = now(session), last - len(entries) + 1
    rows = [
        {"job_id": job.id, "seq": first + index, "type": type_, "created_at": at, "data": data}
        for index, (type_, data) in enumerate(entries)
    ]
    session.execute(_INSERT, rows)
    set_committed_value(job, "event_seq", last)


def after(session: Session, job_id: str, seq: int, limit: int = 500) -> list[Event]:
    """The job's events with a number above ``seq``, oldest first."""
    query = select(Event).where(Event.job_id == job_id, Event.seq > seq).order_by(Event.seq).limit(limit)
    return list(session.scalars(query))
