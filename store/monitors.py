"""Monitors: created, listed, changed, forgotten; and looked after, so that each due time has one re-evaluation.

Whoever looks after a monitor holds its row, and makes the job, its place in the list and the next due time in that one
transaction: of several API processes that find a due monitor, one gets the row and the others find it no longer due.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from store import cursors
from store.database import clock, now
from store.errors import Conflict, NotFound
from store.ids import is_id, new_id
from store.models import Cause, Dataset, Job, Monitor, MonitorState, Outcome, Project, Reevaluation

PREFIX, ROW_PREFIX = "mon", "rev"
MOST = 1000
"""Monitors of a project."""
Json = dict[str, Any]


def create_monitor(session: Session, project_id: str, *, seen: int | None, **fields: Any) -> Monitor:
    """A new monitor, which somebody will look at at once.

    Args:
        seen: version of the dataset that the job learnt from, where it is a version of the same.
        fields: its other columns.

    Raises:
        Conflict: the project has as many as it may.
    """
    session.scalars(select(Project.id).where(Project.id == project_id).with_for_update(key_share=True)).one()
    mine = select(func.count()).select_from(Monitor).where(Monitor.project_id == project_id)
    if session.scalars(mine).one() >= MOST:
        raise Conflict("too_many_monitors", f"The project has {MOST} monitors, which is all that it may; delete some.")
    at = now(session)
    monitor = Monitor(
        id=new_id(PREFIX),
        project_id=project_id,
        status=MonitorState.ACTIVE,
        seen=seen,
        reevaluations=0,
        version=1,
        created_at=at,
        next_at=at,
        **fields,
    )
    monitor.due_at = _later(monitor, at, at)
    session.add(monitor)
    session.flush()
    return monitor


def get_monitor(session: Session, project_id: str, monitor_id: str) -> Monitor:
    """The monitor.

    Raises:
        NotFound: there is none of that id in the project.
    """
    found = session.get(Monitor, monitor_id) if is_id(PREFIX, monitor_id) else None
    if found is None or found.project_id != project_id:
        raise NotFound("monitor", monitor_id)
    return found


def list_monitors(
    session: Session,
    project_id: str,
    *,
    limit: int = 20,
    after: str | None = None,
    status: str | None = None,
    job: str | None = None,
    dataset: str | None = None,
) -> cursors.Page[Monitor]:
    """A project's monitors, the newest first.

    Raises:
        Invalid: a cursor or limit that cannot be used.
    """
    query = select(Monitor).where(Monitor.project_id == project_id)
    asked = {Monitor.status: status, Monitor.job_id: job, Monitor.dataset_id: dataset}
    query = query.where(*(column == value for column, value in asked.items() if value is not None))
    created, id_ = Monitor.created_at, Monitor.id
    return cursors.walk(session, query, created, id_, prefix=PREFIX, limit=limit, after=after)


def change_monitor(session: Session, monitor: Monitor, changes: Mapping[str, Any]) -> Monitor:
    """Gives the monitor other settings; its job and its dataset stay. ``enabled`` stops it or looks after it again."""
    hold(session, monitor)
    fields = dict(changes)
    if (enabled := fields.pop("enabled", None)) is not None:
        fields["status"] = MonitorState.ACTIVE if enabled else MonitorState.STOPPED
    changed = {name for name, value in fields.items() if getattr(monitor, name) != value}
    for name in changed:
        setattr(monitor, name, fields[name])
    at = now(session)
    if "every_hours" in changed:
        monitor.due_at = _later(monitor, at, at)
    if "status" in changed:
        monitor.reason = None if enabled else "stopped by a request"
    if changed:
        monitor.version += 1
        monitor.waits_for = None
        monitor.next_at = at if monitor.status == MonitorState.ACTIVE else None
    session.flush()
    return monitor


def delete_monitor(session: Session, monitor: Monitor) -> None:
    """Forgets the monitor and its re-evaluations; their jobs stay."""
    hold(session, monitor)
    session.execute(delete(Monitor).where(Monitor.id == monitor.id))
    session.expunge(monitor)


def hold(session: Session, monitor: Monitor) -> None:
    """Nobody else changes the monitor until the end of the transaction."""
    session.refresh(monitor, with_for_update={"key_share": True})


def due(session: Session) -> bool:
    """Whether a monitor waits to be looked at now."""
    return (
        session.scalars(select(Monitor.id).where(Monitor.next_at <= clock(session)).limit(1)).one_or_none() is not None
    )


def take(session: Session) -> Monitor | None:
    """A monitor that waits to be looked at, held; its dataset is held before it, as those do who wake it."""
    at = now(session)
    waiting = select(Monitor).where(Monitor.next_at <= at).order_by(Monitor.next_at)
    found = session.scalars(waiting.limit(1)).one_or_none()
    if found is None:
        return None
    session.scalars(select(Dataset.id).where(Dataset.id == found.dataset_id).with_for_update(read=True)).one_or_none()
    query = select(Monitor).where(Monitor.id == found.id, Monitor.next_at <= at)
    query = query.with_for_update(skip_locked=True, key_share=True).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def cause_of(monitor: Monitor, latest: int | None, at: datetime) -> tuple[Cause, datetime] | None:
    """What a re-evaluation is due for, and since when; None where none is.

    Args:
        latest: number of the newest ready version.
    """
    if latest is None:
        return None
    if monitor.due_at is not None and monitor.due_at <= at:
        return Cause.SCHEDULE, monitor.due_at
    if monitor.on_new_version and latest > (monitor.seen or 0):
        return Cause.VERSION, at
    return None


def begun(
    session: Session, monitor: Monitor, cause: Cause, due_at: datetime, latest: int, made: Job | Json
) -> Reevaluation:
    """The place of a re-evaluation whose job was just made, or could not be: then ``made`` is the error.

    The monitor, which the caller holds, is due no more: times that were missed do not come back.
    """
    at = now(session)
    monitor.reevaluations += 1
    row = Reevaluation(
        id=new_id(ROW_PREFIX),
        monitor_id=monitor.id,
        number=monitor.reevaluations,
        dataset_version=latest,
        cause=cause,
        due_at=due_at,
        status=Outcome.PENDING,
        created_at=at,
    )
    if isinstance(made, Job):
        row.job_id = made.id
    else:
        row.status, row.error, row.ended_at = Outcome.FAILED, made, at
    monitor.seen, monitor.waits_for = max(latest, monitor.seen or 0), None
    if monitor.due_at is not None and monitor.due_at <= at:
        monitor.due_at = _later(monitor, monitor.due_at, at)
    session.add(row)
    session.flush()
    return row


def rest(session: Session, monitor: Monitor) -> None:
    """Nobody has to look at the monitor before its next time, or before something wakes it."""
    waits = open_one(session, monitor.id) is not None or monitor.status != MonitorState.ACTIVE
    monitor.next_at = None if waits else monitor.due_at


def wait(session: Session, monitor: Monitor, what: str, seconds: float) -> None:
    """There is no room for the job now: somebody looks again in a while."""
    monitor.waits_for, monitor.next_at = what[:400], now(session) + timedelta(seconds=seconds)


def open_one(session: Session, monitor_id: str) -> Reevaluation | None:
    """The re-evaluation that has not ended; there is one at most."""
    query = select(Reevaluation).where(Reevaluation.monitor_id == monitor_id, Reevaluation.ended_at.is_(None))
    return session.scalars(query.limit(1)).one_or_none()


def last_ones(session: Session, monitor_ids: list[str]) -> dict[str, Reevaluation]:
    """The newest re-evaluation of each monitor that has one; their documents stay where they are."""
    newest = select(Reevaluation.monitor_id, func.max(Reevaluation.number).label("number"))
    newest_ = newest.where(Reevaluation.monitor_id.in_(monitor_ids)).group_by(Reevaluation.monitor_id).subquery()
    same = (Reevaluation.monitor_id == newest_.c.monitor_id) & (Reevaluation.number == newest_.c.number)
    return {row.monitor_id: row for row in session.scalars(select(Reevaluation).join(newest_, same))}


def list_reevaluations(
    session: Session, monitor: Monitor, *, limit: int = 20, after: str | None = None
) -> cursors.Page[Reevaluation]:
    """A monitor's re-evaluations, the newest first.

    Raises:
        Invalid: a cursor or limit that cannot be used.
    """
    query = select(Reevaluation).where(Reevaluation.monitor_id == monitor.id)
    created, id_ = Reevaluation.created_at, Reevaluation.id
    return cursors.walk(session, query, created, id_, prefix=ROW_PREFIX, limit=limit, after=after)


def get_reevaluation(session: Session, monitor: Monitor, number: int) -> Reevaluation:
    """One re-evaluation.

    Raises:
        NotFound: the monitor has none of that number.
    """
    mine = Reevaluation.monitor_id == monitor.id, Reevaluation.number == number
    found = session.scalars(select(Reevaluation).where(*mine)).one_or_none()
    if found is None:
        raise NotFound("reevaluation", f"{number} of {monitor.id}")
    return found


def _later(monitor: Monitor, since: datetime, at: datetime) -> datetime | None:
    """The first time of the schedule after ``at`` that is a whole number of steps from ``since``."""
    if monitor.every_hours is None:
        return None
    step = timedelta(hours=monitor.every_hours)
    return since + step * (math.floor((at - since) / step) + 1)
