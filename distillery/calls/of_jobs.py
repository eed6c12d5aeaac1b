"""Jobs, from their specs to their ends, and what they tell and deliver."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from distillery.calls.requests import Call, Json, Pages, creating, given, job_path, rfc3339
from distillery.types import Artifact, Attempt, Checkpoint, Event, Job


def submit(spec: Mapping[str, Any], *, idempotency_key: str | None = None) -> Call[Job]:
    """Create a job. However often the request has to be sent, one call makes one job; with a key of your own (kept by
    the service for a day or more) that holds over processes too."""
    return creating("/v1/jobs", spec, idempotency_key)


def plan(spec: Mapping[str, Any]) -> Call[Json]:
    """What `submit` would run: every default filled in, warnings, the estimated cost. Makes nothing."""
    return Call("POST", "/v1/jobs:plan", body=dict(spec))


def job(job_id: str) -> Call[Job]:
    """The job as it is now, with its spec and plan."""
    return Call("GET", job_path(job_id))


def jobs(
    *,
    status: str | None = None,
    method: str | None = None,
    labels: Mapping[str, str] | None = None,
    q: str | None = None,
    created_after: datetime | str | None = None,
    created_before: datetime | str | None = None,
    kind: str | None = None,
    sort: str | None = None,
    study: str | None = None,
    limit: int | None = None,
) -> Pages[Job]:
    """Jobs, newest first, over all pages; `limit` ends early; `q` is the start of an id or name; `kind` is
    `distillation` (the usual), `inspection`, `reevaluation` or `all`; `sort` is `created_at`, `finished_at` or `name`,
    with `-` before it for the largest first; `study` is the id of one."""
    filters: Json = {"status": status, "method": method, "q": q, "kind": kind, "sort": sort, "study": study}
    filters |= {"created_after": rfc3339(created_after), "created_before": rfc3339(created_before)}
    filters |= {f"label.{name}": value for name, value in (labels or {}).items()}
    return Pages("/v1/jobs", given(filters), limit)


def cancel(job_id: str) -> Call[Job]:
    """Cancel a waiting job, ask a running one to stop."""
    return Call("POST", job_path(job_id, "cancel"))


def pause(job_id: str) -> Call[Job]:
    """Hold a waiting job, ask a running one to stop at a checkpoint."""
    return Call("POST", job_path(job_id, "pause"))


def resume(job_id: str) -> Call[Job]:
    """Queue a paused job again."""
    return Call("POST", job_path(job_id, "resume"))


def retry(job_id: str, *, idempotency_key: str | None = None) -> Call[Job]:
    """A new job with the plan of a failed or cancelled one, going on from its last checkpoint."""
    return creating(job_path(job_id, "retry"), None, idempotency_key)


def clone(job_id: str, changes: Mapping[str, Any] | None = None, *, idempotency_key: str | None = None) -> Call[Job]:
    """A new job with this one's spec and the changes, a JSON merge patch: None leaves a field out."""
    return creating(job_path(job_id, "clone"), changes or {}, idempotency_key)


def continue_from(job_id: str, checkpoint_id: str, *, idempotency_key: str | None = None) -> Call[Job]:
    """A new job with the same plan that goes on from a checkpoint of this one."""
    return creating(job_path(job_id, "checkpoints", checkpoint_id, "continue"), None, idempotency_key)


def change(
    job_id: str,
    *,
    name: str | None = None,
    labels: Mapping[str, str | None] | None = None,
    priority: int | None = None,
) -> Call[Job]:
    """Another name, place in the queue or labels; a label that is None goes, those not named stay."""
    body = given({"name": name, "priority": priority, "labels": None if labels is None else dict(labels)})
    return Call("PATCH", job_path(job_id), body=body)


def delete(job_id: str) -> Call[None]:
    """Forget a job that has ended, with all that it left."""
    return Call("DELETE", job_path(job_id))


def events(job_id: str, after_seq: int = 0) -> Pages[Event]:
    """The events so far, oldest first, over all pages."""
    return Pages(job_path(job_id, "events"), {"after_seq": after_seq}, page=1000)


def metrics(
    job_id: str, *, run: str | None = None, split: str | None = None, max_points: int = 1000
) -> Call[list[Json]]:
    """A job's curves, one series a run, split and name, thinned out by the service to `max_points`."""
    params = given({"run": run, "split": split, "max_points": max_points})
    return Call("GET", job_path(job_id, "metrics"), params=params, part="data")


def logs(job_id: str, *, attempt: int | None = None) -> Call[str]:
    """What the engine printed in an attempt that has ended; the latest one with a log by default."""
    return Call("GET", job_path(job_id, "logs"), params=given({"attempt": attempt}), is_text=True)


def attempts(job_id: str) -> Pages[Attempt]:
    """Who tried, when, from where and with what end; the newest first."""
    return Pages(job_path(job_id, "attempts"))


def checkpoints(job_id: str) -> Pages[Checkpoint]:
    """The checkpoints that are kept, the newest first."""
    return Pages(job_path(job_id, "checkpoints"))


def artifacts(job_id: str) -> Pages[Artifact]:
    """The files that a succeeded job offers, by name."""
    return Pages(job_path(job_id, "artifacts"))
