"""What an attempt writes: the engine's records, its checkpoints and its result, each only while the lease holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from store import checkpoints, events
from store.artifacts import Left, StoredArtifact, offer
from store.checkpoints import StoredFile
from store.database import now
from store.endings import fail, stopped, worth_retrying
from store.leases import Lease, close_attempt, held
from store.models import Attempt, Checkpoint, Job, JobSpecRow, JobState, MetricPoint
from store.states import durations, transition

__all__ = [
    "Left",
    "StoredArtifact",
    "StoredFile",
    "add_checkpoint",
    "attach_log",
    "fail",
    "publish",
    "relay",
    "stopped",
    "worth_retrying",
]

Record = dict[str, Any]
LINES, LINE_CHARACTERS = 200, 2000
_FIGURES = ("score", "parameters", "bytes")


def relay(session: Session, lease: Lease, records: Sequence[Record]) -> Job:
    """Writes a batch of phase, progress, metrics, log and resolved records; the first one makes the job running.

    A batch makes one progress, one metric and one log event at most, so that watchers get a few events a second.

    Raises:
        LeaseLost: nothing was written.
    """
    job = held(session, lease)
    _running(session, job)
    story: list[events.Entry] = [_phase(session, job, record) for record in records if record["type"] == "phase"]
    story += _progress(job, [record for record in records if record["type"] == "progress"])
    story += _metrics(session, job, [record for record in records if record["type"] == "metrics"])
    story += _log([record for record in records if record["type"] == "log"])
    for record in records:
        if record["type"] == "resolved":
            session.get_one(JobSpecRow, job.id).resolved = record["resolved"]
    session.flush()
    events.append_all(session, job, story)
    return job


def add_checkpoint(session: Session, lease: Lease, record: Record, files: Iterable[StoredFile]) -> Checkpoint:
    """Makes a checkpoint count; call it when all its files are in the store of files.

    Raises:
        LeaseLost: the checkpoint does not count.
    """
    job = held(session, lease)
    _running(session, job)
    checkpoint = checkpoints.add(session, job, record, files)
    facts = ("id", "run", "step", "epoch", "bytes")
    events.append(session, job, "checkpoint", {name: getattr(checkpoint, name) for name in facts})
    return checkpoint


def publish(session: Session, lease: Lease, result: dict[str, Any], artifacts: Iterable[StoredArtifact]) -> JobState:
    """Offers the artifacts and ends the job as succeeded, both or neither.

    A job that was asked to cancel becomes cancelled instead and offers nothing.

    Raises:
        LeaseLost: nothing was published.
    """
    job = held(session, lease)
    if job.status is JobState.CANCELLING:
        return stopped(session, lease, "cancel")
    _running(session, job)
    offer(session, job, Left(result, tuple(artifacts)))
    close_attempt(session, job, "succeeded")
    changes = {"verdict": result.get("verdict"), "headline": _headline(result), "error": None}
    transition(session, job, JobState.SUCCEEDED, reason="completed", changes=changes)
    return job.status


def _headline(result: dict[str, Any]) -> dict[str, Any] | None:
    """What a list shows of a result: the figure that decides and the size, of each network."""
    models = result.get("models")
    if not models:
        return None
    return {
        **{name: result.get(name) for name in ("metric", "score_kept", "gap_closed")},
        "models": {role: {name: model.get(name) for name in _FIGURES} for role, model in models.items() if model},
    }


def attach_log(session: Session, lease: Lease, key: str, bytes_: int) -> None:
    """Notes where the log of this attempt is kept; an attempt may do so for itself even after it lost the lease."""
    mine = (Attempt.job_id == lease.job_id, Attempt.number == lease.attempt, Attempt.fence == lease.fence)
    session.execute(update(Attempt).where(*mine).values(log_key=key, log_bytes=bytes_))


def _running(session: Session, job: Job) -> None:
    if job.status is JobState.STARTING:
        transition(session, job, JobState.RUNNING, reason="started")


def _phase(session: Session, job: Job, record: Record) -> events.Entry:
    at = now(session)
    job.durations = durations(job, at)
    job.phase, job.phase_at = record["phase"], at
    return "phase", {"phase": record["phase"], "run": record.get("run")}


def _progress(job: Job, records: Sequence[Record]) -> list[events.Entry]:
    if not records:
        return []
    newest = {key: value for key, value in records[-1].items() if key != "type"}
    job.progress = newest
    return [("progress", newest)]


def _metrics(session: Session, job: Job, records: Sequence[Record]) -> list[events.Entry]:
    if not records:
        return []
    at = now(session)
    points = [_point(record) for record in records]
    facts = {"job_id": job.id, "attempt": job.attempt, "superseded": False, "created_at": at}
    session.execute(insert(MetricPoint), [{**facts, **point, "run": point["run"] or ""} for point in points])
    newest = {f"{p['run']}.{p['split']}": {key: p[key] for key in ("step", "epoch", "values")} for p in points}
    job.metrics = {**job.metrics, **newest}
    return [("metric", {"points": points})]


def _point(record: Record) -> Record:
    return {key: record.get(key) for key in ("run", "stage", "split", "step", "epoch", "values")}


def _log(records: Sequence[Record]) -> list[events.Entry]:
    # The whole log is a file; the event is for those who watch.
    shown = [
        {"level": r.get("level", "info"), "message": str(r["message"])[:LINE_CHARACTERS]} for r in records[-LINES:]
    ]
    return [("log", {"lines": shown, "left_out": len(records) - len(shown)})] if shown else []
