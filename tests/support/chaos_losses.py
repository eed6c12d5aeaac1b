"""What a service owes its users after chaos: empty when it kept every promise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from chaos_service import Order, Service
from crew import fingerprint
from servers import wait_until
from sqlalchemy import select

from store import garbage
from store.files import digest_of
from store.localfiles import LocalFiles
from store.models import Artifact, Attempt, DatasetFile, DatasetVersion, Event, Job, JobKind, JobState, VersionStatus


def losses(service: Service, bits: str) -> list[str]:
    """What the service owes its users: empty when it kept every promise."""
    found: list[str] = []
    with service.crew.database.read() as session:
        jobs = {job.id: job for job in session.scalars(select(Job))}
        for order in service.orders:
            found += _of_job(service, session, jobs.get(order.id), order, bits)
        for dataset_id in service.brought:
            found += _of_dataset(service, session, dataset_id)
        inspections = {job.id for job in jobs.values() if job.kind == JobKind.INSPECTION}
        if len(inspections) != len(service.brought):
            found.append(f"{len(inspections)} inspections of {len(service.brought)} datasets")
        if extra := set(jobs) - {order.id for order in service.orders} - inspections:
            found.append(f"jobs that nobody ordered: {sorted(extra)}")
        if any(job.lease_owner for job in jobs.values()):
            found.append("a lease without work")
    return found + _engines(service) + _files(service)


def _of_job(service: Service, session: Any, job: Job | None, order: Order, bits: str) -> Iterator[str]:
    if job is None:
        yield f"{order.id} was accepted and is gone"
        return
    ended = {JobState.SUCCEEDED, order.wanted}  # a cancel may come too late
    if job.status not in ended:
        yield f"{job.id} is {job.status}: {job.error}"
    events = session.scalars(select(Event).where(Event.job_id == job.id).order_by(Event.seq)).all()
    if [event.seq for event in events] != list(range(1, job.event_seq + 1)):
        yield f"{job.id}: its story has gaps"
    if [event.type for event in events].count("end") != 1:
        yield f"{job.id}: its story has not exactly one end"
    if any(attempt.ended_at is None for attempt in session.scalars(select(Attempt).where(Attempt.job_id == job.id))):
        yield f"{job.id}: an attempt that never ended"
    artifacts = session.scalars(select(Artifact).where(Artifact.job_id == job.id)).all()
    if bool(artifacts) != (job.status is JobState.SUCCEEDED):
        yield f"{job.id} is {job.status} and has {len(artifacts)} files"
    yield from _of_files(service, job.id, artifacts, bits)


def _of_files(service: Service, job_id: str, artifacts: Any, bits: str) -> Iterator[str]:
    files = LocalFiles(service.crew.home / "files")
    for artifact in artifacts:
        data = b"".join(files.open(artifact.key))
        if (hashlib.sha256(data).hexdigest(), len(data)) != (artifact.sha256, artifact.bytes):
            yield f"{job_id}: {artifact.name} is damaged"
        if artifact.name == "student.safetensors" and fingerprint(data) != bits:
            yield f"{job_id}: its weights are not those of an undisturbed run"


def _of_dataset(service: Service, session: Any, dataset_id: str) -> Iterator[str]:
    version = session.get(DatasetVersion, (dataset_id, 1))
    if version is None or version.status != VersionStatus.READY:
        yield f"{dataset_id} is {version and version.status}: {version and version.error}"
        return
    files = LocalFiles(service.crew.home / "files")
    rows = session.scalars(select(DatasetFile).where(DatasetFile.dataset_id == dataset_id)).all()
    if {file["path"] for file in version.card["files"]} - {row.path for row in rows}:
        yield f"{dataset_id}: a file of its card is missing"
    for row in rows:
        if hashlib.sha256(b"".join(files.open(row.key))).hexdigest() != row.sha256:
            yield f"{dataset_id}: {row.path} is damaged"


def _engines(service: Service) -> list[str]:
    """Living workers have one engine each, which waits; dead ones have none."""
    wait_until(lambda: all(len(service.crew.engines_of(worker)) <= 1 for worker in service.alive), "idle engines", 30)
    dead = [worker for worker in service.crew.workers if not worker.up]
    left = [pid for worker in dead for pid in service.crew.engines_of(worker)]
    return [f"engines without a worker: {left}"] if left else []


def _files(service: Service) -> list[str]:
    """After the garbage was collected there are the files that something refers to, and no others."""
    files = LocalFiles(service.crew.home / "files")
    garbage.survey(service.crew.database, files, idle_seconds=0)
    while garbage.collect(service.crew.database, files, idle_seconds=0):
        pass
    with service.crew.database.read() as session:
        wanted = {key for column in garbage.REFERRING for key in session.scalars(select(column)) if key}
    there = {str(path.relative_to(files.root)) for path in files.root.glob("sha256/*/*")}
    orphans = {key for key in there - wanted if digest_of(key)}
    lost = wanted - there
    return [f"files that are gone: {len(lost)}"] * bool(lost) + [f"orphan files: {len(orphans)}"] * bool(orphans)
