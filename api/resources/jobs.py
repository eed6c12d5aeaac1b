"""A job, as lists and its own page show it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from api.resources.base import AnyJson, Created, Document, ErrorJson, document, job_path
from store.models import Job as JobRow
from store.models import JobKind, JobSpecRow, JobState

ProgressJson = Annotated[
    Document,
    document(
        "where the running attempt is; steps count over all runs",
        phase="string", epoch="integer", epochs="integer", step="integer", total_steps="integer", percent="number",
    ),
]  # fmt: skip


LatestJson = Annotated[Document, document("latest values by '<run>.<split>': step, epoch, values")]


EstimateJson = Annotated[
    Document, document("cost known before the job runs", steps="integer", train_seconds="number", assumes="string")
]


WarningJson = Annotated[
    Document,
    document("legal, and probably not meant", code="string", pointer="string", message="string"),
]


VerdictJson = Annotated[
    Document,
    document("was it worth it: the difference with its interval", outcome="string", text="string"),
]


HeadlineJson = Annotated[
    Document,
    document(
        "the result in few figures: score, parameters and bytes of each network, the share of the teacher's score kept",
        metric="object", score_kept="number", gap_closed="number", models="object",
    ),
]  # fmt: skip


class Job(Created):
    """A job as lists show it."""

    collection = "/v1/jobs"
    object: Literal["job"] = "job"
    id: str = Field(examples=["job_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    kind: JobKind
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
    version: int = Field(description="grows with each change of state, name, labels or priority; also the ETag")
    labels: dict[str, str]
    priority: int
    resource_class: str
    method: str
    dataset: str
    teacher: str | None
    student: str | None
    error: ErrorJson | None
    verdict: VerdictJson | None
    headline: HeadlineJson | None
    retry_of: str | None
    clone_of: str | None
    study_id: str | None = Field(description="the study that it belongs to")
    study_arm: str | None = Field(description="its arm there; of a shared teacher a colon and its name")
    study_seed: int | None
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    durations: dict[str, float] = Field(description="seconds in each finished phase")
    urls: dict[str, str | None]

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
