"""The same client for code that awaits: `await AsyncClient().submit({...})`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Concatenate, Generic, ParamSpec, Self, TypeVar

from distillery import calls
from distillery.client import Client, __version__
from distillery.config import connection
from distillery.operations import agathers, awaits, awalks
from distillery.stream import afollow
from distillery.transport import AsyncTransport, Retry
from distillery.types import Event, Job

P = ParamSpec("P")
T = TypeVar("T")


class Threaded(Generic[P, T]):
    """A method of `Client`, awaited while a thread does it."""

    def __init__(self, method: Callable[Concatenate[Client, P], T]) -> None:
        self._method = method

    def __get__(self, client: "AsyncClient", owner: type) -> Callable[P, Awaitable[T]]:
        @wraps(self._method)
        async def method(*args: P.args, **options: P.kwargs) -> T:
            return await asyncio.to_thread(self._method, client.waiting, *args, **options)

        return method


def threaded(method: Callable[Concatenate[Client, P], T]) -> Threaded[P, T]:
    """The method for `AsyncClient`."""
    return Threaded(method)


class AsyncClient:
    """A connection to one Distillery service; see `Client`, whose methods it has.

    What moves files (`download`, `bundle`, `upload`, `download_dataset`, `download_model`) does so in a thread: files
    do not await.
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
        self.transport = AsyncTransport(found, retry=retry or Retry(), timeout=timeout, version=__version__)
        self.waiting = Client(url, key, home=home, timeout=timeout, retry=retry)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self.transport.close()
        self.waiting.close()

    submit, plan = awaits(calls.submit), awaits(calls.plan)
    job, jobs = awaits(calls.job), awalks(calls.jobs)
    cancel, pause, resume = awaits(calls.cancel), awaits(calls.pause), awaits(calls.resume)
    retry, clone, continue_from = awaits(calls.retry), awaits(calls.clone), awaits(calls.continue_from)
    change, delete = awaits(calls.change), awaits(calls.delete)

    events, metrics, logs = awalks(calls.events), awaits(calls.metrics), awaits(calls.logs)
    attempts, checkpoints, artifacts = agathers(calls.attempts), agathers(calls.checkpoints), agathers(calls.artifacts)

    methods, method = agathers(calls.methods), awaits(calls.method)
    architectures, architecture = agathers(calls.architectures), awaits(calls.architecture)
    builtin_datasets, workers = agathers(calls.builtin_datasets), agathers(calls.workers)
    queues = agathers(calls.queues)
    overview, ready, schema = awaits(calls.overview), awaits(calls.ready), awaits(calls.schema)
    session = awaits(calls.session)

    api_keys, create_api_key = agathers(calls.api_keys), awaits(calls.create_api_key)
    rotate_api_key, revoke_api_key = awaits(calls.rotate_api_key), awaits(calls.revoke_api_key)
    audit_log = awalks(calls.audit_log)

    projects, create_project = agathers(calls.projects), awaits(calls.create_project)
    change_project, create_project_key = awaits(calls.change_project), awaits(calls.create_project_key)
    usage = awaits(calls.usage)

    webhooks, create_webhook = agathers(calls.webhooks), awaits(calls.create_webhook)
    change_webhook, rotate_webhook = awaits(calls.change_webhook), awaits(calls.rotate_webhook)
    delete_webhook, test_webhook = awaits(calls.delete_webhook), awaits(calls.test_webhook)
    webhook_deliveries, redeliver = awalks(calls.webhook_deliveries), awaits(calls.redeliver)

    studies, study = awalks(calls.studies), awaits(calls.study)
    create_study, plan_study = awaits(calls.create_study), awaits(calls.plan_study)
    study_results, study_csv = awaits(calls.study_results), awaits(calls.study_csv)
    change_study, cancel_study = awaits(calls.change_study), awaits(calls.cancel_study)
    delete_study, retry_study = awaits(calls.delete_study), awaits(calls.retry_study)
    approve_study, reject_study = awaits(calls.approve_study), awaits(calls.reject_study)
    roll_back_study = awaits(calls.roll_back_study)

    monitors, monitor = awalks(calls.monitors), awaits(calls.monitor)
    create_monitor, change_monitor = awaits(calls.create_monitor), awaits(calls.change_monitor)
    delete_monitor, run_monitor = awaits(calls.delete_monitor), awaits(calls.run_monitor)
    reevaluations, reevaluation = awalks(calls.reevaluations), awaits(calls.reevaluation)

    uploads, delete_upload = awalks(calls.uploads), awaits(calls.delete_upload)

    datasets, dataset = awalks(calls.datasets), awaits(calls.dataset)
    create_dataset, change_dataset = awaits(calls.create_dataset), awaits(calls.change_dataset)
    delete_dataset, dataset_versions = awaits(calls.delete_dataset), agathers(calls.dataset_versions)
    dataset_version, create_dataset_version = awaits(calls.dataset_version), awaits(calls.create_dataset_version)
    delete_dataset_version = awaits(calls.delete_dataset_version)
    dataset_report, dataset_samples = awaits(calls.dataset_report), awaits(calls.dataset_samples)
    dataset_files = agathers(calls.dataset_files)

    models, model, local_weights = awalks(calls.models), awaits(calls.model), awaits(calls.local_weights)
    create_model, change_model = awaits(calls.create_model), awaits(calls.change_model)
    delete_model, model_versions = awaits(calls.delete_model), agathers(calls.model_versions)
    model_version, create_model_version = awaits(calls.model_version), awaits(calls.create_model_version)
    delete_model_version, model_files = awaits(calls.delete_model_version), agathers(calls.model_files)
    set_model_alias, delete_model_alias = awaits(calls.set_model_alias), awaits(calls.delete_model_alias)
    model_lineage = awaits(calls.model_lineage)

    def stream(self, job_id: str, after_seq: int = 0, *, patience: float = 300.0) -> AsyncIterator[Event]:
        """The events so far and then live ones, each once, until the job ends; lost connections are taken
        up again for up to `patience` seconds."""
        return afollow(self.transport, job_id, after_seq, patience=patience)

    async def wait(self, job_id: str) -> Job:
        """Wait until the job has ended; its last state."""
        async for _ in self.stream(job_id):
            pass
        return await self.job(job_id)

    download, bundle, upload = threaded(Client.download), threaded(Client.bundle), threaded(Client.upload)
    download_dataset, download_model = threaded(Client.download_dataset), threaded(Client.download_model)
