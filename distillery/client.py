"""The service in Python: `Client().submit({...})` and everything else that `/v1` offers, one method each."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from distillery import calls, sending
from distillery.bundle import save_bundle
from distillery.config import connection
from distillery.download import Report, fetch
from distillery.errors import IntegrityError
from distillery.operations import asks, gathers, walks
from distillery.stream import follow
from distillery.transport import Retry, Transport
from distillery.types import Event, Job, Upload

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
        self.transport = Transport(found, retry=retry or Retry(), timeout=timeout, version=__version__)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.transport.close()

    submit, plan = asks(calls.submit), asks(calls.plan)
    job, jobs = asks(calls.job), walks(calls.jobs)
    cancel, pause, resume = asks(calls.cancel), asks(calls.pause), asks(calls.resume)
    retry, clone, continue_from = asks(calls.retry), asks(calls.clone), asks(calls.continue_from)
    change, delete = asks(calls.change), asks(calls.delete)

    events, metrics, logs = walks(calls.events), asks(calls.metrics), asks(calls.logs)
    attempts, checkpoints, artifacts = gathers(calls.attempts), gathers(calls.checkpoints), gathers(calls.artifacts)

    methods, method = gathers(calls.methods), asks(calls.method)
    architectures, architecture = gathers(calls.architectures), asks(calls.architecture)
    datasets, workers = gathers(calls.datasets), gathers(calls.workers)
    queues = gathers(calls.queues)
    overview, ready, schema = asks(calls.overview), asks(calls.ready), asks(calls.schema)
    session = asks(calls.session)

    api_keys, create_api_key = gathers(calls.api_keys), asks(calls.create_api_key)
    rotate_api_key, revoke_api_key = asks(calls.rotate_api_key), asks(calls.revoke_api_key)
    audit_log = walks(calls.audit_log)

    projects, create_project = gathers(calls.projects), asks(calls.create_project)
    change_project, create_project_key = asks(calls.change_project), asks(calls.create_project_key)
    usage = asks(calls.usage)

    webhooks, create_webhook = gathers(calls.webhooks), asks(calls.create_webhook)
    change_webhook, rotate_webhook = asks(calls.change_webhook), asks(calls.rotate_webhook)
    delete_webhook, test_webhook = asks(calls.delete_webhook), asks(calls.test_webhook)
    webhook_deliveries, redeliver = walks(calls.webhook_deliveries), asks(calls.redeliver)

    uploads, delete_upload = walks(calls.uploads), asks(calls.delete_upload)

    def stream(self, job_id: str, after_seq: int = 0, *, patience: float = 300.0) -> Iterator[Event]:
        """The events so far and then live ones, each once, until the job ends; lost connections are taken
        up again for up to `patience` seconds."""
        return follow(self.transport, job_id, after_seq, patience=patience)

    def wait(self, job_id: str) -> Job:
        """Block until the job has ended; its last state."""
        for _ in self.stream(job_id):
            pass
        return self.job(job_id)

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
        return [fetch(self.transport, job_id, offered[name], Path(directory), report) for name in wanted]

    def bundle(self, job_id: str, target: str | Path) -> Path:
        """Save everything a job delivers as one zip file."""
        return save_bundle(self.transport, job_id, Path(target))

    def upload(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        part_bytes: int = sending.PART_BYTES,
        parallel: int = sending.PARALLEL,
        report: Report | None = None,
    ) -> Upload:
        """Send a file in parts, several at a time. An upload of the same name and size that was not completed is gone
        on with: parts that are there and have the same sha256 are not sent again."""
        return sending.send(self.transport, Path(path), name, part_bytes, parallel, report)
