"""How monitors follow what they look after: jobs that end or go, versions that become ready, datasets that go.

Each hook runs in the transaction of what happened, so that none is lost; whoever looks after monitors does the rest.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from store import garbage, webhooks
from store.database import now
from store.models import Job, JobInput, JobKind, JobSpecRow, JobState, Monitor, MonitorState, Outcome, Reevaluation

DRIFTED, STOPPED = "monitor.drifted", "monitor.stopped"
"""What the messages to webhooks are called."""
CANCELLED = {
    "code": "cancelled",
    "message": "The re-evaluation was cancelled; retry its job, or wait for the next one.",
}

Json = dict[str, Any]


def wake(session: Session, *, job_id: str | None = None, dataset_id: str | None = None) -> None:
    """Have somebody look soon at the active monitors of a job or of a dataset."""
    asked = {Monitor.job_id: job_id, Monitor.dataset_id: dataset_id}
    mine = [column == value for column, value in asked.items() if value is not None]
    _look(session, *mine)


def ended(session: Session, job: Job, to: JobState) -> None:
    """Notes what a re-evaluation came to, tells of a drift, and has its monitor looked at; nothing for other jobs."""
    row = _of_job(session, job)
    if row is None:
        return
    result = session.get_one(JobSpecRow, job.id).result
    row.ended_at = now(session)
    if to is JobState.SUCCEEDED and result is not None:
        row.status, row.document, row.figures = Outcome(result["drift"]["outcome"]), result, _figures(result)
        _release(session, job.id)
    else:
        row.status = Outcome.CANCELLED if to is JobState.CANCELLED else Outcome.FAILED
        error = CANCELLED if to is JobState.CANCELLED else job.error or {}
        row.error = {name: error.get(name) for name in ("code", "message", "param")}
    session.flush()
    if row.status == Outcome.DRIFTED:
        _tell(session, session.get_one(Monitor, row.monitor_id), row)
    _look(session, Monitor.id == row.monitor_id)


def again(session: Session, job: Job, new: Job) -> None:
    """Lets a re-evaluation follow the job that repeats its own."""
    row = _of_job(session, job)
    if row is not None:
        row.job_id, row.status, row.error, row.ended_at = new.id, Outcome.PENDING, None, None
        session.flush()


def stop(session: Session, monitor: Monitor, reason: str) -> None:
    """Ends a monitor for a reason that is not its user's, and tells of it; the caller holds it."""
    monitor.status, monitor.reason, monitor.waits_for = MonitorState.STOPPED, reason[:400], None
    monitor.next_at, monitor.version = None, monitor.version + 1
    facts = {"monitor_id": monitor.id, "job_id": monitor.job_id, "reason": monitor.reason}
    webhooks.tell(session, monitor.project_id, STOPPED, facts)


def _of_job(session: Session, job: Job) -> Reevaluation | None:
    if job.kind != JobKind.REEVALUATION:
        return None
    return session.scalars(select(Reevaluation).where(Reevaluation.job_id == job.id)).one_or_none()


def _look(session: Session, *which: Any) -> None:
    query = update(Monitor).where(*which, Monitor.status == MonitorState.ACTIVE).values(next_at=now(session))
    session.execute(query.execution_options(synchronize_session=False))


def _figures(result: Json) -> Json:
    """What a list shows: ratios of the given data and of the job's own test split, scores, and what became worse."""
    drift, new, change = result["drift"], result["now"] or {}, result["change"] or {}
    return {
        "distance": drift["distance"],
        "threshold": drift["threshold"],
        "limit": drift["limit"],
        "reason": drift["reason"],
        "ratio": (drift["given"] or {}).get("ratio"),
        "own": (drift["own"] or {}).get("ratio"),
        "p_value": (drift["given"] or {}).get("p_value"),
        "metric": result["metric"],
        "before": {name: result["before"].get(name) for name in ("score", "interval", "calibration_error")},
        "now": {name: new.get(name) for name in ("score", "interval", "calibration_error")},
        "change": {name: change.get(name) for name in ("score", "interval", "calibration_error", "worst")},
        "examples": result["dataset"]["examples"],
        "known": result["dataset"]["known"],
    }


def _tell(session: Session, monitor: Monitor, row: Reevaluation) -> None:
    figures = row.figures or {}
    facts = {
        "monitor_id": monitor.id,
        "reevaluation": row.number,
        "job_id": monitor.job_id,
        "dataset_id": monitor.dataset_id,
        "dataset_version": row.dataset_version,
        "distance": figures.get("distance"),
        "ratio": (figures.get("ratio") or {}).get(monitor.distance),
        "limit": figures.get("limit"),
    }
    webhooks.tell(session, monitor.project_id, DRIFTED, facts)


def _release(session: Session, job_id: str) -> None:
    """Nobody repeats what succeeded: its files may go when nothing else refers to them."""
    mine = JobInput.job_id == job_id
    garbage.bury(session, [key for key in session.scalars(select(JobInput.key).where(mine)) if key])
    session.execute(delete(JobInput).where(mine))
