"""The state machine of a job: one table, and the one function that moves a job along it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from store import events, monitoring, shelves, studyruns, webhooks
from store.database import is_postgres, now
from store.errors import Conflict
from store.models import Job, JobKind, JobState, Project, StateCount, table_of

__all__ = ["ACTIVE", "FINAL", "TRANSITIONS", "JobState", "counts", "ended_lately", "transition"]

S = JobState

TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    S.QUEUED: frozenset({S.STARTING, S.PAUSED, S.CANCELLED}),
    S.STARTING: frozenset({S.RUNNING, S.PAUSING, S.CANCELLING, S.QUEUED, S.FAILED}),
    S.RUNNING: frozenset({S.PAUSING, S.CANCELLING, S.QUEUED, S.SUCCEEDED, S.FAILED}),
    S.PAUSING: frozenset({S.PAUSED, S.CANCELLING, S.SUCCEEDED, S.FAILED}),
    S.PAUSED: frozenset({S.QUEUED, S.CANCELLED}),
    S.CANCELLING: frozenset({S.CANCELLED}),
    S.SUCCEEDED: frozenset(),
    S.FAILED: frozenset(),
    S.CANCELLED: frozenset(),
}
ACTIVE = frozenset({S.STARTING, S.RUNNING, S.PAUSING, S.CANCELLING})  # a worker holds the lease
FINAL = frozenset(state for state, onward in TRANSITIONS.items() if not onward)

_SHARDS = 8


def transition(
    session: Session,
    job: Job,
    to: JobState,
    *,
    reason: str | None = None,
    data: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Moves ``job`` to another state, with its event, its counters, its webhooks, what it inspected, its study and
    its monitor, in the caller's transaction.

    Args:
        reason: why, for the event; also the job's ``termination_reason`` when ``to`` is final.
        data: more facts for the event.
        changes: other columns to write in the same UPDATE.

    Raises:
        Conflict: the table has no such way, or the row is not as ``job`` says.
    """
    came = job.status
    if to not in TRANSITIONS[came]:
        raise Conflict("wrong_state", f"Job {job.id} is {came} and cannot become {to}.")
    values = {**_columns(job, to, reason, now(session)), **(changes or {})}
    attempt = values.get("attempt", job.attempt)
    story = _story(came, to, reason, attempt, data)
    _guarded_update(session, job, values, len(story))
    events.write(session, job, job.event_seq, story)
    webhooks.announce(session, job, to)
    if to in FINAL:
        shelves.ended(session, job, to)
        studyruns.ended(session, job, to)
        monitoring.ended(session, job, to)
    _count(session, job, came, to)


def created(session: Session, job: Job) -> None:
    """The first event, whose number the row has already, and the first count of a job that was just inserted."""
    story: list[events.Entry] = [("status", {"status": job.status, "previous": None, "reason": None, "attempt": 0})]
    events.write(session, job, job.event_seq, story)
    _add_counts(session, job, {job.status: 1})


def removed(session: Session, job: Job) -> None:
    """The last count of a job whose row is about to go."""
    _add_counts(session, job, {job.status: -1})


def counts(session: Session, project_id: str | None = None, kind: JobKind | None = None) -> dict[JobState, int]:
    """Jobs by state, from the counter table: of one project or of all, of one kind or of all."""
    query = select(StateCount.status, func.sum(StateCount.count)).group_by(StateCount.status)
    if project_id is not None:
        query = query.where(StateCount.project_id == project_id)
    if kind is not None:
        query = query.where(StateCount.kind == kind)
    found = {status: int(total) for status, total in session.execute(query)}
    return {state: found.get(state, 0) for state in JobState}


def ended_lately(session: Session, project_id: str, kind: JobKind, hours: float) -> dict[JobState, int]:
    """How many jobs of a project have ended in each final state in the last hours."""
    since = now(session) - timedelta(hours=hours)
    mine = (Job.project_id == project_id, Job.kind == kind, Job.status.in_(sorted(FINAL)), Job.finished_at >= since)
    query = select(Job.status, func.count()).where(*mine).group_by(Job.status)
    found = {status: int(total) for status, total in session.execute(query)}
    return {state: found.get(state, 0) for state in sorted(FINAL)}


def _story(
    came: JobState, to: JobState, reason: str | None, attempt: int, data: Mapping[str, Any] | None
) -> list[events.Entry]:
    facts = {"status": to, "previous": came, "reason": reason, "attempt": attempt, **(data or {})}
    story: list[events.Entry] = [("status", facts)]
    if to in FINAL:
        story.append(("end", {"status": to, "reason": reason}))
    return story


def _columns(job: Job, to: JobState, reason: str | None, at: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {"status": to, "version": job.version + 1}
    if to is S.RUNNING and job.started_at is None:
        values["started_at"] = at
    if to not in ACTIVE:
        values |= {"lease_owner": None, "lease_expires_at": None, "phase_at": None, "durations": durations(job, at)}
    if to in FINAL:
        values |= {"finished_at": at, "termination_reason": reason, "not_before": None}
    return values


def durations(job: Job, at: datetime) -> dict[str, float]:
    """Seconds spent in each phase, the current one up to ``at``."""
    spent = dict(job.durations)
    if job.phase and job.phase_at:
        elapsed = max(0.0, (at - job.phase_at).total_seconds())
        spent[job.phase] = round(spent.get(job.phase, 0.0) + elapsed, 3)
    return spent


def _guarded_update(session: Session, job: Job, values: dict[str, Any], numbers: int) -> None:
    session.flush()
    move = (
        update(Job)
        .where(Job.id == job.id, Job.status == job.status, Job.fence == job.fence)
        .values(**values, event_seq=Job.event_seq + numbers)
        .returning(Job.event_seq)
        .execution_options(synchronize_session=False)
    )
    last = session.scalars(move).one_or_none()
    if last is None:
        raise Conflict("job_changed", f"Job {job.id} changed in the meantime; read it again.")
    for name, value in {**values, "event_seq": last}.items():
        set_committed_value(job, name, value)


def _count(session: Session, job: Job, came: JobState, to: JobState) -> None:
    step = (to in ACTIVE) - (came in ACTIVE)
    if step:
        session.execute(_ACTIVE_STEP, {"project": job.project_id, "step": step})
    _add_counts(session, job, {came: -1, to: 1})


def _add_counts(session: Session, job: Job, steps: dict[JobState, int]) -> None:
    # Rows are always locked in the same order, so that two transitions never wait for each other.
    shard = random.randrange(_SHARDS) if is_postgres(session) else 0  # noqa: S311
    place = {"project_id": job.project_id, "kind": job.kind, "shard": shard}
    rows = [{**place, "status": status, "count": step} for status, step in sorted(steps.items())]
    session.execute(_count_step(is_postgres(session)), rows)


_PROJECTS, _COUNTS = table_of(Project), table_of(StateCount)
_ACTIVE_STEP = (
    update(_PROJECTS)
    .where(_PROJECTS.c.id == bindparam("project"))
    .values(active=_PROJECTS.c.active + bindparam("step"))
)


@cache
def _count_step(postgres: bool) -> Any:
    insert = postgresql_insert(_COUNTS) if postgres else sqlite_insert(_COUNTS)
    total = _COUNTS.c.count + insert.excluded["count"]
    return insert.on_conflict_do_update(index_elements=["project_id", "kind", "status", "shard"], set_={"count": total})
