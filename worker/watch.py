"""The thread that never waits for a job: obeys cancel and pause, ends graces, says that the worker lives, drains it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from store import disk, leases, workers
from worker.attempt import Attempt
from worker.facts import memory_facts, standing_facts
from worker.gpus import GpuMemory
from worker.slot import Slot
from worker.tools import Tools

_log = structlog.get_logger(__name__)

_TICK_SECONDS = 0.1


class Watch(threading.Thread):
    """Runs until the worker was asked to leave and every slot has given back its job."""

    def __init__(self, tools: Tools, slots: Sequence[Slot], leave: threading.Event) -> None:
        super().__init__(name="watch", daemon=True)
        self._tools, self._slots, self._leave = tools, slots, leave
        self._standing = standing_facts()
        self._gpus = GpuMemory(tools.settings.beat_seconds)
        self._flags_at = self._alive_at = 0.0
        self._draining = False

    def run(self) -> None:
        self._gpus.start()
        while not (self._draining and not any(slot.is_alive() for slot in self._slots)):
            try:
                self._tick()
            except SQLAlchemyError as error:
                _log.warning("watch_without_database", error=str(error).splitlines()[0])
            except Exception:
                _log.exception("watch_trouble")
            time.sleep(_TICK_SECONDS)

    def _tick(self) -> None:
        if self._leave.is_set() and not self._draining:
            self._draining = True
            for slot in self._slots:
                slot.drain()
        for attempt in self._attempts():
            attempt.watch_time()
            attempt.engine.enforce()
        settings, now = self._tools.settings, time.monotonic()
        if now >= self._flags_at:
            self._flags_at = now + settings.flags_seconds
            self._obey_flags()
        if now >= self._alive_at:
            self._alive_at = now + settings.beat_seconds
            self._say_alive()

    def _attempts(self) -> list[Attempt]:
        return [attempt for slot in self._slots if (attempt := slot.attempt) is not None]

    def _obey_flags(self) -> None:
        # Looked at before the query: an attempt that begins meanwhile must not seem lost.
        working = {slot: attempt for slot in self._slots if (attempt := slot.attempt) is not None}
        if not working:
            return
        with self._tools.database.read() as session:
            flags = leases.flags(session, self._tools.worker_id)
        for slot, attempt in working.items():
            wish = flags.get(attempt.lease.job_id)
            if attempt.lease.job_id not in flags and not attempt.engine.ended:
                attempt.held.lose("the row has another owner")
            elif wish is not None and slot.attempt is attempt:
                slot.stop(wish)

    def _say_alive(self) -> None:
        engines = [pid for slot in self._slots for pid in slot.engines()]
        facts: dict[str, Any] = {
            **self._standing,
            "resource_classes": list(self._tools.serves),
            "disk_free": disk.free_bytes(self._tools.settings),
            "memory": memory_facts(engines),
            "gpus": self._gpus.known,
            "slots": [slot.facts() for slot in self._slots],
            "jobs": [attempt.lease.job_id for attempt in self._attempts()],
            "draining": self._draining,
        }
        with self._tools.database.write() as session:
            workers.heartbeat(session, self._tools.worker_id, facts)
