"""Which queued job is next: priority, then fair share between projects, then age."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from store.columns import UTCDateTime
from store.database import now
from store.models import Job, JobState, Project

# Statements are built once: to build one costs more than to run it.
_AT = bindparam("at", type_=UTCDateTime())
_ROOM = or_(Project.quota.is_(None), Project.active < Project.quota)


def lock_best(session: Session, resource_classes: Sequence[str]) -> Job | None:
    """The next job of these classes, its row and its project's row locked; None when there is nothing to do.

    The projects are few and their heads come from a partial index, so the cost does not grow with the queue.
    The lock on the project makes its quota exact, which SKIP LOCKED on jobs alone would not.
    """
    at = now(session)
    heads = session.execute(_heads(tuple(resource_classes)), {"at": at}).all()
    holding = False
    for project_id, resource_class in heads:
        if _lock_project(session, project_id, wait=False):
            holding = True
            job = _lock_head(session, project_id, resource_class, at)
            if job is not None:
                return job
    if holding or not heads:
        return None
    return _wait_for_best(session, *heads[0], at)


class Waiting(NamedTuple):
    """Queued jobs of a class: how many, and for how many seconds the oldest has waited."""

    jobs: int
    seconds: float


def waiting(session: Session) -> dict[str, Waiting]:
    """The queue of all projects by resource class, jobs that wait for their next attempt included."""
    at = now(session)
    query = select(Job.resource_class, func.count(), func.min(Job.queued_at)).where(Job.status == JobState.QUEUED)
    rows = session.execute(query.group_by(Job.resource_class))
    return {name: Waiting(count, max(0.0, (at - oldest).total_seconds())) for name, count, oldest in rows}


def _wait_for_best(session: Session, project_id: str, resource_class: str, at: datetime) -> Job | None:
    # Other claimers held every project with work: rather wait for the best than report an empty queue. Only who holds
    # no project may wait for one, or two claimers could wait for each other.
    if not _lock_project(session, project_id, wait=True):
        return None
    return _lock_head(session, project_id, resource_class, at)


def _waiting(job: type[Job]) -> tuple[ColumnElement[bool], ...]:
    return job.status == JobState.QUEUED, or_(job.not_before.is_(None), job.not_before <= _AT)


def _order(job: type[Job]) -> tuple[Any, ...]:
    return job.urgency, job.queued_at, job.id


@lru_cache(maxsize=32)
def _heads(resource_classes: tuple[str, ...]) -> Select[str, str]:
    heads = union_all(*(_heads_of(name) for name in resource_classes)).subquery().c
    order = heads.urgency, heads.active, heads.queued_at, heads.job_id
    return select(heads.project_id, heads.resource_class).order_by(*order)


def _heads_of(resource_class: str) -> Select[Any, Any, Any, Any, Any, Any]:
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


_PROJECT = select(Project.id).where(Project.id == bindparam("project_id"), _ROOM)
_PROJECT_LOCKS = {wait: _PROJECT.with_for_update(key_share=True, skip_locked=not wait) for wait in (False, True)}
_HEAD = (
    select(Job)
    .where(Job.project_id == bindparam("project_id"), Job.resource_class == bindparam("resource_class"), *_waiting(Job))
    .order_by(*_order(Job))
    .limit(1)
    .with_for_update(key_share=True, skip_locked=True)
    .execution_options(populate_existing=True)
)


def _lock_project(session: Session, project_id: str, *, wait: bool) -> bool:
    found = session.scalars(_PROJECT_LOCKS[wait], {"project_id": project_id})
    return found.one_or_none() is not None


def _lock_head(session: Session, project_id: str, resource_class: str, at: datetime) -> Job | None:
    wanted = {"project_id": project_id, "resource_class": resource_class, "at": at}
    return session.scalars(_HEAD, wanted).one_or_none()
