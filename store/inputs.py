"""Files that a job starts from: parts of uploads, files of datasets and models, fetched before its engine starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from store import garbage
from store.errors import Conflict
from store.models import Job, JobInput, UploadPart, table_of
from store.states import FINAL

FOLDER = "inputs"
"""Where in the job's folder all of them are."""
SOURCE = f"{FOLDER}/source"
"""Where an inspection finds what was brought."""


@dataclass(frozen=True, slots=True)
class Input:
    """One part of a file; parts of one path are joined in the order of their numbers.

    Attributes:
        path: in the job's folder, below ``inputs/``.
        key: in the store of files; None when that went away with what it came from.
        origin: what it came from, as ``up_...`` or ``ds_.../3``.
    """

    path: str
    number: int
    key: str | None
    sha256: str
    bytes: int
    origin: str | None = None


def add(session: Session, job_id: str, files: Iterable[Input]) -> None:
    """Gives a new job its files."""
    rows = [{"job_id": job_id, **{name: getattr(file, name) for name in Input.__slots__}} for file in files]
    if rows:
        session.execute(insert(table_of(JobInput)), rows)


def of_job(session: Session, job_id: str) -> tuple[Input, ...]:
    """The job's files, parts in their order."""
    rows = session.scalars(select(JobInput).where(JobInput.job_id == job_id).order_by(JobInput.path, JobInput.number))
    return tuple(Input(**{name: getattr(row, name) for name in Input.__slots__}) for row in rows)


def parts(path: str, stored: Sequence[UploadPart], origin: str) -> list[Input]:
    """The parts of an upload as one file at ``path``."""
    return [Input(path, part.number, part.key, part.sha256, part.bytes, origin) for part in stored]


def copied(session: Session, job: Job) -> tuple[Input, ...]:
    """The files of a job for another one with the same plan.

    Raises:
        Conflict: ``input_gone``: what it started from was deleted.
    """
    files = of_job(session, job.id)
    for file in files:
        if file.key is None:
            message = (
                f"Job {job.id} started from {file.origin}, which was deleted; bring it again and submit a new job."
            )
            raise Conflict("input_gone", message)
    return files


def users(session: Session, origin: str, limit: int) -> list[str]:
    """Jobs that have not ended and start from this, the oldest first."""
    unfinished = Job.status.not_in(sorted(FINAL))
    query = select(Job.id).join(JobInput, JobInput.job_id == Job.id).where(JobInput.origin == origin, unfinished)
    return list(session.scalars(query.distinct().order_by(Job.id).limit(limit)))


def release(session: Session, *, job_id: str | None = None, origin: str | None = None) -> None:
    """Lets go of the files of a job, or of all that came from somewhere; they go when nothing else refers to them."""
    asked = {JobInput.job_id: job_id, JobInput.origin: origin}
    mine = [column == value for column, value in asked.items() if value is not None]
    garbage.bury(session, [key for key in session.scalars(select(JobInput.key).where(*mine)) if key])
    session.execute(update(JobInput).where(*mine).values(key=None).execution_options(synchronize_session=False))
