"""What the routes work with, opened when the application starts and closed when it stops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated

import structlog
from fastapi import Depends, FastAPI
from starlette.requests import Request

from api import limits
from api.conducting import Conductor
from api.events_reader import EventReader
from api.hub import Hub
from api.posting import Post
from api.rates import Buckets, Places
from api.signing import Signer
from api.watching import Watch
from kdcore.spec.catalogue import architectures
from store import keys, projects
from store.database import Database
from store.doorbell import BackgroundDoorbell
from store.files import Files, files
from store.models import ApiKey
from store.settings import Settings

log = structlog.stdlib.get_logger("api")

LOCAL_PROJECT = "default"
"""The project of everybody where authentication is switched off, and of the first key."""

NOTE_SECONDS = 60.0


@dataclass
class Services:
    """One process's handles on everything outside it, and its memory of who asks how often.

    Attributes:
        asked: requests by key.
        mistaken: wrong keys by address.
        receiving: files that are being sent to us.
    """

    settings: Settings
    database: Database
    files: Files
    bell: BackgroundDoorbell
    hub: Hub
    secret: bytes
    previous_secrets: tuple[bytes, ...]
    signer: Signer
    asked: Buckets
    mistaken: Buckets
    receiving: Places
    _aside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "aside"))
    _local_project: str | None = None
    _noted: dict[str, float] = field(default_factory=dict)

    def note_use(self, key: ApiKey) -> None:
        """Remember that a key was used, once a minute, without making its user wait for a write."""
        at = time.monotonic()
        if at - self._noted.get(key.id, -NOTE_SECONDS) >= NOTE_SECONDS:
            self._noted[key.id] = at
            self._aside.submit(self._note_use, key)

    def _note_use(self, key: ApiKey) -> None:
        try:
            with self.database.write() as session:
                keys.seen(session, key)
        except Exception as error:
            log.warning("use of a key not noted", key_id=key.id, error=type(error).__name__)

    def adopt(self, key: ApiKey, plaintext: str) -> None:
        """Have a key of an earlier secret hashed anew, without making its user wait."""
        self._aside.submit(self._adopt, key, plaintext)

    def _adopt(self, key: ApiKey, plaintext: str) -> None:
        try:
            with self.database.write() as session:
                keys.adopt(session, key, plaintext, secret=self.secret)
        except Exception as error:
            log.warning("key not adopted", key_id=key.id, error=type(error).__name__)

    def local_project_id(self) -> str:
        """The project that stands for everybody."""
        if self._local_project is None:
            with self.database.write() as session:
                self._local_project = projects.ensure_project(session, LOCAL_PROJECT).id
        return self._local_project

    def warm(self) -> None:
        """Load what the first submission would wait for, behind the first requests."""
        for resource_class in self.settings.resource_classes:
            self.bell.ring(resource_class)  # also tells of what was submitted while nobody could ring
        self._aside.submit(architectures)

    def close(self) -> None:
        """Ring what is wanted still, and let go of everything."""
        self._aside.shutdown()
        self.bell.close()
        self.database.close()


def open_services(settings: Settings) -> Services:
    """Open everything; nothing is connected to before it is used."""
    database = Database(settings.database_url)
    reader = EventReader(database)
    secret = settings.secret_bytes()
    return Services(
        settings=settings,
        database=database,
        files=files(settings),
        bell=BackgroundDoorbell(settings.broker_url),
        hub=Hub(reader.many, reader.one),
        secret=secret,
        previous_secrets=settings.previous_secret_bytes(),
        signer=Signer(secret),
        asked=Buckets(settings.rate_per_second, settings.rate_burst),
        mistaken=Buckets(limits.FAILURES_PER_SECOND, limits.FAILURES_AT_ONCE),
        receiving=Places(limits.PARTS_AT_ONCE),
    )


@asynccontextmanager
async def running(app: FastAPI, settings: Settings) -> AsyncIterator[Services]:
    """The services with their poller, as long as the application runs."""
    services = open_services(settings)
    app.state.services = services
    services.warm()
    poller = asyncio.create_task(services.hub.run())
    post = asyncio.create_task(Post(services.database, settings, (services.secret, *services.previous_secrets)).run())
    conductor = asyncio.create_task(Conductor(services.database, settings, services.bell.ring).run())
    watch = asyncio.create_task(Watch(services.database, settings, services.bell.ring).run())
    try:
        yield services
    finally:
        services.hub.stop()
        await poller
        for task in (post, conductor, watch):
            task.cancel()
        await asyncio.gather(post, conductor, watch, return_exceptions=True)
        services.close()


def services_of(request: Request) -> Services:
    """The services of the application that got this request."""
    services: Services = request.app.state.services
    return services


async def _provided(request: Request) -> Services:
    return services_of(request)


AppServices = Annotated[Services, Depends(_provided)]
