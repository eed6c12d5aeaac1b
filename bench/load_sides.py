"""A service and the plain program beside it, each a server process that answers, and many clients that ask."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from servers import free_port, wait_until

from store.database import Database
from store.keys import create_key
from store.migrate import upgrade
from store.projects import ensure_project

SECRET = "bench-only-secret-0123456789abcdef0123456789"
PLAN = {"schema_version": 1, "name": "bench", "method": "fitnet", "runs": [], "resource_class": "cpu"}


@dataclass
class Side:
    """A server and how it is asked."""

    url: str
    headers: dict[str, str]
    pid: int


@contextmanager
def serving(command: list[str], environment: dict[str, str], url: str, log: Path) -> Iterator[int]:
    """A server process that answers; its process id."""
    with log.open("ab") as out:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        process = subprocess.Popen(command, env={**kept, **environment}, stdout=out, stderr=out)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            return httpx.get(url).status_code < 500
        except httpx.TransportError:
            return False

    try:
        wait_until(answers, url, 60)
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def ours(folder: Path, database: str) -> Iterator[Side]:
    """`python -m api` on a migrated database, with no bound on how often one key asks."""
    upgrade(database)
    truth = Database(database)
    with truth.write() as session:
        project = ensure_project(session, "default")
        _, key = create_key(session, project.id, "bench", ["admin", "operate"], secret=SECRET.encode())
    truth.close()
    port = free_port()
    told = {
        "HOME": folder / "home",
        "DATABASE_URL": database,
        "SECRET": SECRET,
        "PORT": port,
        "BROKER_URL": "memory://",
    }
    told |= {"RATE_PER_SECOND": 1e6, "RATE_BURST": 10**6, "JOBS_IN_FLIGHT": 10**8, "UPLOAD_BYTES": 2**40}
    environment = {f"DISTILLERY_{name}": str(value) for name, value in told.items()}
    url = f"http://127.0.0.1:{port}"
    with serving([sys.executable, "-m", "api"], environment, f"{url}/healthz", folder / "api.log") as pid:
        yield Side(url, {"Authorization": f"Bearer {key}"}, pid)


@contextmanager
def plain(folder: Path, database: str) -> Iterator[Side]:
    """The plain program, in a server like ours."""
    port = free_port()
    environment = {"PLAIN_DATABASE": database, "PLAIN_FOLDER": str(folder)}
    command = [sys.executable, "-m", "uvicorn", "--factory", "bench.plain:plain_app", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with serving([*command, "--no-access-log"], environment, f"{url}/openapi.json", folder / "plain.log") as pid:
        yield Side(url, {}, pid)


def hammer(send: Callable[[httpx.Client], httpx.Response], clients: int, requests: int) -> tuple[float, float]:
    """Answers a second and the 99th percentile in ms of so many requests by so many clients."""
    taken: list[float] = []

    def one() -> None:
        with httpx.Client(timeout=60) as client:
            for _ in range(requests // clients):
                began = time.perf_counter()
                send(client).raise_for_status()
                taken.append(time.perf_counter() - began)

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(one) for _ in range(clients)]:
            done.result()
    wall = time.perf_counter() - began
    return len(taken) / wall, statistics.quantiles(taken, n=100)[98] * 1000
