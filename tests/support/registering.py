"""Datasets that were brought, as the store's tests need them: an upload, its inspection, and how that ends."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from store import inspections, model_registry, monitors, records, registry, studies, uploads
from store.artifacts import Left
from store.database import Database
from store.files import key_of
from store.leases import Lease
from store.models import Dataset, DatasetVersion, JobState, ModelVersion
from store.models.studies import StudyState
from store.projects import ensure_project
from store.records import StoredArtifact
from store.settings import Settings
from store.shelves import DATASETS, MODELS

OPTIONS: dict[str, Any] = {"name": "scans", "format": "npz", "licence": "CC0", "quarantine": False}
CARD: dict[str, Any] = {
    "version": 1,
    "name": "scans",
    "task": "classification",
    "sha256": "a" * 64,
    "input": {"kind": "image", "shape": [1, 8, 8]},
    "target": {"classes": ["dark", "bright"]},
    "splits": {"train": {"count": 2}},
}
"""Of a dataset, as far as the service itself reads it."""
REPORT: dict[str, Any] = {"faults": {"total": 0, "by_code": {}, "listed": []}, "warnings": []}
FAULTY: dict[str, Any] = {"faults": {"total": 1, "by_code": {"damaged": 1}, "listed": [{"item": "a.png"}]}}


def an_upload(db: Database, name: str = "scans.npz", text: str = "some bytes", project: str = "default") -> str:
    """A complete upload of one part. Returns its id."""
    with db.write() as session:
        owner = ensure_project(session, project).id
        upload = uploads.begin(session, owner, name, len(text), 2**20, hours=48)
        uploads.add_part(session, upload, 1, hashlib.sha256(text.encode()).hexdigest())
        return uploads.complete(session, upload).id


def bring(db: Database, name: str = "scans", project: str = "default", into: str | None = None) -> DatasetVersion:
    """A new dataset, or a new version of one, that waits for its inspection."""
    upload = an_upload(db, project=project)
    options, settings = OPTIONS | {"name": name}, Settings(home=Path("/nowhere"))
    with db.write() as session:
        owner = ensure_project(session, project).id
        source = inspections.of_uploads(session, owner, [upload])
        job = inspections.submit(session, settings, owner, "dataset", options, source)
        dataset = session.get_one(Dataset, into) if into else registry.create(session, DATASETS, owner, name, most=1000)
        return registry.add_version(session, DATASETS, dataset, job, options, source.described)


def bring_model(db: Database, name: str = "teacher", project: str = "default") -> ModelVersion:
    """A new model that waits for its inspection."""
    upload = an_upload(db, name="w.safetensors", project=project)
    options, settings = {"name": name, "format": "weights", "architecture": "resnet8"}, Settings(home=Path("/nowhere"))
    with db.write() as session:
        owner = ensure_project(session, project).id
        source = inspections.of_uploads(session, owner, [upload])
        job = inspections.submit(session, settings, owner, "model", options, source)
        model = registry.create(session, MODELS, owner, name, most=1000)
        return model_registry.add_version(session, model, job, options, source.described)


def pack_file(path: str, role: str = "pack", text: str | None = None) -> StoredArtifact:
    """A file of a pack, as if it were in the store of files."""
    data = (text or path).encode()
    digest = hashlib.sha256(data).hexdigest()
    return StoredArtifact(path, role, "application/octet-stream", digest, len(data), key_of(digest))


PACK = (
    pack_file("dataset.json", "card"),
    pack_file("train/inputs.npy"),
    pack_file("train/targets.npy"),
    pack_file("preview/0.png", "preview"),
    pack_file("report.json", "report"),
)


def approve(db: Database, lease: Lease) -> JobState:
    """The inspection ends well."""
    with db.write() as session:
        return records.publish(session, lease, {"card": CARD, "report": REPORT}, PACK)


def refuse(db: Database, lease: Lease, code: str = "invalid_data", *, retry: bool = False) -> JobState:
    """The inspection finds that the data cannot be used."""
    left = Left({"card": None, "report": FAULTY}, (pack_file("report.json", "report", "faulty"),))
    error = {"code": code, "message": "a.png: damaged", "param": "/source", "log_tail": ["secret?"]}
    with db.write() as session:
        return records.fail(session, lease, error, retry=retry, left=left)


def version(db: Database, dataset_id: str, number: int = 1) -> DatasetVersion:
    """The version's row."""
    with db.read() as session:
        return session.get_one(DatasetVersion, (dataset_id, number))


def dataset(db: Database, dataset_id: str) -> Dataset:
    """The dataset's row."""
    with db.read() as session:
        return session.get_one(Dataset, dataset_id)


def ended_study(db: Database, project_id: str) -> str:
    """A study that nobody leads on any more. Returns its id."""
    with db.write() as session:
        told = {"kind": "study", "name": "which", "question": "which?", "spec": {}, "plan": {}}
        study = studies.create_study(session, project_id, **told)
        studies.move(session, study, StudyState.CANCELLED, None)
        return study.id


def stopped_monitor(db: Database, project_id: str) -> str:
    """A monitor that nobody looks after. Returns its id."""
    fields: dict[str, Any] = {"name": "line 3", "every_hours": None, "on_new_version": True, "distance": "mmd"}
    told = {"threshold": 2.0, "action": "measure", "job_id": "job_x", "dataset_id": "ds_x", "seen": None}
    with db.write() as session:
        monitor = monitors.create_monitor(session, project_id, **fields, **told)
        return monitors.change_monitor(session, monitor, {"enabled": False}).id
