"""Every request that the clients can make, described once: `Client` sends it and waits, `AsyncClient` awaits it."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from distillery.types import Artifact, Attempt, Checkpoint, Event, Job, Upload

T = TypeVar("T")
Json = dict[str, Any]


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request. It may be repeated: it reads, carries an Idempotency-Key, or asks for a state (cancelled twice is
    cancelled)."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_text: bool = False
    part: str | None = None  # the field of the answer that is wanted


@dataclass(frozen=True)
class Pages(Generic[T]):
    """A list, page by page; `limit` ends it early."""

    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None
    page: int = 100


def job_path(job_id: str, *parts: str) -> str:
    """`/v1/jobs/ID/...`, with whatever a user typed as an id kept inside its place."""
    return path_of("jobs", job_id, *parts)


def path_of(*parts: str) -> str:
    """`/v1/...` of these parts."""
    return "/".join(["/v1", *(quote(part, safe="") for part in parts)])


def given(params: Mapping[str, Any]) -> Json:
    """What is not None."""
    return {name: value for name, value in params.items() if value is not None}


def creating(path: str, body: Mapping[str, Any] | None, idempotency_key: str | None = None) -> Call[Any]:
    """A POST that makes something once: the key is made here, outside the retries, so that the service answers every
    repetition with what the first one made."""
    headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
    return Call("POST", path, body=None if body is None else dict(body), headers=headers)


# Jobs


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
    limit: int | None = None,
) -> Pages[Job]:
    """Jobs, newest first, over all pages; `limit` ends early; `q` is the start of an id or name."""
    filters: Json = {"status": status, "method": method, "q": q}
    filters |= {"created_after": _time(created_after), "created_before": _time(created_before)}
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


# What a job tells and delivers


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


# What the service offers


def methods() -> Pages[Json]:
    """Every preset, with its paper and the schema of its options."""
    return Pages("/v1/methods")


def method(name: str) -> Call[Json]:
    """One preset, with its page."""
    return Call("GET", path_of("methods", name))


def architectures() -> Pages[Json]:
    """Every network that can be named in a spec."""
    return Pages("/v1/architectures")


def architecture(name: str) -> Call[Json]:
    """One network with its layers."""
    return Call("GET", f"/v1/architectures/{quote(name)}")


def datasets() -> Pages[Json]:
    """Every dataset that can be named in a spec."""
    return Pages("/v1/datasets")


def workers() -> Pages[Json]:
    """Workers heard from lately."""
    return Pages("/v1/workers")


def queues() -> Pages[Json]:
    """What waits for which class of workers, and how many serve it."""
    return Pages("/v1/queues")


def overview() -> Call[Json]:
    """Counts by status."""
    return Call("GET", "/v1/overview")


def ready() -> Call[Json]:
    """Whether the service can do its work now: database, tables and files; else an error that names what is missing."""
    return Call("GET", "/readyz")


def session() -> Call[Json]:
    """Who asks: the key's project, name and scopes."""
    return Call("GET", "/v1/session")


def schema() -> Call[Json]:
    """The JSON schema of a spec."""
    return Call("GET", "/v1/schema/job")


# Keys of the project, for who may do everything there


def api_keys() -> Pages[Json]:
    """The project's keys, newest first, those that have ended too."""
    return Pages("/v1/api_keys")


def create_api_key(name: str, scopes: Iterable[str], *, expires_in_days: int | None = None) -> Call[Json]:
    """A new key; `key` in the answer is what it opens with, and nobody can read it again."""
    body = given({"name": name, "scopes": list(scopes), "expires_in_days": expires_in_days})
    return creating("/v1/api_keys", body)


def rotate_api_key(key_id: str, *, overlap_hours: float = 24) -> Call[Json]:
    """A new key that may do the same; the old one works for some hours yet."""
    return creating(path_of("api_keys", key_id, "rotate"), {"overlap_hours": overlap_hours})


def revoke_api_key(key_id: str) -> Call[None]:
    """End a key at once."""
    return Call("DELETE", path_of("api_keys", key_id))


def audit_log(
    *, action: str | None = None, target: str | None = None, key_id: str | None = None, limit: int | None = None
) -> Pages[Json]:
    """Who changed what, newest first, over all pages; `limit` ends early."""
    return Pages("/v1/audit_logs", given({"action": action, "target": target, "key_id": key_id}), limit)


# Projects, for who operates the service; everybody sees their own


def projects() -> Pages[Json]:
    """The projects that the key may see: its own, or all for who operates the service."""
    return Pages("/v1/projects")


def create_project(name: str, **quotas: float | None) -> Call[Json]:
    """A new project; quotas are `concurrency`, `jobs_in_flight` and `month_hours`."""
    return creating("/v1/projects", {"name": name, **quotas})


def change_project(project_id: str, **changes: Any) -> Call[Json]:
    """Another name or other quotas; None bounds nothing, what is not named stays."""
    return Call("PATCH", path_of("projects", project_id), body=changes)


def create_project_key(project_id: str, name: str, scopes: Iterable[str]) -> Call[Json]:
    """A key of any project; `key` in the answer is what it opens with."""
    return creating(path_of("projects", project_id, "api_keys"), {"name": name, "scopes": list(scopes)})


def usage(project_id: str, *, since: str | None = None, until: str | None = None) -> Call[Json]:
    """Hours of engines by day (as 2026-11-27), jobs in flight and bytes stored."""
    return Call("GET", path_of("projects", project_id, "usage"), params=given({"since": since, "until": until}))


# Webhooks, for who may do everything in the project


def webhooks() -> Pages[Json]:
    """The project's endpoints, the newest first."""
    return Pages("/v1/webhook_endpoints")


def create_webhook(url: str, *, name: str | None = None, events: Iterable[str] | None = None) -> Call[Json]:
    """An endpoint; `secret` in the answer is what messages are signed with, and is not shown again."""
    body = given({"url": url, "name": name, "events": None if events is None else list(events)})
    return creating("/v1/webhook_endpoints", body)


def change_webhook(endpoint_id: str, **changes: Any) -> Call[Json]:
    """Another `name`, `url` or `events`; `enabled=False` holds messages back, True sends them."""
    return Call("PATCH", path_of("webhook_endpoints", endpoint_id), body=changes)


def rotate_webhook(endpoint_id: str) -> Call[Json]:
    """A new secret; for a day messages are signed with the old one, too."""
    return Call("POST", path_of("webhook_endpoints", endpoint_id, "rotate"))


def delete_webhook(endpoint_id: str) -> Call[None]:
    """Forget an endpoint and its messages."""
    return Call("DELETE", path_of("webhook_endpoints", endpoint_id))


def test_webhook(endpoint_id: str) -> Call[Json]:
    """Send a message that tells nothing."""
    return Call("POST", path_of("webhook_endpoints", endpoint_id, "test"))


def webhook_deliveries(endpoint_id: str, *, status: str | None = None, limit: int | None = None) -> Pages[Json]:
    """Messages to an endpoint with all their tries, the newest first; `limit` ends early."""
    return Pages(path_of("webhook_endpoints", endpoint_id, "deliveries"), given({"status": status}), limit)


def redeliver(endpoint_id: str, delivery_id: str) -> Call[Json]:
    """Send a message again, under the id that it had."""
    return Call("POST", path_of("webhook_endpoints", endpoint_id, "deliveries", delivery_id, "redeliver"))


# Files


def uploads(*, status: str | None = None, name: str | None = None, limit: int | None = None) -> Pages[Upload]:
    """The project's uploads, newest first, over all pages; `limit` ends early."""
    return Pages("/v1/uploads", given({"status": status, "name": name}), limit)


def delete_upload(upload_id: str) -> Call[None]:
    """Forget an upload and its bytes."""
    return Call("DELETE", path_of("uploads", upload_id))


def _time(value: datetime | str | None) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone().isoformat()
    return value
