"""The Celery side of a worker: the task that rings, the step that starts the supervisor, and its answer to signals."""

from __future__ import annotations

import signal
import warnings
from types import FrameType
from typing import Any

from celery import Celery, bootsteps
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging
from celery.worker import state

from store.doorbell import TASK, make_app
from worker.settings import WorkerSettings
from worker.supervisor import Supervisor


class Listener:
    """A Celery worker that passes every ring to the supervisor.

    It runs no job: the task sets an event and returns, so that the next ring is heard at once.
    """

    def __init__(self, settings: WorkerSettings, supervisor: Supervisor) -> None:
        self._name = f"{supervisor.worker_id}@distillery"
        self._app = _app(settings, supervisor)
        self._worker = _worker_class(self._app, supervisor)

    def listen(self) -> None:
        """Start the supervisor and hear rings, until a signal asks to end or the broker has failed for good."""
        self._worker(
            hostname=self._name,
            pool="threads",
            concurrency=1,
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        ).start()


def _app(settings: WorkerSettings, supervisor: Supervisor) -> Celery:
    app = make_app(settings.broker_url, supervisor.serves)
    app.conf.update(worker_redirect_stdouts=False)
    setup_logging.connect(_keep_ours)
    # About running as root with pickle; we accept JSON only, and what a message says is never used.
    warnings.simplefilter("ignore", SecurityWarning)

    class StartSupervisor(bootsteps.StartStopStep):  # type: ignore[misc]
        """Runs before the consumer, so that jobs go on while the broker is away."""

        def start(self, parent: Any) -> None:
            supervisor.start()

    app.steps["worker"].add(StartSupervisor)
    app.task(name=TASK, ignore_result=True)(supervisor.ring)
    return app


def _keep_ours(**_: Any) -> None:
    """Celery leaves the configuration of logging to whoever connects to this signal."""


def _worker_class(app: Celery, supervisor: Supervisor) -> Any:
    class Worker(app.Worker):  # type: ignore[misc]
        def install_platform_tweaks(self, worker: Any) -> None:
            # Celery's own handlers differ by signal, and its hang-up handler replaces the process under our engines.
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, leave)

    def leave(_signal: int, _frame: FrameType | None) -> None:
        supervisor.leave()
        state.should_stop = 0

    return Worker
