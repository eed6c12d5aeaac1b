"""Projects: what each may use, and what it has used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from store import states
from store.database import now, upsert
from store.errors import Conflict, NotFound
from store.ids import is_id, new_id
from store.models import (
    Artifact,
    Checkpoint,
    Dataset,
    DatasetFile,
    Job,
    JobKind,
    Model,
    ModelFile,
    Project,
    StateCount,
    UsageDay,
)

QUOTAS = ("quota", "jobs_in_flight", "month_hours")


def ensure_project(session: Session, name: str) -> Project:
    """The project of that name, made if there is none."""
    insert = upsert(session, Project).values(id=new_id("prj"), name=name, active=0, created_at=now(session))
    session.execute(insert.on_conflict_do_nothing(index_elements=["name"]))
    return session.scalars(select(Project).where(Project.name == name)).one()


def create_project(session: Session, name: str, quotas: Mapping[str, Any] | None = None) -> Project:
    """A new project.

    Raises:
        Conflict: the name is taken.
    """
    project = Project(id=new_id("prj"), name=name, created_at=now(session), **(quotas or {}))
    with _name_is_free(session, name):
        session.add(project)
    return project


def get_project(session: Session, project_id: str) -> Project:
    """The project.

    Raises:
        NotFound: there is none of that id.
    """
    project = session.get(Project, project_id) if is_id("prj", project_id) else None
    if project is None:
        raise NotFound("project", project_id)
    return project


def all_projects(session: Session) -> list[Project]:
    """Every project, the oldest first."""
    return list(session.scalars(select(Project).order_by(Project.created_at, Project.id)))


def change_project(session: Session, project: Project, changes: Mapping[str, Any]) -> Project:
    """Gives the project another name or other quotas; a quota that is None bounds nothing.

    Raises:
        Conflict: the name is taken.
    """
    session.refresh(project, with_for_update={"key_share": True})
    if all(getattr(project, field) == value for field, value in changes.items()):
        return project
    with _name_is_free(session, changes.get("name", project.name)):
        for field, value in changes.items():
            setattr(project, field, value)
        project.version += 1
    return project


@contextmanager
def _name_is_free(session: Session, name: str) -> Iterator[None]:
    try:
        with session.begin_nested():
            yield
    except IntegrityError:
        raise Conflict("name_taken", f"There is a project {name!r} already; choose another name.") from None


def worked(session: Session, job: Job, started_at: datetime) -> None:
    """Counts the time of an attempt that ends now; a silent worker's ends with its lease."""
    until = min(now(session), job.lease_expires_at or now(session))
    row = {
        "project_id": job.project_id,
        "day": until.date().isoformat(),
        "resource_class": job.resource_class,
        "seconds": max(0.0, (until - started_at).total_seconds()),
        "attempts": 1,
    }
    insert = upsert(session, UsageDay).values(row)
    sums = {name: getattr(UsageDay, name) + insert.excluded[name] for name in ("seconds", "attempts")}
    session.execute(insert.on_conflict_do_update(index_elements=["project_id", "day", "resource_class"], set_=sums))


def usage(session: Session, project_id: str, since: str, until: str) -> Sequence[UsageDay]:
    """The project's days from ``since`` to ``until``, both included, as 2026-11-27; the oldest first."""
    days = UsageDay.project_id == project_id, UsageDay.day >= since, UsageDay.day <= until
    return session.scalars(select(UsageDay).where(*days).order_by(UsageDay.day, UsageDay.resource_class)).all()


def hours_of_month(session: Session, project_id: str) -> float:
    """Hours of the attempts that have ended since the first of this month (UTC)."""
    first = now(session).date().replace(day=1).isoformat()
    total = select(func.sum(UsageDay.seconds)).where(UsageDay.project_id == project_id, UsageDay.day >= first)
    return float(session.scalars(total).one() or 0.0) / 3600


def stored_bytes(session: Session, project_id: str) -> int:
    """Bytes of the project's artifacts, checkpoints, datasets and models; a file that two share counts twice."""
    of_jobs = Artifact.job_id == Job.id, Job.project_id == project_id, Job.kind == JobKind.DISTILLATION
    kept: dict[Any, tuple[ColumnElement[bool], ...]] = {
        Artifact: of_jobs,  # those of inspections are files of datasets
        Checkpoint: (Checkpoint.job_id == Job.id, Job.project_id == project_id),
        DatasetFile: (DatasetFile.dataset_id == Dataset.id, Dataset.project_id == project_id),
        ModelFile: (ModelFile.model_id == Model.id, Model.project_id == project_id),
    }
    sums = (select(func.coalesce(func.sum(kind.bytes), 0)).where(*mine) for kind, mine in kept.items())
    return sum(int(session.scalars(total).one()) for total in sums)


@dataclass(frozen=True, slots=True)
class Room:
    """What bounds a project's jobs, and how many it has that have not ended."""

    jobs_in_flight: int | None
    month_hours: float | None
    in_flight: int


def room(session: Session, project_id: str) -> Room:
    """The project's bounds and jobs, in one query.

    Raises:
        NotFound: there is no such project.
    """
    found = session.execute(_ROOM, {"project": project_id}).one_or_none()
    if found is None:
        raise NotFound("project", project_id)
    return Room(found.jobs_in_flight, found.month_hours, int(found.waiting or 0))


_WAITING = (
    select(func.sum(StateCount.count))
    .where(StateCount.project_id == bindparam("project"), StateCount.status.not_in(sorted(states.FINAL)))
    .scalar_subquery()
)
_ROOM = select(Project.jobs_in_flight, Project.month_hours, _WAITING.label("waiting")).where(
    Project.id == bindparam("project")
)
