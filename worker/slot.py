"""One place for a job: a permanent thread that keeps an engine warm, claims, and sees the attempt through."""

from __future__ import annotations

import threading
import time
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from store import disk, leases, queue
from store.leases import Claim
from store.models import JobState
from worker.attempt import Attempt
from worker.bell import Bell
from worker.standby import Standby
from worker.tools import Tools

_log = structlog.get_logger(__name__)

_AFTER_TROUBLE_SECONDS = 5.0


class Slot(threading.Thread):
    """Engines die with the thread that started them, so this thread starts its own and lives as long as the worker.

    It claims only with a warm engine in hand: a machine on which engines cannot start burns no job's attempts.
    """

    def __init__(self, number: int, tools: Tools, bell: Bell, card: str | None) -> None:
        super().__init__(name=f"slot-{number}", daemon=True)
        self._tools, self._bell = tools, bell
        self._over = threading.Event()
        self._standby = Standby(tools.folders, tools.settings, card)
        self._ticked = time.monotonic()
        self._full = self._idle = False
        self.attempt: Attempt | None = None

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._turn()
            except Exception:
                _log.exception("slot_trouble")
                self._over.wait(_AFTER_TROUBLE_SECONDS)
        self._standby.close()

    def drain(self) -> None:
        """Take no more jobs; the current one goes back to the queue with a checkpoint."""
        self._over.set()
        self._bell.ring()
        self.stop("drain")

    def stop(self, reason: str) -> None:
        """Ask the current attempt's engine to stop."""
        attempt = self.attempt
        if attempt is not None:
            attempt.engine.stop(reason, self._tools.settings.grace(reason))

    def engines(self) -> list[int]:
        """Process ids of the engine at work and of the one that waits."""
        attempt, waiting = self.attempt, self._standby.pid
        return [pid for pid in (attempt.engine.pid if attempt else None, waiting) if pid is not None]

    def facts(self) -> dict[str, Any]:
        """What this slot does."""
        attempt = self.attempt
        return {
            "job": attempt.lease.job_id if attempt else None,
            "attempt": attempt.lease.attempt if attempt else None,
            "engine": attempt.engine.pid if attempt else None,
            "standby": self._standby.state,
            "ticked_seconds_ago": round(time.monotonic() - self._ticked, 1),
        }

    def _turn(self) -> None:
        self._ticked = time.monotonic()
        heard = self._bell.rings
        if not self._standby.keep():
            return
        sent = time.monotonic()
        claim = self._claim() if self._has_room() else None
        if claim is None:
            self._bell.wait(heard, self._tools.settings.claim_seconds)
        else:
            self._work(claim, self._tools.beat.deadline(sent))

    def _has_room(self) -> bool:
        """Whether a job's files would fit; one that is begun and fails for want of room helps nobody."""
        free = disk.short_of(self._tools.settings)
        if free is not None and not self._full:
            _log.error("disk_full", free=free, needed=self._tools.settings.disk_free_bytes)
        self._full = free is not None
        return not self._full

    def _claim(self) -> Claim | None:
        settings = self._tools.settings
        try:
            if self._idle and not self._is_wanted():
                return None
            with self._tools.database.write() as session:
                claim = leases.claim(
                    session,
                    owner=self._tools.worker_id,
                    resource_classes=self._tools.serves,
                    lease_seconds=settings.lease_seconds,
                )
            self._idle = claim is None
            return claim
        except SQLAlchemyError as error:
            _log.warning("no_claim", error=str(error).splitlines()[0])
            return None

    def _is_wanted(self) -> bool:
        """Whether there is work; who has none looks without a transaction, which on SQLite would lock."""
        with self._tools.database.look() as session:
            return bool(queue.wanted(session, self._tools.serves))

    def _work(self, claim: Claim, deadline: float) -> None:
        attempt = self.attempt = Attempt(self._tools, claim, self._standby.take(), deadline)
        try:
            if self._over.is_set():
                self.stop("drain")
            self._see_through(attempt)
        finally:
            state = attempt.finish()
            self.attempt = None
        if state is JobState.QUEUED:
            self._tools.doorbell.ring(claim.plan.get("resource_class", "cpu"))

    def _see_through(self, attempt: Attempt) -> None:
        try:
            attempt.begin()
            while attempt.step():
                self._ticked = time.monotonic()
                if self._ticked - attempt.began >= self._tools.settings.standby_seconds and not self._over.is_set():
                    self._standby.keep(wait_seconds=0)
        except Exception as error:
            _log.exception("attempt_trouble", job=attempt.lease.job_id)
            attempt.give_up(error)
