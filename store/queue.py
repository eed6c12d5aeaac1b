"""Which queued job is next: priority, then fair share between projects, then age."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, literal, literal_column, or_, select, true, union_all
from sqlalchemy.orm import Session, aliased

from store.columns import UTCDateTime
from store.database import is_postgres, now
from store.models import Job, JobState, Project

# Statements are built once: to build one costs more than to run it.
_AT = bindparam("at", type_=UTCDateTime())
# Written out: a prepared statement with a parameter here could not use the index of queued jobs.
_QUEUED: ColumnElement[JobState] = literal_column("'queued'", Job.status.type)
_ROOM = or_(Project.quota.is_(None), Project.active < Project.quota)


def lock_best(session: Session, resource_classes: Sequence[str]) -> Job | None:
    """The next job of these classes, its row and its project's row locked; None when there is nothing to do.

    The projects are few and their heads come from a partial index, so the cost does not grow with the queue.
    The lock on the project makes its quota exact, which SKIP LOCKED on jobs alone would not.
    """
    at = now(session)
    heads = session.execute(_heads(tuple(resource_classes), is_postgres(session)), {"at": at}).all()
    if not heads:
        return None
    first = session.scalars(_FIRST, {"heads": [job_id for _, _, job_id in heads], "at": at}).one_or_none()
    return first or _search(session, [(project_id, name) for project_id, name, _ in heads], at)


class Waiting(NamedTuple):
    """Queued jobs of a class: how many, and for how many seconds the oldest has waited."""

    jobs: int
    seconds: float


def waiting(session: Session, project_id: str | None = None) -> dict[str, Waiting]:
    """The queue by resource class, of one project or of all; jobs that wait for their next attempt included."""
    at = now(session)
    query = select(Job.resource_class, func.count(), func.min(Job.queued_at)).where(Job.status == _QUEUED)
    if project_id is not None:
        query = query.where(Job.project_id == project_id)
    rows = session.execute(query.group_by(Job.resource_class))
    return {name: Waiting(count, max(0.0, (at - oldest).total_seconds())) for name, count, oldest in rows}


def wanted(session: Session, resource_classes: Sequence[str]) -> set[str]:
    """Which of these classes have a job that could be claimed now, quotas left aside; one query."""
    if not resource_classes:
        return set()
    return set(session.scalars(_wanted(tuple(resource_classes)), {"at": now(session)}))


def _search(session: Session, places: Sequence[tuple[str, str]], at: datetime) -> Job | None:
    """The next job when the heads that were seen are gone: taken, cancelled, or in projects that others hold."""
    holding = False
    for project_id, resource_class in places:
        if _lock_project(session, project_id, wait=False):
            holding = True
            found = _lock_head(session, project_id, resource_class, at)
            if found is not None:
                return found
    # All held by others: rather wait for the best than report an empty queue. Only who holds no project may wait for
    # one, or two claimers could wait for each other.
    if holding or not _lock_project(session, places[0][0], wait=True):
        return None
    return _lock_head(session, *places[0], at)


def _waiting(job: type[Job]) -> tuple[ColumnElement[bool], ...]:
    return job.status == _QUEUED, or_(job.not_before.is_(None), job.not_before <= _AT)


def _order(job: type[Job]) -> tuple[Any, ...]:
    return job.urgency, job.queued_at, job.id


@lru_cache(maxsize=64)
def _heads(resource_classes: tuple[str, ...], lateral: bool) -> Select[str, str, str]:
    """Project, class and id of the first job of each project and class, the best first."""
    of = _heads_lateral if lateral else _heads_joined
    heads = union_all(*(of(name) for name in resource_classes)).subquery().c
    order = heads.urgency, heads.active, heads.queued_at, heads.job_id
    return select(heads.project_id, heads.resource_class, heads.job_id).order_by(*order)


def _heads_lateral(resource_class: str) -> Select[Any, Any, Any, Any, Any, Any]:
    # Postgres without statistics would join by reading all jobs.
    job = aliased(Job)
    columns = job.resource_class, job.id.label("job_id"), job.urgency, job.queued_at
    first = select(*columns).where(job.project_id == Project.id, job.resource_class == resource_class, *_waiting(job))
    head = first.order_by(*_order(job)).limit(1).lateral()
    found = Project.id.label("project_id"), head.c.resource_class, Project.active
    return (
        select(*found, head.c.job_id, head.c.urgency, head.c.queued_at)
        .select_from(Project)
        .join(head, true())
        .where(_ROOM)
    )


def _heads_joined(resource_class: str) -> Select[Any, Any, Any, Any, Any, Any]:
    inner = aliased(Job)
    head = (
        select(inner.id)
        .where(inner.project_id == Project.id, inner.resource_class == resource_class, *_waiting(inner))
        .order_by(*_order(inner))
        .limit(1)
        .correlate(Project)
        .scalar_subquery()
    )
    columns = Project.id.label("project_id"), Job.resource_class, Project.active, Job.id.label("job_id")
    return select(*columns, Job.urgency, Job.queued_at).join(Job, Job.id == head).where(_ROOM)


_LOCKS: dict[str, Any] = {"key_share": True, "skip_locked": True, "of": (Job, Project)}
_JOB = select(Job).join(Project, Project.id == Job.project_id).where(_ROOM)
# By id and nothing else: `lower` hides the state from a planner that would rather read the whole index of queued jobs.
_STILL_WAITING = func.lower(Job.status) == _QUEUED, _waiting(Job)[1]
_FIRST = (
    _JOB.where(Job.id.in_(bindparam("heads", expanding=True)), *_STILL_WAITING)
    .order_by(Job.urgency, Project.active, Job.queued_at, Job.id)
    .limit(1)
    .with_for_update(**_LOCKS)
    .execution_options(populate_existing=True)
)
_PROJECT = select(Project.id).where(Project.id == bindparam("project_id"), _ROOM)
_PROJECT_LOCKS = {wait: _PROJECT.with_for_update(key_share=True, skip_locked=not wait) for wait in (False, True)}
_HEAD = (
    _JOB.where(Job.project_id == bindparam("project_id"), Job.resource_class == bindparam("resource_class"))
    .where(*_waiting(Job))
    .order_by(*_order(Job))
    .limit(1)
    .with_for_update(**_LOCKS)
    .execution_options(populate_existing=True)
)


@lru_cache(maxsize=64)
def _wanted(resource_classes: tuple[str, ...]) -> Any:
    return union_all(*(select(literal(name)).where(_some(name)) for name in resource_classes))


def _some(resource_class: str) -> ColumnElement[bool]:
    # By project, because the index of the queue begins with it.
    job = aliased(Job)
    mine = select(job.id).where(job.project_id == Project.id, job.resource_class == resource_class, *_waiting(job))
    return select(Project.id).where(mine.correlate(Project).exists()).exists()


def _lock_project(session: Session, project_id: str, *, wait: bool) -> bool:
    found = session.scalars(_PROJECT_LOCKS[wait], {"project_id": project_id})
    return found.one_or_none() is not None


def _lock_head(session: Session, project_id: str, resource_class: str, at: datetime) -> Job | None:
    place = {"project_id": project_id, "resource_class": resource_class, "at": at}
    return session.scalars(_HEAD, place).one_or_none()
