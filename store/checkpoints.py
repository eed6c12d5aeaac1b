"""Where an attempt can go on: a job's checkpoints, the last two of which are kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, false, select, update
from sqlalchemy.orm import Session, selectinload

from store import garbage
from store.database import now
from store.errors import Conflict, NotFound
from store.ids import is_id, new_id
from store.models import Checkpoint, CheckpointFile, Job, MetricPoint

KEPT = 2


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a checkpoint: its path in the working folder and its key in the store of files."""

    path: str
    sha256: str
    bytes: int
    key: str


@dataclass(frozen=True, slots=True)
class Resume:
    """A checkpoint to start from."""

    id: str
    step: int
    run: str | None
    epoch: float | None
    files: tuple[StoredFile, ...]


def latest(session: Session, job_id: str) -> Resume | None:
    """The newest checkpoint of the job that is not known to be damaged."""
    found = _sound(session, job_id)
    return _resume(found[0]) if found else None


def of_job(session: Session, job_id: str, checkpoint_id: str) -> Checkpoint:
    """The checkpoint of a job, with its files.

    Raises:
        NotFound: the job has none of that id.
    """
    found = session.get(Checkpoint, checkpoint_id) if is_id("ckpt", checkpoint_id) else None
    if found is None or found.job_id != job_id:
        raise NotFound("checkpoint", checkpoint_id)
    return found


def all_of(session: Session, job_id: str) -> list[Checkpoint]:
    """The job's checkpoints with their files, newest first."""
    query = (
        select(Checkpoint)
        .where(Checkpoint.job_id == job_id)
        .order_by(Checkpoint.attempt.desc(), Checkpoint.id.desc())  # ids alone would trust the workers' clocks
        .options(selectinload(Checkpoint.files))
    )
    return list(session.scalars(query))


def add(session: Session, job: Job, record: dict[str, Any], files: Iterable[StoredFile]) -> Checkpoint:
    """Adds a checkpoint whose files are all stored, and lets go of damaged ones and of those before the last two."""
    checkpoint = _row(session, job.id, job.attempt, record, files)
    session.flush()
    found = all_of(session, job.id)
    kept = [old for old in found if not old.damaged][:KEPT]
    for old in found:
        if old not in kept:
            drop(session, old)
    return checkpoint


def drop(session: Session, checkpoint: Checkpoint) -> None:
    """Forgets a checkpoint; its files go when nothing else refers to them."""
    garbage.bury(session, [file.key for file in checkpoint.files])
    session.delete(checkpoint)


def forget(session: Session, job_id: str) -> None:
    """Removes all checkpoints of a job; files go when nothing else refers to them."""
    keys = select(CheckpointFile.key).join(Checkpoint).where(Checkpoint.job_id == job_id)
    garbage.bury(session, list(session.scalars(keys)))
    session.execute(delete(Checkpoint).where(Checkpoint.job_id == job_id))


def copy(session: Session, source: str, target: Job) -> None:
    """Gives ``target`` a checkpoint of another job, and the one before it in case this one is damaged."""
    origin = session.get_one(Checkpoint, source)
    sound = _sound(session, origin.job_id)
    if origin not in sound:
        raise Conflict("checkpoint_damaged", f"Checkpoint {source} is damaged; choose an earlier one or start afresh.")
    start = sound.index(origin)
    for old in reversed(sound[start : start + KEPT]):
        record = {"run": old.run, "step": old.step, "epoch": old.epoch}
        _row(session, target.id, 0, record, _resume(old).files)


def mark_damaged(session: Session, checkpoint_id: str) -> None:
    """Never start from this checkpoint again."""
    session.execute(update(Checkpoint).where(Checkpoint.id == checkpoint_id).values(damaged=True))


def supersede(session: Session, job: Job, resume: Resume | None) -> None:
    """Marks the metrics that the new attempt will write again, and takes them out of the latest values.

    Steps count over the whole job, so what lies beyond the checkpoint's step comes again, whatever its run.
    """
    step = resume.step if resume else -1
    session.execute(
        update(MetricPoint)
        .where(MetricPoint.job_id == job.id, MetricPoint.superseded == false(), MetricPoint.step > step)
        .values(superseded=True)
        .execution_options(synchronize_session=False)
    )
    job.metrics = {name: value for name, value in job.metrics.items() if value["step"] <= step}


def _sound(session: Session, job_id: str) -> list[Checkpoint]:
    return [checkpoint for checkpoint in all_of(session, job_id) if not checkpoint.damaged]


def _row(
    session: Session, job_id: str, attempt: int, record: dict[str, Any], files: Iterable[StoredFile]
) -> Checkpoint:
    stored = [CheckpointFile(path=f.path, sha256=f.sha256, bytes=f.bytes, key=f.key) for f in files]
    checkpoint = Checkpoint(
        id=new_id("ckpt"),
        job_id=job_id,
        attempt=attempt,
        run=record.get("run"),
        step=record["step"],
        epoch=record.get("epoch"),
        damaged=False,
        bytes=sum(file.bytes for file in stored),
        created_at=now(session),
        files=stored,
    )
    session.add(checkpoint)
    return checkpoint


def _resume(checkpoint: Checkpoint) -> Resume:
    files = tuple(StoredFile(f.path, f.sha256, f.bytes, f.key) for f in checkpoint.files)
    return Resume(checkpoint.id, checkpoint.step, checkpoint.run, checkpoint.epoch, files)
