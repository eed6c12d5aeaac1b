"""How an attempt ends, other than well: what is tried again, when, and what the user asked for meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store import checkpoints
from store.artifacts import Left, offer
from store.database import now
from store.leases import Lease, close_attempt, held
from store.models import Attempt, Job, JobState
from store.settings import Backoff
from store.states import transition

# Trying the same plan on the same data again would fail again.
NEVER_RETRIED = frozenset(
    {
        "out_of_memory",
        "invalid_data",
        "input_lost",
        "layer_not_found",
        "non_finite_loss",
        "checkpoint_mismatch",
        "export_failed",
        "teacher_refused",
        "time_limit",
    }
)
# The attempt starts from an older checkpoint, or the machine recovers, or one of several processes died: worth another
# try whatever the worker thinks.
ALWAYS_RETRIED = frozenset({"checkpoint_damaged", "disk_full", "process_lost"})
_FAILURES = ("failed", "lost", "crashed")


def worth_retrying(code: str, *, crashed: bool) -> bool:
    """Whether an error deserves another attempt; ``crashed`` when the engine died without an error record."""
    return code in ALWAYS_RETRIED or (crashed and code not in NEVER_RETRIED)


def fail(
    session: Session,
    lease: Lease,
    error: dict[str, Any],
    *,
    retry: bool,
    backoff: Backoff | None = None,
    left: Left | None = None,
) -> JobState:
    """Ends the attempt with an error and returns what became of the job.

    Args:
        error: ``code``, ``message``, and what is known of ``param``, ``log_tail`` and ``signal``.
        retry: the engine crashed or was lost. The table above has the last word on codes that it knows.
        left: what the attempt found out though it failed; offered when the job ends by this.
    """
    job = held(session, lease)
    code = str(error.get("code", "internal"))
    if code == "checkpoint_damaged":
        _distrust(session, job)
    outcome, again = "crashed" if retry else "failed", worth_retrying(code, crashed=retry)
    close_attempt(session, job, outcome, error)
    if left is not None and not again and job.status is not JobState.CANCELLING:
        offer(session, job, left)
    return settle(session, job, error, retry=again, backoff=backoff or Backoff())


def stopped(session: Session, lease: Lease, reason: str) -> JobState:
    """Ends an attempt that stopped on request ("cancel", "pause" or "drain") and returns what became of the job.

    It stopped as told, so it does not count among the attempts that a job may lose.
    """
    job = held(session, lease)
    close_attempt(session, job, "stopped")
    job.attempts_max += 1
    if job.status is JobState.CANCELLING:
        transition(session, job, JobState.CANCELLED, reason="cancelled")
    elif job.status is JobState.PAUSING:
        transition(session, job, JobState.PAUSED, reason="paused")
    else:
        transition(session, job, JobState.QUEUED, reason=reason)
    return job.status


def lost(session: Session, job: Job, backoff: Backoff) -> JobState:
    """Ends the attempt of a worker that fell silent; the caller holds the row's lock."""
    error = {
        "code": "worker_lost",
        "message": f"Worker {job.lease_owner} stopped renewing its lease in attempt {job.attempt}.",
    }
    close_attempt(session, job, "lost", error)
    return settle(session, job, error, retry=True, backoff=backoff)


def settle(session: Session, job: Job, error: dict[str, Any], *, retry: bool, backoff: Backoff) -> JobState:
    """Moves a job whose attempt is closed: to what the user asked for, to another attempt, or to failed."""
    if job.status is JobState.CANCELLING:
        transition(session, job, JobState.CANCELLED, reason="cancelled")
    elif retry and job.attempt >= job.attempts_max:
        transition(session, job, JobState.FAILED, reason="attempts_exhausted", changes={"error": error})
    elif retry and job.status is JobState.PAUSING:
        transition(session, job, JobState.PAUSED, reason="paused")
    elif retry:
        _try_again(session, job, error, backoff)
    else:
        transition(session, job, JobState.FAILED, reason=str(error.get("code", "internal")), changes={"error": error})
    return job.status


def _try_again(session: Session, job: Job, error: dict[str, Any], backoff: Backoff) -> None:
    wait = backoff.seconds(_failures(session, job))
    changes = {"not_before": now(session) + timedelta(seconds=wait)}
    data = {"error": {key: error.get(key) for key in ("code", "message", "signal")}, "wait_seconds": wait}
    transition(session, job, JobState.QUEUED, reason=str(error.get("code", "internal")), data=data, changes=changes)


def _failures(session: Session, job: Job) -> int:
    failed = select(func.count()).where(Attempt.job_id == job.id, Attempt.outcome.in_(_FAILURES))
    return session.scalars(failed).one()


def _distrust(session: Session, job: Job) -> None:
    used = select(Attempt.checkpoint_id).where(Attempt.job_id == job.id, Attempt.number == job.attempt)
    checkpoint_id = session.scalars(used).one()
    if checkpoint_id is not None:
        checkpoints.mark_damaged(session, checkpoint_id)
