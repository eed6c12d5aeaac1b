"""The thread that heals: sweeps the store, rings for what it put back in the queue, tidies the work folder."""

from __future__ import annotations

import shutil
import threading
import time

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from store.errors import StoreError
from store.garbage import ABANDONED_SECONDS, survey
from store.models import Job
from store.retention import retain
from store.states import FINAL
from store.sweep import sweep
from store.workers import live
from worker.kept import trim
from worker.tools import Tools

_log = structlog.get_logger(__name__)

_TIDY_SECONDS = 60.0
_DEAD_SECONDS = 86_400.0
_SURVEY_SECONDS, _SURVEY_FIRST_SECONDS = 86_400.0, 600.0


class Sweeper(threading.Thread):
    """Every worker has one; running several at a time does no harm."""

    def __init__(self, tools: Tools) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._tools = tools
        self._over = threading.Event()
        self._tidy_at = 0.0
        self._survey_at = time.monotonic() + _SURVEY_FIRST_SECONDS

    def run(self) -> None:
        while not self._over.wait(self._tools.settings.sweep_seconds):
            try:
                self._round()
            except (SQLAlchemyError, StoreError, OSError) as error:
                _log.warning("sweep_failed", error=str(error).splitlines()[0])
            except Exception:
                _log.exception("sweep_failed")

    def end(self) -> None:
        self._over.set()

    def _round(self) -> None:
        tidying = time.monotonic() >= self._tidy_at
        report = sweep(self._tools.database, self._tools.settings, self._tools.files if tidying else None)
        if report.recovered:
            _log.warning("jobs_recovered", jobs={job: str(state) for job, state in report.recovered.items()})
        for resource_class in report.ring:
            self._tools.doorbell.ring(resource_class)
        if tidying:
            more = retain(self._tools.database, self._tools.settings) or report.files_removed
            self._tidy_at = time.monotonic() + (0 if more else _TIDY_SECONDS)
            self._tidy()
        if time.monotonic() >= self._survey_at:
            self._survey_at = time.monotonic() + _SURVEY_SECONDS
            strays = survey(self._tools.database, self._tools.files, ABANDONED_SECONDS)
            _log.info("files_surveyed", strays=strays)

    def _tidy(self) -> None:
        """Remove what workers that died have left: attempts that are over, logs of engines that waited."""
        with self._tools.database.read() as session:
            alive = {worker.id for worker in live(session, _DEAD_SECONDS)}
        if gone := trim(self._tools.folders.all_kept, self._tools.settings.kept_bytes):
            _log.info("kept_outputs_trimmed", bytes=gone)
        for folder in self._tools.folders.standby_of({*alive, self._tools.worker_id}):
            shutil.rmtree(folder, ignore_errors=True)
        for job_id, number, folder in self._tools.folders.attempts():
            with self._tools.database.read() as session:
                found = session.execute(select(Job.status, Job.attempt).where(Job.id == job_id)).one_or_none()
            if found is None or found.status in FINAL or found.attempt > number:
                self._tools.folders.discard(folder)
