"""Lists of jobs that cost the same on the first page and the millionth: keyset on (created_at, id)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, aliased

from store.cursors import Page, walk
from store.errors import Invalid
from store.models import Job, JobLabel, JobState

_LAST_CHARACTER = "\U0010ffff"


def list_jobs(
    session: Session,
    project_id: str,
    *,
    limit: int = 20,
    after: str | None = None,
    status: str | Collection[str] | None = None,
    method: str | None = None,
    label: Mapping[str, str] | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    q: str | None = None,
) -> Page[Job]:
    """A project's jobs, newest first.

    Args:
        limit: 1 to 100.
        after: ``next_cursor`` of the page before.
        label: all of these labels have these values.
        q: the beginning of an id or of a name, in any case.

    Raises:
        Invalid: a cursor, state or limit that cannot be used.
    """
    query, created, id_ = _labelled(project_id, label or {})
    query = query.where(*_filters(status, method, q))
    if created_after is not None:
        query = query.where(created > created_after)
    if created_before is not None:
        query = query.where(created < created_before)
    return walk(session, query, created, id_, prefix="job", limit=limit, after=after)


def _labelled(project_id: str, labels: Mapping[str, str]) -> tuple[Select[Job], Any, Any]:
    # With a label the walk follows the label's index, which carries the sort key; else the job's own.
    if not labels:
        return select(Job).where(Job.project_id == project_id), Job.created_at, Job.id
    query, first = select(Job), None
    for key, value in labels.items():
        row = aliased(JobLabel)
        query = query.join(row, row.job_id == Job.id)
        query = query.where(row.project_id == project_id, row.key == key, row.value == value)
        first = first or row
    assert first is not None
    return query, first.created_at, first.job_id


def _filters(status: str | Collection[str] | None, method: str | None, q: str | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if status is not None:
        found.append(Job.status.in_(_states([status] if isinstance(status, str) else status)))
    if method is not None:
        found.append(Job.method == method)
    if q:
        column, start = (Job.id, q) if q.startswith("job_") else (Job.name_key, q.lower())
        found += [column >= start, column < start + _LAST_CHARACTER]
    return found


def _states(names: Collection[str]) -> list[JobState]:
    try:
        return [JobState(name) for name in names]
    except ValueError as error:
        raise Invalid("unknown_status", f"status: {error}; known: {', '.join(JobState)}.") from None
