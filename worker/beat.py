"""The worker's pulse: renews every lease in SQL, and passes each renewal on to the engine that lives by it."""

from __future__ import annotations

import threading
import time

import structlog
from sqlalchemy.exc import SQLAlchemyError

from store import leases
from store.database import Database
from store.leases import Lease
from worker.engine import Engine
from worker.settings import WorkerSettings

_log = structlog.get_logger(__name__)


class Held:
    """A lease in hand and its engine; the engine must be dead at `deadline` unless a renewal moves it."""

    def __init__(self, lease: Lease, engine: Engine, deadline: float) -> None:
        self.lease, self.engine, self.deadline = lease, engine, deadline
        self.renew_at = 0.0
        self.lost = False

    def lose(self, why: str) -> None:
        """We are not the owner any more: end the engine at once; nothing of this attempt may be written."""
        if not self.lost:
            self.lost = True
            _log.warning("lease_lost", job=self.lease.job_id, fence=self.lease.fence, why=why)
        self.engine.kill()


class Beat(threading.Thread):
    """One thread for all leases, so that a slow upload or a slow write never delays a renewal."""

    def __init__(self, database: Database, settings: WorkerSettings) -> None:
        super().__init__(name="beat", daemon=True)
        self._database, self._settings = database, settings
        self._tick = min(1.0, settings.beat_seconds / 2)
        self._lock = threading.Lock()
        self._held: list[Held] = []
        self._over = threading.Event()

    def deadline(self, sent: float) -> float:
        """Until when an engine may live by a claim or renewal sent at `sent` (monotonic)."""
        return sent + self._settings.lease_seconds - self._settings.lease_margin_seconds

    def hold(self, held: Held) -> None:
        held.renew_at = time.monotonic() + self._settings.beat_seconds
        with self._lock:
            self._held.append(held)

    def release(self, held: Held) -> None:
        with self._lock:
            self._held.remove(held)

    def run(self) -> None:
        while not self._over.wait(self._tick):
            with self._lock:
                due = [held for held in self._held if time.monotonic() >= held.renew_at and not held.lost]
            for held in due:
                self._renew(held)

    def end(self) -> None:
        self._over.set()

    def _renew(self, held: Held) -> None:
        # Counted from before the request: the answer may come late, never early.
        sent = time.monotonic()
        try:
            with self._database.write() as session:
                ours = leases.renew(session, held.lease, self._settings.lease_seconds)
        except SQLAlchemyError as error:
            self._missed(held, error)
            return
        if not ours:
            # An attempt whose engine has ended may have given its lease back just now, in good order.
            if not held.engine.closed:
                held.lose("another attempt has it")
            return
        held.deadline, held.renew_at = self.deadline(sent), sent + self._settings.beat_seconds
        held.engine.order("lease", deadline=held.deadline)

    def _missed(self, held: Held, error: SQLAlchemyError) -> None:
        _log.warning("lease_not_renewed", job=held.lease.job_id, error=str(error).splitlines()[0])
        if time.monotonic() >= held.deadline:
            held.lose("the database was away for too long")
