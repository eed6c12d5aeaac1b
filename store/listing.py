"""Lists of jobs that cost the same on the first page and the millionth: keyset along an index for each way to sort."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, literal_column, select, union_all
from sqlalchemy.orm import Session, aliased

from store.cursors import NEWEST_FIRST, Order, Page, checked_limit, page
from store.errors import Invalid
from store.models import Job, JobKind, JobLabel, JobState
from store.states import FINAL

_LAST_CHARACTER = "\U0010ffff"
SORTS: Mapping[str, Any] = {"created_at": Job.created_at, "finished_at": Job.finished_at, "name": Job.name_key}


def list_jobs(
    session: Session,
    project_id: str,
    *,
    limit: int = 20,
    after: str | None = None,
    sort: str = NEWEST_FIRST,
    status: str | Collection[str] | None = None,
    method: str | None = None,
    label: Mapping[str, str] | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    q: str | None = None,
    kind: JobKind | None = JobKind.DISTILLATION,
    study: str | None = None,
) -> Page[Job]:
    """A page of a project's jobs.

    Args:
        limit: 1 to 100.
        after: ``next_cursor`` of the page before, which was in the same order.
        sort: one of ``SORTS``, with ``-`` before it for the largest first; by ``finished_at``, jobs that have ended.
        label: all of these labels have these values.
        q: the beginning of an id or of a name, in any case.
        kind: what the jobs are for; None for all.
        study: only jobs of this study.

    Raises:
        Invalid: a cursor, order, state or limit that cannot be used.
    """
    checked_limit(limit)
    query, created, id_ = _labelled(project_id, label or {})
    order = _order(sort, created, id_)
    query = query.where(*_filters(method, q))
    if kind is not None:
        # Written out, so that inspections, which are few, come from their own index.
        query = query.where(Job.kind == literal_column(f"'{kind}'"))
    if study is not None:
        query = query.where(Job.study_id == study)
    if created_after is not None:
        query = query.where(created > created_after)
    if created_before is not None:
        query = query.where(created < created_before)
    if order.value is Job.finished_at:
        query = query.where(Job.finished_at.is_not(None))
    if after is not None:
        query = query.where(order.beyond(after))
    states = _wanted(status, order)
    found = _of_any(query, order, states) if label else _of_each(query, order, states, limit)
    return page(session, found, order, limit)


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


def _order(sort: str, created: Any, id_: Any) -> Order:
    name = sort.removeprefix("-")
    if name not in SORTS:
        raise Invalid("unknown_sort", f"sort: {sort!r} is not known; known, and with - before it: {', '.join(SORTS)}.")
    return Order(sort, created, id_, "job") if name == "created_at" else Order(sort, SORTS[name], Job.id, "job")


def _filters(method: str | None, q: str | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if method is not None:
        found.append(Job.method == method)
    if q:
        column, start = (Job.id, q) if q.startswith("job_") else (Job.name_key, q.lower())
        found += [column >= start, column < start + _LAST_CHARACTER]
    return found


def _wanted(status: str | Collection[str] | None, order: Order) -> list[JobState]:
    """The states that are asked for; none where it makes no difference."""
    asked = _states([status] if isinstance(status, str) else status or [])
    if order.value is not Job.finished_at:
        return asked
    return [state for state in asked or sorted(FINAL) if state in FINAL] or asked


def _of_any(query: Select[Job], order: Order, states: list[JobState]) -> Select[Job]:
    return (query.where(Job.status.in_(states)) if states else query).order_by(*order.by)


def _of_each(query: Select[Job], order: Order, states: list[JobState], limit: int) -> Select[Job]:
    """Each state has a stretch of its own in an index: of several, the first rows of each are merged."""
    if len(states) < 2:
        return _of_any(query, order, states)
    ids = query.with_only_columns(Job.id).order_by(*order.by).limit(limit + 1)
    heads = (select(ids.where(Job.status == state).subquery().c.id) for state in states)
    return select(Job).where(Job.id.in_(union_all(*heads))).order_by(*order.by)


def _states(names: Collection[str]) -> list[JobState]:
    try:
        return sorted({JobState(name) for name in names})
    except ValueError as error:
        raise Invalid("unknown_status", f"status: {error}; known: {', '.join(JobState)}.") from None
