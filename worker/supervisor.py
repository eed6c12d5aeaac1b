"""What a worker is, apart from hearing the doorbell: its permanent threads, started once and drained in order."""

from __future__ import annotations

import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from store import workers
from store.database import Database
from store.doorbell import BackgroundDoorbell
from store.files import files
from store.ids import new_id
from worker.beat import Beat
from worker.bell import Bell
from worker.classes import served
from worker.environment import cards
from worker.facts import gpus
from worker.folders import Folders
from worker.settings import WorkerSettings
from worker.slot import Slot
from worker.sweeper import Sweeper
from worker.tools import Tools
from worker.watch import Watch

_log = structlog.get_logger(__name__)


class Supervisor:
    """Slots that work, a pulse that keeps their leases, a watch that interrupts them, a sweeper that heals."""

    def __init__(self, settings: WorkerSettings) -> None:
        database, worker_id = Database(settings.database_url), new_id("wrk")
        self._tools = Tools(
            worker_id=worker_id,
            serves=served(settings),
            settings=settings,
            database=database,
            files=files(settings),
            doorbell=BackgroundDoorbell(settings.broker_url),
            folders=Folders(settings.home, worker_id),
            beat=Beat(database, settings),
        )
        self._bell, self._leave = Bell(), threading.Event()
        shares = enumerate(cards(len(gpus()), settings.slots))
        self._slots = [Slot(number, self._tools, self._bell, card) for number, card in shares]
        self._sweeper = Sweeper(self._tools)
        self._watch = Watch(self._tools, self._slots, self._leave)
        self._started = False
        self.left = threading.Event()

    def start(self) -> None:
        """Start the threads; a second call does nothing."""
        if self._started:
            return
        self._started = True
        for thread in (self._tools.beat, self._watch, self._sweeper, *self._slots):
            thread.start()
        _log.info("worker_started", worker=self._tools.worker_id, slots=len(self._slots))

    def ring(self) -> None:
        """There may be work."""
        self._bell.ring()

    def leave(self) -> None:
        """Begin to give every job back. Sets a flag and nothing else, so that a signal handler may call it."""
        self._leave.set()

    @property
    def worker_id(self) -> str:
        """The worker's name in leases and in the list of workers."""
        return self._tools.worker_id

    @property
    def serves(self) -> tuple[str, ...]:
        """The classes of jobs that it takes."""
        return self._tools.serves

    @property
    def leaving(self) -> bool:
        """Whether the worker was asked to end."""
        return self._leave.is_set()

    def give_back(self) -> None:
        """Wait for `leave`, then until every job is given back; end the other threads and sign off."""
        self._leave.wait()
        if self._started:
            self._watch.join()
        self._sweeper.end()
        self._tools.beat.end()
        self._tools.doorbell.close()
        self._tools.folders.leave()
        try:
            with self._tools.database.write() as session:
                workers.leave(session, self._tools.worker_id)
        except SQLAlchemyError as error:
            _log.warning("not_signed_off", error=str(error).splitlines()[0])
        _log.info("worker_ended", worker=self._tools.worker_id)
        self.left.set()
