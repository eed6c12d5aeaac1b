"""The service in Python: `Client().submit({...})` and everything else that `/v1` offers, one method each."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

from distillery.bundle import save_bundle
from distillery.config import connection
from distillery.download import Report, fetch
from distillery.errors import IntegrityError
from distillery.stream import follow
from distillery.transport import Retry, Transport, job_path, path_of
from distillery.types import Artifact, Attempt, Checkpoint, Event, Job

__version__ = "0.1.0"


class Client:
    """A connection to one Distillery service.

    Without arguments it uses DISTILLERY_URL and DISTILLERY_API_KEY, and then what `distill up` stored in
    DISTILLERY_HOME (default `~/.distillery`). Thread-safe; use it as a context manager or call `close()`.
    Errors: `ApiError` for an answer that refuses, `Unreachable` for none, `IntegrityError` for bad bytes.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        home: Path | None = None,
        timeout: float = 30.0,
        retry: Retry | None = None,
    ) -> None:
        found = connection(url, key, home=home)
        self.url = found.url
        self._transport = Transport(found, retry=retry or Retry(), timeout=timeout, version=__version__)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    # Jobs

    def submit(self, spec: Mapping[str, Any], *, idempotency_key: str | None = None) -> Job:
        """Create a job. However often the request has to be sent, one call makes one job; with a key of
        your own (kept by the service for a day or more) that holds over processes too."""
        return cast(Job, self._create("/v1/jobs", spec, idempotency_key))

    def plan(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """What `submit` would run: every default filled in, warnings, the estimated cost. Makes nothing."""
        return cast(dict[str, Any], self._transport.json("POST", "/v1/jobs:plan", body=dict(spec)))

    def job(self, job_id: str) -> Job:
        return cast(Job, self._transport.json("GET", job_path(job_id)))

    def jobs(
        self,
        *,
        status: str | None = None,
        method: str | None = None,
        labels: Mapping[str, str] | None = None,
        q: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        limit: int | None = None,
    ) -> Iterator[Job]:
        """Jobs, newest first, over all pages; `limit` ends early; `q` is the start of an id or name."""
        filters: dict[str, Any] = {"status": status, "method": method, "q": q}
        filters |= {"created_after": _time(created_after), "created_before": _time(created_before)}
        filters |= {f"label.{name}": value for name, value in (labels or {}).items()}
        return cast(Iterator[Job], self._pages("/v1/jobs", filters, limit))

    def cancel(self, job_id: str) -> Job:
        return self._act(job_id, "cancel")

    def pause(self, job_id: str) -> Job:
        return self._act(job_id, "pause")

    def resume(self, job_id: str) -> Job:
        return self._act(job_id, "resume")

    def retry(self, job_id: str, *, idempotency_key: str | None = None) -> Job:
        """A new job with the plan of a failed or cancelled one, going on from its last checkpoint."""
        return cast(Job, self._create(job_path(job_id, "retry"), None, idempotency_key))

    def clone(
        self, job_id: str, changes: Mapping[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> Job:
        """A new job with this one's spec and the changes, a JSON merge patch: None leaves a field out."""
        return cast(Job, self._create(job_path(job_id, "clone"), changes or {}, idempotency_key))

    def continue_from(self, job_id: str, checkpoint_id: str, *, idempotency_key: str | None = None) -> Job:
        """A new job with the same plan that goes on from a checkpoint of this one."""
        path = job_path(job_id, "checkpoints", checkpoint_id, "continue")
        return cast(Job, self._create(path, None, idempotency_key))

    def change(
        self,
        job_id: str,
        *,
        name: str | None = None,
        labels: Mapping[str, str | None] | None = None,
        priority: int | None = None,
    ) -> Job:
        """Another name, place in the queue or labels; a label that is None goes, those not named stay."""
        body = _given({"name": name, "priority": priority, "labels": None if labels is None else dict(labels)})
        return cast(Job, self._transport.json("PATCH", job_path(job_id), body=body))

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended, with all that it left."""
        self._transport.json("DELETE", job_path(job_id))

    # What a job tells

    def events(self, job_id: str, after_seq: int = 0) -> Iterator[Event]:
        """The events so far, oldest first, over all pages."""
        return cast(Iterator[Event], self._pages(job_path(job_id, "events"), {"after_seq": after_seq}, None, page=1000))

    def stream(self, job_id: str, after_seq: int = 0, *, patience: float = 300.0) -> Iterator[Event]:
        """The events so far and then live ones, each once, until the job ends; lost connections are taken
        up again for up to `patience` seconds."""
        return follow(self._transport, job_id, after_seq, patience=patience)

    def wait(self, job_id: str) -> Job:
        """Block until the job has ended; its last state."""
        for _ in self.stream(job_id):
            pass
        return self.job(job_id)

    def metrics(
        self, job_id: str, *, run: str | None = None, split: str | None = None, max_points: int = 1000
    ) -> list[dict[str, Any]]:
        """A job's curves, one series a run, split and name, thinned out by the service to `max_points`."""
        params = _given({"run": run, "split": split, "max_points": max_points})
        answer = self._transport.json("GET", job_path(job_id, "metrics"), params=params)
        return cast(list[dict[str, Any]], answer["data"])

    def logs(self, job_id: str, *, attempt: int | None = None) -> str:
        """What the engine printed in an attempt that has ended; the latest one with a log by default."""
        return self._transport.text(job_path(job_id, "logs"), params=_given({"attempt": attempt}))

    def attempts(self, job_id: str) -> list[Attempt]:
        """Who tried, when, from where and with what end; the newest first."""
        return cast(list[Attempt], self._list(job_path(job_id, "attempts")))

    def checkpoints(self, job_id: str) -> list[Checkpoint]:
        """The checkpoints that are kept, the newest first."""
        return cast(list[Checkpoint], self._list(job_path(job_id, "checkpoints")))

    # What a job delivers

    def artifacts(self, job_id: str) -> list[Artifact]:
        return cast(list[Artifact], list(self._pages(job_path(job_id, "artifacts"), {}, None)))

    def download(
        self,
        job_id: str,
        directory: str | Path,
        names: Iterable[str] | None = None,
        *,
        report: Report | None = None,
    ) -> list[Path]:
        """Fetch artifacts (all, or those named) into `directory`: resumable, each checked by sha256."""
        offered = {artifact["name"]: artifact for artifact in self.artifacts(job_id)}
        wanted = list(offered) if names is None else list(names)
        if missing := [name for name in wanted if name not in offered]:
            raise IntegrityError(
                f"Job {job_id} has no {', '.join(missing)}; it has {', '.join(offered) or 'nothing yet'}."
            )
        Path(directory).mkdir(parents=True, exist_ok=True)
        return [fetch(self._transport, job_id, offered[name], Path(directory), report) for name in wanted]

    def bundle(self, job_id: str, target: str | Path) -> Path:
        """Save everything a job delivers as one zip file."""
        return save_bundle(self._transport, job_id, Path(target))

    # What the service offers

    def methods(self) -> list[dict[str, Any]]:
        return self._list("/v1/methods")

    def method(self, name: str) -> dict[str, Any]:
        return cast(dict[str, Any], self._transport.json("GET", f"/v1/methods/{quote(name, safe='')}"))

    def architectures(self) -> list[dict[str, Any]]:
        return self._list("/v1/architectures")

    def architecture(self, name: str) -> dict[str, Any]:
        return cast(dict[str, Any], self._transport.json("GET", f"/v1/architectures/{quote(name)}"))

    def datasets(self) -> list[dict[str, Any]]:
        return self._list("/v1/datasets")

    def workers(self) -> list[dict[str, Any]]:
        return self._list("/v1/workers")

    # Keys of the project, for who may do everything there

    def api_keys(self) -> list[dict[str, Any]]:
        """The project's keys, newest first, those that have ended too."""
        return self._list("/v1/api_keys")

    def create_api_key(self, name: str, scopes: Iterable[str], *, expires_in_days: int | None = None) -> dict[str, Any]:
        """A new key; `key` in the answer is what it opens with, and nobody can read it again."""
        body = _given({"name": name, "scopes": list(scopes), "expires_in_days": expires_in_days})
        return cast(dict[str, Any], self._create("/v1/api_keys", body, None))

    def rotate_api_key(self, key_id: str, *, overlap_hours: float = 24) -> dict[str, Any]:
        """A new key that may do the same; the old one works for some hours yet."""
        path = f"/v1/api_keys/{quote(key_id, safe='')}/rotate"
        return cast(dict[str, Any], self._create(path, {"overlap_hours": overlap_hours}, None))

    def revoke_api_key(self, key_id: str) -> None:
        """End a key at once."""
        self._transport.json("DELETE", f"/v1/api_keys/{quote(key_id, safe='')}")

    # Projects, for who operates the service; everybody sees their own

    def projects(self) -> list[dict[str, Any]]:
        """The projects that the key may see: its own, or all for who operates the service."""
        return self._list("/v1/projects")

    def create_project(self, name: str, **quotas: float | None) -> dict[str, Any]:
        """A new project; quotas are `concurrency`, `jobs_in_flight` and `month_hours`."""
        return cast(dict[str, Any], self._create("/v1/projects", {"name": name, **quotas}, None))

    def change_project(self, project_id: str, **changes: Any) -> dict[str, Any]:
        """Another name or other quotas; None bounds nothing, what is not named stays."""
        return cast(dict[str, Any], self._transport.json("PATCH", path_of("projects", project_id), body=changes))

    def create_project_key(self, project_id: str, name: str, scopes: Iterable[str]) -> dict[str, Any]:
        """A key of any project; `key` in the answer is what it opens with."""
        path = path_of("projects", project_id, "api_keys")
        return cast(dict[str, Any], self._create(path, {"name": name, "scopes": list(scopes)}, None))

    def usage(self, project_id: str, *, since: str | None = None, until: str | None = None) -> dict[str, Any]:
        """Hours of engines by day (as 2026-11-27), jobs in flight and bytes stored."""
        params = _given({"since": since, "until": until})
        path = path_of("projects", project_id, "usage")
        return cast(dict[str, Any], self._transport.json("GET", path, params=params))

    def audit_log(
        self,
        *,
        action: str | None = None,
        target: str | None = None,
        key_id: str | None = None,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Who changed what, newest first, over all pages; `limit` ends early."""
        return self._pages("/v1/audit_logs", {"action": action, "target": target, "key_id": key_id}, limit)

    def overview(self) -> dict[str, Any]:
        """Counts by status."""
        return cast(dict[str, Any], self._transport.json("GET", "/v1/overview"))

    def ready(self) -> bool:
        """Whether the service can do its work now: database, tables and files."""
        self._transport.json("GET", "/readyz")
        return True

    def schema(self) -> dict[str, Any]:
        """The JSON schema of a spec."""
        return cast(dict[str, Any], self._transport.json("GET", "/v1/schema/job"))

    def _create(self, path: str, body: Mapping[str, Any] | None, idempotency_key: str | None) -> Any:
        # Made once, outside the retries: the service answers every repetition with the first one's job.
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._transport.json("POST", path, body=None if body is None else dict(body), headers=headers)

    def _act(self, job_id: str, verb: str) -> Job:
        return cast(Job, self._transport.json("POST", job_path(job_id, verb)))

    def _list(self, path: str) -> list[dict[str, Any]]:
        return list(self._pages(path, {}, None))

    def _pages(
        self, path: str, filters: Mapping[str, Any], limit: int | None, page: int = 100
    ) -> Iterator[dict[str, Any]]:
        params, left = _given(filters) | {"limit": min(page, limit or page)}, limit
        while left is None or left > 0:
            answer = self._transport.json("GET", path, params=params)
            yield from answer["data"] if left is None else answer["data"][:left]
            left = None if left is None else left - len(answer["data"])
            if not answer.get("has_more"):
                return
            params = params | {"after": answer["next_cursor"]}


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _time(value: datetime | str | None) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone().isoformat()
    return value
