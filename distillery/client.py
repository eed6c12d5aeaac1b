"""The service in Python: `Client().submit({...})` and everything else that `/v1` offers, one method each."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from distillery import calls, sending
from distillery.bundle import save_bundle
from distillery.calls.requests import job_path, version_path
from distillery.config import connection
from distillery.download import Offered, Report, fetch
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
    builtin_datasets, workers = gathers(calls.builtin_datasets), gathers(calls.workers)
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

    studies, study = walks(calls.studies), asks(calls.study)
    create_study, plan_study = asks(calls.create_study), asks(calls.plan_study)
    study_results, study_csv = asks(calls.study_results), asks(calls.study_csv)
    change_study, cancel_study = asks(calls.change_study), asks(calls.cancel_study)
    delete_study, retry_study = asks(calls.delete_study), asks(calls.retry_study)
    approve_study, reject_study = asks(calls.approve_study), asks(calls.reject_study)
    roll_back_study = asks(calls.roll_back_study)

    monitors, monitor = walks(calls.monitors), asks(calls.monitor)
    create_monitor, change_monitor = asks(calls.create_monitor), asks(calls.change_monitor)
    delete_monitor, run_monitor = asks(calls.delete_monitor), asks(calls.run_monitor)
    reevaluations, reevaluation = walks(calls.reevaluations), asks(calls.reevaluation)

    uploads, delete_upload = walks(calls.uploads), asks(calls.delete_upload)

    datasets, dataset = walks(calls.datasets), asks(calls.dataset)
    create_dataset, change_dataset = asks(calls.create_dataset), asks(calls.change_dataset)
    delete_dataset, dataset_versions = asks(calls.delete_dataset), gathers(calls.dataset_versions)
    dataset_version, create_dataset_version = asks(calls.dataset_version), asks(calls.create_dataset_version)
    delete_dataset_version = asks(calls.delete_dataset_version)
    dataset_report, dataset_samples = asks(calls.dataset_report), asks(calls.dataset_samples)
    dataset_files = gathers(calls.dataset_files)

    models, model, local_weights = walks(calls.models), asks(calls.model), asks(calls.local_weights)
    create_model, change_model = asks(calls.create_model), asks(calls.change_model)
    delete_model, model_versions = asks(calls.delete_model), gathers(calls.model_versions)
    model_version, create_model_version = asks(calls.model_version), asks(calls.create_model_version)
    delete_model_version, model_files = asks(calls.delete_model_version), gathers(calls.model_files)
    set_model_alias, delete_model_alias = asks(calls.set_model_alias), asks(calls.delete_model_alias)
    model_lineage = asks(calls.model_lineage)

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
        files = [_offered(offered[name], job_path(job_id, "artifacts", name)) for name in wanted]
        return [fetch(self.transport, file, Path(directory), report) for file in files]

    def download_dataset(
        self, dataset_id: str, number: int, directory: str | Path, *, report: Report | None = None
    ) -> list[Path]:
        """Fetch every file of a version into `directory`, in its folders: resumable, each checked by sha256."""
        files = self.dataset_files(dataset_id, number)
        return self._fetch_version("datasets", dataset_id, number, files, Path(directory), report)

    def download_model(
        self, model_id: str, number: int, directory: str | Path, *, report: Report | None = None
    ) -> list[Path]:
        """Fetch every file of a version into `directory`: resumable, each checked by sha256."""
        files = self.model_files(model_id, number)
        return self._fetch_version("models", model_id, number, files, Path(directory), report)

    def _fetch_version(
        self,
        things: str,
        thing_id: str,
        number: int,
        files: Iterable[Mapping[str, Any]],
        directory: Path,
        report: Report | None,
    ) -> list[Path]:
        directory.mkdir(parents=True, exist_ok=True)
        fetched = []
        for file in files:
            path = str(file["path"])
            offered = _offered({**file, "name": path}, version_path(things, thing_id, number, "files", path))
            fetched.append(fetch(self.transport, offered, directory, report))
        return fetched

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
        """Send a file, or a folder as a tar, in parts, several at a time. An upload of the same name and size that was
        not completed is gone on with: parts that are there and have the same sha256 are not sent again."""
        return sending.send(self.transport, Path(path), name, part_bytes, parallel, report)


def _offered(file: Mapping[str, Any], url: str) -> Offered:
    """What the service says of a file, and where we would look for it: its own address is never followed."""
    return {"name": file["name"], "sha256": file["sha256"], "bytes": file["bytes"], "url": url}
