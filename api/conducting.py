"""Who leads studies on: a task of every API process; a study is led on by one of them at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api import limits
from api.leading import Leader
from store import studies
from store.database import Database
from store.settings import Settings

log = structlog.stdlib.get_logger("api")


class Conductor:
    """Looks for studies that something has happened to, or that nobody has looked at for a while."""

    def __init__(self, database: Database, settings: Settings, ring: Callable[[str], None]) -> None:
        self._database, self._leader = database, Leader(database, settings, ring)

    async def run(self) -> None:
        """Until cancelled; what was begun is done to its end in its thread, or by whoever finds it later."""
        while True:
            led = await asyncio.to_thread(self._once)
            if not led:
                await asyncio.sleep(limits.STUDY_POLL_SECONDS)

    def _once(self) -> bool:
        """Lead one study on; whether there was one."""
        try:
            with self._database.look() as session:  # only who finds something takes the write lock
                if not studies.due(session):
                    return False
            with self._database.write() as session:
                held = studies.take(session)
            if held is not None:
                self._leader.lead(held)
            return held is not None
        except SQLAlchemyError as error:
            log.warning("studies not looked for", error=str(error).splitlines()[0])
        except Exception:
            log.exception("study not led on")
        return False
