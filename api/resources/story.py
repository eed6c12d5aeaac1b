"""What a job tells and leaves: events, attempts, checkpoints, artifacts, curves."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, Field

from api.resources.base import AnyJson, ErrorJson, job_path
from store.models import Artifact as ArtifactRow
from store.models import Attempt as AttemptRow
from store.models import Checkpoint as CheckpointRow
from store.models import CheckpointFile as FileRow
from store.models import Event as EventRow


class Event(BaseModel):
    """One entry of a job's story."""

    object: Literal["event"] = "event"
    id: str
    seq: int = Field(description="counts from 1 without gaps within the job")
    type: str = Field(examples=["status", "phase", "progress", "metric", "log", "checkpoint", "change", "end"])
    created_at: datetime
    data: AnyJson


class Artifact(BaseModel):
    """A file that a job published."""

    object: Literal["artifact"] = "artifact"
    id: str
    name: str
    kind: str
    media_type: str
    sha256: str
    bytes: int
    created_at: datetime
    url: str


class Attempt(BaseModel):
    """One try of one worker."""

    object: Literal["attempt"] = "attempt"
    number: int
    worker_id: str
    checkpoint_id: str | None = Field(description="where it went on")
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None = Field(examples=["succeeded", "failed", "crashed", "lost", "stopped"])
    error: ErrorJson | None
    log_bytes: int | None = Field(description="size of its log, kept when it has ended")
    log_url: str | None


class CheckpointFile(BaseModel):
    """One file of a checkpoint."""

    path: str = Field(description="where it belongs in the engine's working folder")
    sha256: str
    bytes: int
    url: str


class Checkpoint(BaseModel):
    """A state of the training that a job can go on from; the last two sound ones are kept."""

    object: Literal["checkpoint"] = "checkpoint"
    id: str = Field(examples=["ckpt_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    attempt: int = Field(description="that wrote it; 0 when it came with the job from another one")
    run: str | None
    step: int = Field(description="counts over all runs of the job")
    epoch: float | None
    damaged: bool
    bytes: int
    created_at: datetime
    files: list[CheckpointFile]


class Series(BaseModel):
    """One metric of one run; columns of equal length, thinned out to what a chart can show."""

    object: Literal["series"] = "series"
    run: str
    split: str
    name: str
    count: int = Field(description="points before thinning out")
    steps: list[int]
    epochs: list[float | None]
    values: list[float | None]


def event(row: EventRow) -> Event:
    """The event of a row."""
    return Event(id=row.id, seq=row.seq, type=row.type, created_at=row.created_at, data=row.data)


def artifact(row: ArtifactRow) -> Artifact:
    """The artifact of a row."""
    names = ("id", "name", "kind", "media_type", "sha256", "bytes", "created_at")
    fields = {name: getattr(row, name) for name in names}
    return Artifact(**fields, url=job_path(row.job_id, "artifacts", row.name))


def attempt(row: AttemptRow) -> Attempt:
    """The attempt of a row."""
    names = sorted(set(Attempt.model_fields) - {"object", "log_url"})
    log = f"{job_path(row.job_id, 'logs')}?attempt={row.number}" if row.log_key else None
    return Attempt(**{name: getattr(row, name) for name in names}, log_url=log)


def checkpoint(row: CheckpointRow) -> Checkpoint:
    """The checkpoint of a row."""
    names = sorted(set(Checkpoint.model_fields) - {"object", "files"})
    files = [_checkpoint_file(row, file) for file in row.files]
    return Checkpoint(**{name: getattr(row, name) for name in names}, files=files)


def _checkpoint_file(row: CheckpointRow, file: FileRow) -> CheckpointFile:
    url = f"{job_path(row.job_id, 'checkpoints', row.id, 'files')}/{quote(file.path)}"
    return CheckpointFile(path=file.path, sha256=file.sha256, bytes=file.bytes, url=url)
