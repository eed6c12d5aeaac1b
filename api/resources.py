"""What the API shows: each resource as a model, and how it is made from the store's rows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field, WithJsonSchema

from store.models import ApiKey as ApiKeyRow
from store.models import Artifact as ArtifactRow
from store.models import Attempt as AttemptRow
from store.models import AuditEntry as AuditRow
from store.models import Checkpoint as CheckpointRow
from store.models import CheckpointFile as FileRow
from store.models import Event as EventRow
from store.models import Job as JobRow
from store.models import JobSpecRow, JobState


def _document(description: str, **properties: str) -> Any:
    """JSON that the engine wrote: described to readers, and never refused because a worker is newer than we are."""
    shown = {name: {"type": kind} for name, kind in properties.items()}
    schema = {"type": "object", "description": description, "additionalProperties": True}
    return WithJsonSchema(schema | ({"properties": shown} if shown else {}))


Document = dict[str, Any]
ProgressJson = Annotated[
    Document,
    _document(
        "where the running attempt is; steps count over all runs",
        phase="string", epoch="integer", epochs="integer", step="integer", total_steps="integer", percent="number",
    ),
]  # fmt: skip
LatestJson = Annotated[Document, _document("latest values by '<run>.<split>': step, epoch, values")]
EstimateJson = Annotated[
    Document, _document("cost known before the job runs", steps="integer", train_seconds="number", assumes="string")
]
WarningJson = Annotated[
    Document,
    _document("legal, and probably not meant", code="string", pointer="string", message="string"),
]
ErrorJson = Annotated[
    Document,
    _document("why the job failed; log_tail holds its last lines", code="string", message="string"),
]
VerdictJson = Annotated[
    Document,
    _document("was it worth it: the difference with its interval", outcome="string", text="string"),
]
AnyJson = Annotated[Document, _document("see docs")]


class Created(BaseModel):
    """What a POST makes."""

    id: str

    @property
    def location(self) -> str:
        """Its path."""
        raise NotImplementedError

    @property
    def rings(self) -> str | None:
        """The resource class of the workers that wait for it, where some do."""
        return None

    def remembered(self) -> Self:
        """What a repeated request may be answered with."""
        return self


class Job(Created):
    """A job as lists show it."""

    object: Literal["job"] = "job"
    id: str = Field(examples=["job_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    name: str
    status: JobState
    termination_reason: str | None
    attempt: int = Field(description="the attempt it is in, 0 before the first")
    attempts_max: int
    phase: str | None
    progress: ProgressJson | None
    metrics: LatestJson
    estimate: EstimateJson | None
    warnings: list[WarningJson]
    version: int = Field(description="grows with each change of state; also the ETag")
    labels: dict[str, str]
    priority: int
    resource_class: str
    method: str
    dataset: str
    teacher: str | None
    student: str | None
    error: ErrorJson | None
    verdict: VerdictJson | None
    retry_of: str | None
    clone_of: str | None
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    durations: dict[str, float] = Field(description="seconds in each finished phase")
    urls: dict[str, str | None]

    @property
    def location(self) -> str:
        """Its path."""
        return job_path(self.id)

    @property
    def rings(self) -> str | None:
        """Workers of its class."""
        return self.resource_class

    @property
    def etag(self) -> str:
        """Names this version of the job."""
        return f'"{self.version}"'


class JobDetail(Job):
    """A job with its documents."""

    spec: AnyJson
    plan: AnyJson
    resolved: AnyJson | None = Field(description="what only the worker's machine could decide")
    result: AnyJson | None


class Event(BaseModel):
    """One entry of a job's story."""

    object: Literal["event"] = "event"
    id: str
    seq: int = Field(description="counts from 1 without gaps within the job")
    type: str = Field(examples=["status", "phase", "progress", "metric", "log", "checkpoint", "artifact", "end"])
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
    outcome: str | None = Field(examples=["succeeded", "failed", "crashed", "lost", "paused", "cancelled", "drained"])
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


class Overview(BaseModel):
    """How much there is of everything."""

    object: Literal["overview"] = "overview"
    jobs: dict[JobState, int]
    workers: int = Field(description="workers heard from lately")


class Worker(BaseModel):
    """A worker process as it last described itself."""

    object: Literal["worker"] = "worker"
    id: str
    resource_classes: list[str]
    facts: AnyJson
    started_at: datetime
    heartbeat_at: datetime


class ApiKey(Created):
    """A key; what it opens with is shown once, when it is made."""

    object: Literal["api_key"] = "api_key"
    id: str = Field(examples=["key_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    name: str
    hint: str = Field(description="how it begins")
    scopes: list[str]
    key: str | None = Field(None, description="the key itself: only in the answer to the request that makes it")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="to the minute")

    @property
    def location(self) -> str:
        """Its path."""
        return f"/v1/api_keys/{self.id}"

    def remembered(self) -> Self:
        """Everything but the key itself, which nobody keeps."""
        return self.model_copy(update={"key": None})


class AuditEntry(BaseModel):
    """A change that somebody made."""

    object: Literal["audit_entry"] = "audit_entry"
    id: str
    created_at: datetime
    key_id: str | None = Field(description="None where authentication is off")
    key_name: str | None
    request_id: str | None
    action: str = Field(examples=["job.create", "job.cancel", "api_key.revoke"])
    target: str
    details: AnyJson


Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """One page of a list; ask for the next one with ``after=next_cursor``."""

    object: Literal["list"] = "list"
    data: list[Item]
    has_more: bool = False
    next_cursor: str | None = None


def job_path(job_id: str, *parts: str) -> str:
    """The path of a job or of something under it."""
    return "/".join(["/v1/jobs", job_id, *(quote(part, safe="") for part in parts)])


def _urls(row: JobRow) -> dict[str, str | None]:
    done = row.status == JobState.SUCCEEDED
    base = job_path(row.id)
    return {
        "self": base,
        "events": f"{base}/events",
        "stream": f"{base}/stream",
        "metrics": f"{base}/metrics",
        "logs": f"{base}/logs",
        "attempts": f"{base}/attempts",
        "checkpoints": f"{base}/checkpoints",
        "artifacts": f"{base}/artifacts",
        "bundle": f"{base}/bundle" if done else None,
        "report": f"{base}/artifacts/report.html" if done else None,
    }


_COLUMNS = sorted(set(Job.model_fields) - {"object", "urls"})


def _columns(row: JobRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _COLUMNS} | {"urls": _urls(row)}


def job(row: JobRow) -> Job:
    """The job of a row."""
    return Job(**_columns(row))


def job_detail(row: JobRow, documents: JobSpecRow) -> JobDetail:
    """The job of a row with its documents."""
    names = ("spec", "plan", "resolved", "result")
    return JobDetail(**_columns(row), **{name: getattr(documents, name) for name in names})


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


def api_key(row: ApiKeyRow, plaintext: str | None = None) -> ApiKey:
    """The key of a row; ``plaintext`` when it was just made."""
    names = sorted(set(ApiKey.model_fields) - {"object", "key"})
    return ApiKey(**{name: getattr(row, name) for name in names}, key=plaintext)


def audit_entry(row: AuditRow) -> AuditEntry:
    """The entry of a row."""
    return AuditEntry(**{name: getattr(row, name) for name in sorted(set(AuditEntry.model_fields) - {"object"})})
