"""The engine's records on their way to SQL: collected, and written in one transaction about twice a second."""

from __future__ import annotations

import time

from store import records
from store.leases import Lease
from worker.engine import Record
from worker.writes import Writes

RELAYED = frozenset({"phase", "progress", "metrics", "log", "resolved"})


class Relay:
    """The batch of one attempt. The first record is written at once: it makes the job running."""

    def __init__(self, write: Writes, lease: Lease, every_seconds: float) -> None:
        self._write, self._lease, self._every = write, lease, every_seconds
        self._batch: list[Record] = []
        self._due = 0.0

    def add(self, record: Record) -> None:
        self._batch.append(record)

    def say(self, level: str, message: str) -> None:
        """Add a line of our own to the job's log."""
        self.add({"type": "log", "level": level, "message": message})

    def flush_when_due(self) -> None:
        if self._batch and time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting.

        Raises:
            LeaseLost: it does not count any more.
        """
        if not self._batch:
            return
        batch, self._batch = self._batch, []
        self._write(lambda session: records.relay(session, self._lease, batch))
        self._due = time.monotonic() + self._every
