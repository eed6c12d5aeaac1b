"""Small steps on the store that many tests take: make a job, claim it, write a checkpoint, read its story."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from store import events, records
from store.checkpoints import StoredFile
from store.database import Database, now
from store.files import key_of
from store.jobs import create_job
from store.leases import Claim, Lease, claim
from store.models import Base, Event, Job, JobState
from store.projects import ensure_project
from store.records import StoredArtifact

PLAN: dict[str, Any] = {
    "schema_version": 1,
    "name": "Digits hints",
    "method": "fitnet",
    "dataset": {"name": "digits"},
    "networks": {"teacher": {"architecture": "resnet20"}, "student": {"architecture": "resnet8"}},
    "runs": [{"name": "teacher"}, {"name": "alone"}, {"name": "distil"}],
    "warnings": [],
    "estimate": {"train_seconds": 12.0},
    "resource_class": "cpu",
}
RESULT: dict[str, Any] = {"schema_version": 1, "verdict": {"outcome": "better", "difference": 0.02}}


def make_job(db: Database, project: str = "default", attempts_max: int = 5, **changes: Any) -> str:
    """A queued job in the project of that name; keywords change its plan and spec. Returns its id."""
    plan = PLAN | {key: value for key, value in changes.items() if key in PLAN}
    spec = {key: value for key, value in changes.items() if key not in PLAN}
    with db.write() as session:
        owner = ensure_project(session, project).id
        return create_job(session, project_id=owner, spec=spec, plan=plan, attempts_max=attempts_max).id


def take(
    db: Database, owner: str = "worker-1", classes: tuple[str, ...] = ("cpu",), seconds: float = 60
) -> Claim | None:
    """What a worker that looks for work gets."""
    with db.write() as session:
        return claim(session, owner=owner, resource_classes=classes, lease_seconds=seconds)


def must_take(db: Database, owner: str = "worker-1", seconds: float = 60) -> Claim:
    """The same, when there must be work."""
    got = take(db, owner, seconds=seconds)
    assert got is not None
    return got


def say(db: Database, lease: Lease, *lines: dict[str, Any]) -> None:
    """Relays records of the engine."""
    with db.write() as session:
        records.relay(session, lease, lines)


def metric(step: int, run: str = "teacher", split: str = "train", **values: float) -> dict[str, Any]:
    """A metrics record."""
    found = values or {"loss": 1.0 / (step + 1)}
    return {"type": "metrics", "run": run, "stage": "s", "split": split, "step": step, "epoch": 0.5, "values": found}


def stored(text: str, path: str = "checkpoint.json") -> StoredFile:
    """A file of a checkpoint, as if it were in the store of files."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return StoredFile(path, digest, len(text), key_of(digest))


def checkpoint(db: Database, lease: Lease, step: int, run: str = "teacher") -> str:
    """A checkpoint of the attempt at this step. Returns its id."""
    record = {"type": "checkpoint", "step": step, "run": run, "epoch": 1, "files": []}
    files = [stored(f"{lease.job_id} {step}"), stored("weights of the teacher", "runs/teacher/weights")]
    with db.write() as session:
        return records.add_checkpoint(session, lease, record, files).id


def artifact(name: str = "student.onnx") -> StoredArtifact:
    """A file of the result, as if it were in the store of files."""
    file = stored(name)
    return StoredArtifact(name, "onnx", "application/octet-stream", file.sha256, file.bytes, file.key)


def finish(db: Database, lease: Lease) -> JobState:
    """Publishes a result."""
    with db.write() as session:
        return records.publish(session, lease, RESULT, [artifact()])


def break_down(db: Database, lease: Lease, code: str = "engine_crashed", *, retry: bool = True) -> JobState:
    """Fails the attempt."""
    with db.write() as session:
        return records.fail(session, lease, {"code": code, "message": f"{code}!"}, retry=retry)


def job(db: Database, job_id: str) -> Job:
    """The job's row."""
    with db.read() as session:
        return session.get_one(Job, job_id)


def story(db: Database, job_id: str) -> list[Event]:
    """All events of the job."""
    with db.read() as session:
        return events.after(session, job_id, 0, 10_000)


def statuses(db: Database, job_id: str) -> list[str]:
    """The states that the job went through."""
    return [event.data["status"] for event in story(db, job_id) if event.type == "status"]


def expire(db: Database, job_id: str) -> None:
    """Lets the lease run out."""
    with db.write() as session:
        past = now(session) - timedelta(seconds=1)
        session.execute(update(Job).where(Job.id == job_id).values(lease_expires_at=past))


def wait_no_more(db: Database, job_id: str) -> None:
    """Ends the wait before the next attempt."""
    with db.write() as session:
        session.execute(update(Job).where(Job.id == job_id).values(not_before=None))


def everything(db: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, but for when a key was last used, which is noted whenever there is time."""
    with db.read() as session:
        return {
            table.name: [
                {name: value for name, value in row.items() if name != "last_used_at"}
                for row in session.execute(select(table).order_by(*table.primary_key)).mappings()
            ]
            for table in Base.metadata.sorted_tables
        }
