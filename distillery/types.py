"""The service's JSON as types: what a key holds, in the service's units; keys may be added later."""

from typing import Any, Literal, TypedDict

Status = Literal["queued", "starting", "running", "pausing", "paused", "cancelling", "succeeded", "failed", "cancelled"]
FINAL: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})
PHASES = ("prepare", "teacher", "train", "evaluate", "export", "report")
INSPECTION_PHASES = ("prepare", "unpack", "scan", "read", "check")


class Progress(TypedDict, total=False):
    """Where a job is; `step` and `total_steps` count over all of its runs."""

    phase: str
    run: str | None
    stage: str | None
    epoch: int
    epochs: int
    step: int
    total_steps: int
    percent: float
    eta_seconds: float | None


class JobError(TypedDict, total=False):
    """Why a job failed."""

    code: str
    message: str
    param: str | None
    log_tail: list[str] | str | None
    signal: str | int | None


class Job(TypedDict, total=False):
    """A job; `spec`, `plan` and `result` only when one job is asked for."""

    object: Literal["job"]
    id: str
    kind: Literal["distillation", "inspection", "reevaluation"]
    name: str
    status: Status
    termination_reason: str | None
    attempt: int
    attempts_max: int
    phase: str | None
    progress: Progress | None
    metrics: dict[str, Any]
    estimate: dict[str, Any] | None
    warnings: list[dict[str, str]]
    version: int
    labels: dict[str, str]
    priority: int
    method: str
    dataset: str
    teacher: str
    student: str
    error: JobError | None
    verdict: dict[str, Any] | None
    headline: dict[str, Any] | None
    retry_of: str | None
    clone_of: str | None
    study_id: str | None
    study_arm: str | None
    study_seed: int | None
    created_at: str
    queued_at: str | None
    started_at: str | None
    finished_at: str | None
    durations: dict[str, float]
    urls: dict[str, str]
    spec: dict[str, Any]
    plan: dict[str, Any]
    result: dict[str, Any] | None


class Study(TypedDict, total=False):
    """A question that several jobs answer; its documents (`spec`, `plan`, ...) only when one is asked for."""

    object: Literal["study"]
    id: str
    kind: str
    name: str
    question: str
    status: Literal["running", "waiting", "cancelling", "succeeded", "failed", "cancelled"]
    reason: str | None
    waits_for: str | None
    dataset: str
    reference: str
    arms: int
    seeds: int
    jobs: dict[str, int]
    budget: dict[str, Any]
    seconds: float
    version: int
    created_at: str
    finished_at: str | None
    urls: dict[str, str]
    spec: dict[str, Any]
    plan: dict[str, Any]
    stopped: dict[str, Any]
    teachers: list[dict[str, Any]]
    stage: str | None
    outcome: Literal["go", "no-go"] | None
    decision: dict[str, Any] | None
    approval: dict[str, Any] | None
    history: list[dict[str, Any]]


class Event(TypedDict, total=False):
    """Something that happened to a job; `seq` counts from 1 without gaps within the job."""

    object: Literal["event"]
    id: str
    seq: int
    type: str
    created_at: str
    data: dict[str, Any]


class Attempt(TypedDict, total=False):
    """One try of one worker; `checkpoint_id` is where it went on."""

    object: Literal["attempt"]
    number: int
    worker_id: str
    checkpoint_id: str | None
    started_at: str
    ended_at: str | None
    outcome: str | None
    error: JobError | None
    log_bytes: int | None
    log_url: str | None


class Checkpoint(TypedDict, total=False):
    """A state that a job can go on from; `step` counts over all of its runs."""

    object: Literal["checkpoint"]
    id: str
    attempt: int
    run: str | None
    step: int
    epoch: float | None
    damaged: bool
    bytes: int
    created_at: str
    files: list[dict[str, Any]]


class Artifact(TypedDict, total=False):
    """A file that a job published; `sha256` is in hexadecimal, `bytes` its length."""

    object: Literal["artifact"]
    id: str
    name: str
    kind: str
    media_type: str
    sha256: str
    bytes: int
    url: str


class Upload(TypedDict):
    """A file that was sent, or is being sent, in parts."""

    object: Literal["upload"]
    id: str
    name: str
    bytes: int
    part_bytes: int
    parts: int
    status: Literal["open", "complete"]
    digest: str | None
    created_at: str
    expires_at: str
    completed_at: str | None
