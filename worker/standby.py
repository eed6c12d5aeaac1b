"""The engine that waits: started ahead of its job, so that a claim meets a process with torch already imported."""

from __future__ import annotations

import time

import structlog

from worker.engine import Engine
from worker.environment import engine_environment
from worker.folders import Folders, log_tail
from worker.settings import WorkerSettings

_log = structlog.get_logger(__name__)

_WAITS = (1.0, 2.0, 5.0, 10.0, 30.0)


class Standby:
    """At most one waiting engine; used by the slot's thread alone."""

    def __init__(self, folders: Folders, settings: WorkerSettings, card: str | None) -> None:
        self._folders, self._settings, self._card = folders, settings, card
        self._engine: Engine | None = None
        self._warm = False
        self._started = self._not_before = 0.0
        self._failures = 0

    @property
    def pid(self) -> int | None:
        """The waiting process."""
        engine = self._engine
        return engine.pid if engine else None

    @property
    def state(self) -> str:
        """`warm`, `warming` or `failing`, for those who watch the worker."""
        return "warm" if self._warm else "failing" if self._failures else "warming"

    def keep(self, wait_seconds: float = 0.2) -> bool:
        """See that there is an engine, waiting a moment for it; True when it is warm."""
        if self._engine is None:
            self._start(wait_seconds)
        if self._engine is not None:
            self._listen(self._engine, 0 if self._warm else wait_seconds)
        return self._warm

    def take(self) -> Engine:
        """The warm engine, which is the caller's from now on."""
        engine, self._engine, self._warm = self._engine, None, False
        if engine is None:
            raise RuntimeError("there is no warm engine: call keep first")
        return engine

    def close(self) -> None:
        """End the waiting engine."""
        if self._engine is not None:
            self._engine.close()
            self._engine.log_path.unlink(missing_ok=True)
            self._engine, self._warm = None, False

    def _start(self, wait_seconds: float) -> None:
        if time.monotonic() < self._not_before:
            time.sleep(wait_seconds)
            return
        settings, self._started = self._settings, time.monotonic()
        environment = engine_environment(self._folders.cache, settings.data_dir, settings.threads, self._card)
        try:
            self._engine = Engine.spawn(self._folders.standby_log(), environment)
        except OSError as error:
            self._failed(str(error))

    def _listen(self, engine: Engine, wait_seconds: float) -> None:
        for record in engine.read(wait_seconds):
            if record["type"] == "ready":
                self._warm, self._failures = True, 0
                _log.info("engine_warm", engine=engine.pid, seconds=round(time.monotonic() - self._started, 1))
        late = not self._warm and time.monotonic() - self._started > self._settings.warm_seconds
        if engine.ended or late:
            exit_ = engine.close()
            self._failed(f"not warm after {self._settings.warm_seconds:g} s" if late else str(exit_), engine)

    def _failed(self, why: str, engine: Engine | None = None) -> None:
        wait = _WAITS[min(self._failures, len(_WAITS) - 1)]
        self._failures += 1
        self._not_before = time.monotonic() + wait
        tail = log_tail(engine.log_path, hide=self._folders.root)[-20:] if engine else []
        _log.error("engine_not_started", why=why, again_in_seconds=wait, log=tail)
        if engine is not None:
            engine.log_path.unlink(missing_ok=True)
        self._engine, self._warm = None, False
