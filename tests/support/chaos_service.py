"""A whole service, each of whose parts somebody restarts when it is dead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from crew import QUICK, Crew, WorkerProcess
from pydantic import SecretStr
from servers import Postgres, Redis, free_port, wait_until

from distillery import Retry
from store.database import Database
from store.keys import create_key
from store.migrate import upgrade
from store.models import JobState
from store.settings import Settings

SECRET = "chaos-only-secret-0123456789abcdef0123456789"
PATIENT = Retry(attempts=60, base=0.1, cap=1.0)


@dataclass
class Order:
    """A job that the service has accepted, and what its user wants of it in the end."""

    id: str
    wanted: JobState = JobState.SUCCEEDED


@dataclass
class Service:
    """A whole service: database, broker, API and workers, each of which somebody restarts when it is dead."""

    crew: Crew
    url: str
    key: str
    environment: dict[str, str]
    log: Path
    workers: int
    postgres: Postgres | None = None
    redis: Redis | None = None
    api: subprocess.Popen[bytes] | None = None
    orders: list[Order] = field(default_factory=list)
    brought: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep_alive(self) -> None:
        """Do what an init system does, until it is over."""
        while not self.over.wait(0.2):
            with self.lock:
                if self.api is None or self.api.poll() is not None:
                    self.start_api()
                alive = sum(worker.up for worker in self.crew.workers)
                for _ in range(self.workers - alive):
                    self.crew.start()

    def start_api(self) -> None:
        """A fresh API process."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "api"]
            self.api = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    @property
    def alive(self) -> list[WorkerProcess]:
        """Workers that live, frozen or not."""
        return [worker for worker in self.crew.workers if worker.up]

    def engines(self) -> list[int]:
        """Every engine of a living worker."""
        return [pid for worker in self.alive for pid in self.crew.engines_of(worker)]

    def close(self) -> None:
        """End everything."""
        self.over.set()
        with self.lock:
            if self.api is not None:
                self.api.kill()
                self.api.wait()
            self.crew.close()


@contextmanager
def running(folder: Path, workers: int, *, servers: bool) -> Iterator[Service]:
    """A whole service in a folder: on Postgres and Redis of its own, or embedded in two files."""
    home = folder / "home"
    home.mkdir(parents=True)
    postgres, redis = (Postgres("fsync=on", "full_page_writes=on"), Redis()) if servers else (None, None)
    database, broker = f"sqlite:///{home / 'distillery.sqlite'}", f"sqla+sqlite:///{home / 'broker.sqlite'}"
    try:
        if postgres is not None and redis is not None:
            postgres.start()
            redis.start()
            postgres.execute("CREATE DATABASE chaos")
            database, broker = postgres.url("chaos"), redis.url()
        upgrade(database)
        service = _service(folder, home, database, broker, workers)
        service.postgres, service.redis = postgres, redis
        keeper = threading.Thread(target=service.keep_alive, daemon=True)
        keeper.start()
        try:
            yield service
        finally:
            service.close()
            keeper.join()
    finally:
        for server in (postgres, redis):
            if server is not None:
                server.close()


def _service(folder: Path, home: Path, database: str, broker: str, workers: int) -> Service:
    crew, port = Crew(home, database, broker), free_port()
    settings = Settings(home=home, database_url=database, secret=SecretStr(SECRET))
    with Database(database).write() as session:
        _, key = create_key(session, crew.project, "chaos", ["admin"], secret=settings.secret_bytes())
    told = {**QUICK, "HOME": str(home), "DATABASE_URL": database, "BROKER_URL": broker, "SECRET": SECRET}
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment |= {f"DISTILLERY_{name}": value for name, value in {**told, "PORT": str(port)}.items()}
    return Service(crew, f"http://127.0.0.1:{port}", key, environment, folder / "api.log", workers)


def ready(service: Service) -> None:
    """Wait until the API answers."""

    def answers() -> bool:
        try:
            return httpx.get(f"{service.url}/readyz").is_success
        except httpx.TransportError:
            return False

    wait_until(answers, "the API", 60)
