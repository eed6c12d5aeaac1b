"""How an attempt writes to SQL: under its fence, again while the database is away, never after the lease is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError, TimeoutError
from sqlalchemy.orm import Session

from store.database import Database
from store.errors import LeaseLost
from worker.beat import Held

_log = structlog.get_logger(__name__)
T = TypeVar("T")

_AGAIN_SECONDS = 0.5


class Writes:
    """The writes of one attempt, each a transaction of its own."""

    def __init__(self, database: Database, held: Held) -> None:
        self._database, self._held = database, held

    def __call__(self, action: Callable[[Session], T]) -> T:
        """Run `action` in one transaction.

        Raises:
            LeaseLost: the lease is not ours any more, or the database was away beyond its deadline.
        """
        while True:
            try:
                return self._once(action)
            except DBAPIError as error:
                if not passes(error):
                    raise
                self._wait(error)
            except TimeoutError as error:
                self._wait(error)

    def unguarded(self, action: Callable[[Session], None]) -> None:
        """Write what does not depend on the lease; once, and a failure is only logged."""
        try:
            with self._database.write() as session:
                action(session)
        except SQLAlchemyError as error:
            _log.warning("write_failed", job=self._held.lease.job_id, error=str(error).splitlines()[0])

    def _once(self, action: Callable[[Session], T]) -> T:
        if self._held.lost:
            raise LeaseLost(self._held.lease.job_id, self._held.lease.fence)
        try:
            with self._database.write() as session:
                return action(session)
        except LeaseLost:
            self._held.lose("a write was refused")
            raise

    def _wait(self, error: Exception) -> None:
        _log.warning("write_put_off", job=self._held.lease.job_id, error=str(error).splitlines()[0])
        if time.monotonic() >= self._held.deadline:
            self._held.lose("the database was away for too long")
        time.sleep(_AGAIN_SECONDS)


def passes(error: DBAPIError) -> bool:
    """Whether the same statement may succeed later: a lock, a lost connection, a full disk; not a wrong statement."""
    return isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
