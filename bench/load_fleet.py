"""What workers ask of the database: claims by many at once, and what an idle one costs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from api_client import SPEC
from load_sides import PLAN, SECRET, ours
from servers import Postgres
from sqlalchemy import func, select, update

from store import leases
from store.database import Database
from store.jobs import create_job
from store.migrate import upgrade
from store.models import Attempt, Job, Project
from store.projects import ensure_project


def measure_claims(database: str, queued: int = 20_000, projects: int = 20) -> dict[str, Any]:
    """Sixteen claimers at once; every tenth project may have fifty jobs at a time."""
    upgrade(database)
    truth = Database(database)
    with truth.write() as session:
        ids = [ensure_project(session, f"p{number}").id for number in range(projects)]
        session.execute(update(Project).where(Project.id.in_(ids[::10])).values(quota=50))
    for start in range(0, queued, 500):
        with truth.write() as session:
            for number in range(start, start + 500):
                create_job(session, project_id=ids[number % projects], spec=SPEC, plan=PLAN)
    began = time.perf_counter()
    with ProcessPoolExecutor(4) as pool:
        counts = [future.result() for future in [pool.submit(_claimers, database, 4, 15.0) for _ in range(4)]]
    wall = time.perf_counter() - began
    with truth.read() as session:
        attempts = session.scalars(select(func.count()).select_from(Attempt)).one()
        doubled = session.scalars(select(func.count()).select_from(Job).where(Job.attempt > 1)).one()
        over = session.scalars(select(func.count()).select_from(Project).where(Project.active > Project.quota)).one()
    truth.close()
    claimed, seconds = sum(count for count, _ in counts), max(seconds for _, seconds in counts)
    return {
        "claims per s": round(claimed / seconds, 1),
        "claimed": claimed,
        "doubled": doubled + attempts - claimed,
        "projects over quota": over,
        "wall s": round(wall, 1),
    }


def _claimers(database: str, threads: int, seconds: float) -> tuple[int, float]:
    truth, counts = Database(database), Counter[int]()

    def claim(number: int) -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            with truth.write() as session:
                got = leases.claim(
                    session, owner=f"{os.getpid()}-{number}", resource_classes=["cpu"], lease_seconds=600
                )
            if got is None:
                return
            counts[number] += 1

    began = time.perf_counter()
    workers = [threading.Thread(target=claim, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    truth.close()
    return sum(counts.values()), time.perf_counter() - began


def measure_idle(folder: Path, seconds: float = 30) -> dict[str, Any]:
    """Statements a second that an idle worker sends, its sweep among them; and an idle API."""
    postgres = Postgres("log_statement=all", "log_min_duration_statement=-1")
    postgres.start()
    try:
        postgres.execute("CREATE DATABASE idle")
        database, log = postgres.url("idle"), postgres.folder / "log"
        upgrade(database)
        settings = {"HOME": folder / "home", "DATABASE_URL": database, "SECRET": SECRET}
        broker = f"sqla+sqlite:///{folder / 'broker.sqlite'}"
        environment = {f"DISTILLERY_{name}": str(value) for name, value in {**settings, "BROKER_URL": broker}.items()}
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        with (folder / "worker.log").open("ab") as out:
            worker = subprocess.Popen(
                [sys.executable, "-m", "worker"], env={**kept, **environment}, stdout=out, stderr=out
            )
        time.sleep(30)
        alone = _statements(log, seconds)
        worker.terminate()
        worker.wait(60)
        with ours(folder, database):
            time.sleep(5)
            api = _statements(log, seconds)
    finally:
        postgres.close()
    return {"worker and sweep, statements per s": round(alone, 2), "API, statements per s": round(api, 2)}


def _statements(log: Path, seconds: float) -> float:
    def count() -> int:
        lines = log.read_text(errors="replace").splitlines()
        return sum(any(word in line for word in ("statement: ", "execute ")) for line in lines)

    before = count()
    time.sleep(seconds)
    return (count() - before) / seconds
