"""Who looks after monitors: a task of every API process.

One look at one monitor is one transaction that begins with the monitor's row and skips one that is held: so a due time
has one re-evaluation, however many processes find it, and of a process that dies in the middle nothing is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api import limits
from api.errors import Refused
from api.quotas import check_room
from api.reevaluating import Gone, begin, given, subject
from store import monitoring, monitors
from store.database import Database, now
from store.errors import Conflict, NotFound
from store.models import Dataset, Job, Monitor, MonitorState
from store.settings import Settings

log = structlog.stdlib.get_logger("api")

NO_ROOM_SECONDS = 30.0


class Watch:
    """Looks for monitors that something has happened to, or whose time has come.

    Args:
        ring: tells the workers of a resource class that there may be work.
    """

    def __init__(self, database: Database, settings: Settings, ring: Callable[[str], None]) -> None:
        self._database, self._settings, self._ring = database, settings, ring

    async def run(self) -> None:
        """Until cancelled; a look that was begun is ended in its thread."""
        while True:
            looked = await asyncio.to_thread(self.once)
            if not looked:
                await asyncio.sleep(limits.MONITOR_POLL_SECONDS)

    def once(self) -> bool:
        """Look after one monitor; whether there was one."""
        try:
            with self._database.look() as session:  # only who finds something takes the write lock
                if not monitors.due(session):
                    return False
            with self._database.write() as session:
                monitor = monitors.take(session)
                job = None if monitor is None else self._look(session, monitor)
            if job is not None:
                self._ring(job.resource_class)
            return monitor is not None
        except SQLAlchemyError as error:
            log.warning("monitors not looked for", error=str(error).splitlines()[0])
        except Exception:
            log.exception("monitor not looked after")
        return False

    def _look(self, session: Session, monitor: Monitor) -> Job | None:
        """What is due for a monitor that is held."""
        monitors.rest(session, monitor)
        if monitor.status != MonitorState.ACTIVE or monitors.open_one(session, monitor.id) is not None:
            return None
        try:
            found = subject(session, monitor.project_id, monitor.job_id)
            dataset = session.get(Dataset, monitor.dataset_id)
            if dataset is None:
                raise Gone(f"dataset {monitor.dataset_id} was deleted")
        except NotFound:
            monitoring.stop(session, monitor, f"job {monitor.job_id} was deleted")
            return None
        except (Gone, Refused) as error:
            monitoring.stop(session, monitor, str(error))
            return None
        cause = monitors.cause_of(monitor, dataset.latest, now(session))
        if cause is None or dataset.latest is None:
            return None
        made: Job | dict[str, str]
        try:
            with session.begin_nested():
                _, version = given(session, monitor.project_id, monitor.dataset_id, found)
                made = begin(session, self._settings, monitor, found, version)
                check_room(session, self._settings, monitor.project_id)
        except (Refused, Conflict) as error:
            if isinstance(error, Refused) and error.kind.status == 429:
                monitors.wait(session, monitor, error.detail, NO_ROOM_SECONDS)
                return None
            made = {"code": error.code, "message": error.detail if isinstance(error, Refused) else error.message}
        monitors.begun(session, monitor, *cause, dataset.latest, made)
        monitors.rest(session, monitor)
        return made if isinstance(made, Job) else None
