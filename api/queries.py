"""Read-only queries that only the API asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, String, and_, column, false, func, select, values
from sqlalchemy.orm import Session

from store.errors import NotFound
from store.models import Artifact, Attempt, Event, Job, MetricPoint

EVENTS_PER_POLL = 200


def events_of(session: Session, cursors: Mapping[str, int]) -> list[Event]:
    """The next events of several jobs, each after its own number, in one statement.

    Bounded for each job and not as a whole, so that no job's events are cut in the middle.
    """
    table = values(column("job_id", String), column("seq", Integer), name="watched")
    watched = table.data(list(cursors.items())).cte("watched")
    mine = and_(
        Event.job_id == watched.c.job_id,
        Event.seq > watched.c.seq,
        Event.seq <= watched.c.seq + EVENTS_PER_POLL,
    )
    found = list(session.scalars(select(Event).join_from(watched, Event, mine)))
    return sorted(found, key=lambda event: (event.job_id, event.seq))


def artifacts(session: Session, job_id: str) -> list[Artifact]:
    """What a job published, by name."""
    return list(session.scalars(select(Artifact).where(Artifact.job_id == job_id).order_by(Artifact.name)))


def artifact(session: Session, job_id: str, name: str) -> Artifact:
    """One artifact by name.

    Raises:
        NotFound: the job published nothing of this name.
    """
    query = select(Artifact).where(Artifact.job_id == job_id, Artifact.name == name)
    found = session.scalars(query).one_or_none() if len(name) <= 200 and "\0" not in name else None
    if found is None:
        raise NotFound("artifact", name)
    return found


def attempts(session: Session, job_id: str) -> Sequence[Attempt]:
    """All attempts of a job, newest first."""
    return session.scalars(select(Attempt).where(Attempt.job_id == job_id).order_by(Attempt.number.desc())).all()


def log_of(session: Session, job_id: str, attempt: int | None) -> Attempt | None:
    """The attempt whose log is meant: that number, or the latest that has one."""
    query = select(Attempt).where(Attempt.job_id == job_id, Attempt.log_key.is_not(None))
    if attempt is not None:
        query = query.where(Attempt.number == attempt)
    return session.scalars(query.order_by(Attempt.number.desc()).limit(1)).one_or_none()


def series_lengths(session: Session, job: Job, run: str | None, split: str | None) -> dict[tuple[str, str], int]:
    """Points of each run and split that still count."""
    group = (MetricPoint.run, MetricPoint.split)
    query = select(*group, func.count()).where(*_points(job, run, split)).group_by(*group)
    return {(row[0], row[1]): row[2] for row in session.execute(query)}


def points(
    session: Session, job: Job, run: str | None, split: str | None
) -> Iterator[Sequence[Row[str, str, int, float | None, dict[str, Any]]]]:
    """Run, split, step, epoch and values of the points that still count, in order, a thousand at a time.

    Columns and no objects: a long job has a hundred thousand of them.
    """
    shown = (MetricPoint.run, MetricPoint.split, MetricPoint.step, MetricPoint.epoch, MetricPoint.values)
    query = select(*shown).where(*_points(job, run, split))
    ordered = query.order_by(MetricPoint.run, MetricPoint.split, MetricPoint.step, MetricPoint.id)
    yield from session.execute(ordered.execution_options(yield_per=1000)).partitions()


def _points(job: Job, run: str | None, split: str | None) -> list[ColumnElement[bool]]:
    wanted = [MetricPoint.job_id == job.id, MetricPoint.superseded == false()]
    if run is not None:
        wanted.append(MetricPoint.run == run)
    if split is not None:
        wanted.append(MetricPoint.split == split)
    return wanted
