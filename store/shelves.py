"""How a version of what was brought follows its inspection: settled in the transaction in which the job ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from store import garbage, monitoring
from store.database import now
from store.errors import Conflict
from store.models import (
    Artifact,
    Dataset,
    DatasetFile,
    DatasetVersion,
    FileRole,
    Job,
    JobInput,
    JobKind,
    JobSpecRow,
    JobState,
    Model,
    ModelFile,
    ModelVersion,
    Thing,
    ThingFile,
    ThingVersion,
    VersionStatus,
)

CANCELLED = {"code": "cancelled", "message": "The inspection was cancelled; retry it, or bring a new version."}

Subject = Literal["dataset", "model"]
T = TypeVar("T", bound=Thing)
V = TypeVar("V", bound=ThingVersion)
F = TypeVar("F", bound=ThingFile)


@dataclass(frozen=True)
class Shelf(Generic[T, V, F]):
    """One kind of things that are brought: the tables of the things, of their versions and of the versions' files.

    Attributes:
        subject: as an inspection's plan calls it.
        prefix: of the things' ids.
    """

    subject: Subject
    prefix: str
    thing: type[T]
    version: type[V]
    file: type[F]

    def version_of(self, session: Session, job_id: str) -> V | None:
        """The version that this job inspects, and its thing, locked."""
        found = session.scalars(select(self.version).where(self.version.job_id == job_id)).one_or_none()
        if found is not None:
            self.lock(session, found.thing_id)
        return found

    def lock(self, session: Session, thing_id: str) -> T | None:
        """The thing, held until the end of the transaction and read again; None when it is gone."""
        query = select(self.thing).where(self.thing.id == thing_id).with_for_update(key_share=True)
        return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


DATASETS = Shelf("dataset", "ds", Dataset, DatasetVersion, DatasetFile)
MODELS = Shelf("model", "mdl", Model, ModelVersion, ModelFile)
SHELVES: tuple[Shelf[Any, Any, Any], ...] = (DATASETS, MODELS)


def shelf_of(thing_id: str) -> Shelf[Any, Any, Any]:
    """The shelf on which a thing of such an id is."""
    return next(shelf for shelf in SHELVES if thing_id.startswith(f"{shelf.prefix}_"))


def rows_of(
    table: type[ThingVersion] | type[ThingFile], thing_id: str, number: int | None = None
) -> list[ColumnElement[bool]]:
    """Conditions for the rows of a thing, or of one of its versions."""
    mine = [table.thing_id == thing_id]
    return mine if number is None else [*mine, table.number == number]


def ended(session: Session, job: Job, to: JobState) -> None:
    """Makes the version ready or failed, as its inspection ended; nothing for any other job."""
    if job.kind != JobKind.INSPECTION:
        return
    for shelf in SHELVES:
        version = shelf.version_of(session, job.id)
        if version is not None:
            _settle(session, shelf, version, job, to)
    if to is JobState.SUCCEEDED:  # nobody will retry it: what was sent may go
        _release(session, job.id)


def again(session: Session, job: Job, new: Job) -> None:
    """Lets the version of a failed inspection follow the job that repeats it.

    Raises:
        Conflict: the version was deleted, or follows another job already.
    """
    if job.kind != JobKind.INSPECTION:
        return
    for shelf in SHELVES:
        version = shelf.version_of(session, job.id)
        if version is not None:
            version.job_id, version.status = new.id, VersionStatus.VALIDATING
            version.error = version.ended_at = None
            restate(session, shelf, version.thing_id)
            return
    raise Conflict("input_gone", f"What job {job.id} looked at was deleted, or is looked at by a later job.")


def restate(session: Session, shelf: Shelf[T, V, F], thing_id: str) -> None:
    """Tells the thing's own row what its versions are now."""
    session.flush()
    thing = shelf.lock(session, thing_id)
    query = select(shelf.version).where(*rows_of(shelf.version, thing_id)).order_by(shelf.version.number.desc())
    versions = session.scalars(query).all()
    if thing is None or not versions:
        return
    ready = next((version for version in versions if version.status == VersionStatus.READY), None)
    thing.status, thing.latest = versions[0].status, ready.number if ready else None
    thing.task = ready.card["task"] if ready and ready.card else None
    thing.version += 1
    session.flush()


def forget(session: Session, shelf: Shelf[T, V, F], thing_id: str, number: int | None = None) -> None:
    """Removes a thing, or one of its versions, with its files; these go when nothing else refers to them."""
    versions, files = rows_of(shelf.version, thing_id, number), rows_of(shelf.file, thing_id, number)
    inspections = select(Job.id).where(Job.kind == JobKind.INSPECTION)  # what a distillation left stays its own
    jobs = select(shelf.version.job_id).where(*versions, shelf.version.job_id.in_(inspections))
    kept = select(shelf.file.key).where(*files)
    offered = select(Artifact.key).where(Artifact.job_id.in_(jobs))
    garbage.bury(session, [*session.scalars(kept), *session.scalars(offered)])
    session.execute(delete(Artifact).where(Artifact.job_id.in_(jobs)))
    session.execute(delete(shelf.file).where(*files))
    session.execute(delete(shelf.version).where(*versions))
    if number is None:
        monitoring.wake(session, dataset_id=thing_id)
        session.execute(delete(shelf.thing).where(shelf.thing.id == thing_id))


def stored(shelf: Shelf[T, V, F], version: V, path: str, role: str, artifact: Artifact) -> F:
    """What a job left as a file of a version."""
    facts = {name: getattr(artifact, name) for name in ("media_type", "sha256", "bytes", "key")}
    return shelf.file(thing_id=version.thing_id, number=version.number, path=path, role=role, **facts)


def _settle(session: Session, shelf: Shelf[T, V, F], version: V, job: Job, to: JobState) -> None:
    result: dict[str, Any] = session.get_one(JobSpecRow, job.id).result or {}
    offered = session.scalars(select(Artifact).where(Artifact.job_id == job.id)).all()
    session.execute(delete(shelf.file).where(*rows_of(shelf.file, version.thing_id, version.number)))
    session.add_all(stored(shelf, version, artifact.name, artifact.kind, artifact) for artifact in offered)
    version.report, version.ended_at = result.get("report"), now(session)
    if to is JobState.SUCCEEDED:
        card = result["card"]
        version.status, version.card, version.sha256 = VersionStatus.READY, card, card["sha256"]
        version.bytes = sum(artifact.bytes for artifact in offered if artifact.kind == FileRole.PACK)
    else:
        version.status = VersionStatus.FAILED
        version.error = CANCELLED if to is JobState.CANCELLED else _plain(job.error)
    restate(session, shelf, version.thing_id)
    if to is JobState.SUCCEEDED:
        monitoring.wake(session, dataset_id=version.thing_id)


def _plain(error: dict[str, Any] | None) -> dict[str, Any]:
    return {name: (error or {}).get(name) for name in ("code", "message", "param")}


def _release(session: Session, job_id: str) -> None:
    mine = JobInput.job_id == job_id
    garbage.bury(session, [key for key in session.scalars(select(JobInput.key).where(mine)) if key])
    session.execute(delete(JobInput).where(mine))
