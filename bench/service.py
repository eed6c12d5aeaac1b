"""The service under load, beside the plainest program that does the same on the same database, as ratios in one run.

    PYTHONPATH=.:tests/support .venv/bin/python bench/service.py [submit list events files cut claims idle]

Starts a Postgres of its own (and SQLite files), `python -m api`, and the program of `bench/plain.py` beside it.
Everything is on this machine: clients, servers and database share its processors.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from api_client import SPEC
from load_cut import measure_cut
from load_files import measure_files
from load_fleet import measure_claims, measure_idle
from load_lists import measure_list
from load_sides import PLAN, Side, hammer, ours, plain
from servers import Postgres
from sqlalchemy import select

from store import leases, records
from store.database import Database
from store.jobs import create_job
from store.models import Project


def measure_submit(folder: Path, database: str) -> dict[str, Any]:
    """Creating jobs; sides take turns, three rounds, the median counts."""
    found: dict[str, Any] = {}
    with ours(folder, database) as us, plain(folder, database) as them:
        for clients in (1, 8):
            rounds = [(_submit(us, "/v1/jobs", clients), _submit(them, "/jobs", clients)) for _ in range(3)]
            rates = [a[0] / b[0] for a, b in rounds]
            tails = [a[1] / b[1] for a, b in rounds]
            found[f"{clients} clients"] = {
                "ours per s": round(statistics.median(a[0] for a, _ in rounds), 1),
                "plain per s": round(statistics.median(b[0] for _, b in rounds), 1),
                "rate ratio": round(statistics.median(rates), 3),
                "p99 ratio": round(statistics.median(tails), 2),
                "ours p99 ms": round(statistics.median(a[1] for a, _ in rounds), 1),
            }
    return found


def _submit(side: Side, path: str, clients: int) -> tuple[float, float]:
    return hammer(lambda client: client.post(side.url + path, json=SPEC, headers=side.headers), clients, 400)


def measure_events(folder: Path, database: str, watchers: int = 1000) -> dict[str, Any]:
    """How long after its commit an event has reached all watchers of one API process."""
    with ours(folder, database) as us:
        truth = Database(database)
        with truth.write() as session:
            project = session.scalars(select(Project.id).where(Project.name == "default")).one()
            job_id = create_job(session, project_id=project, spec=SPEC, plan=PLAN).id
        with truth.write() as session:
            claim = leases.claim(session, owner="w", resource_classes=["cpu"], lease_seconds=600)
        assert claim is not None
        found = asyncio.run(_watch(us, job_id, watchers, lambda number: _say(truth, claim.lease, number)))
        truth.close()
    return found


def _say(truth: Database, lease: leases.Lease, number: int) -> float:
    with truth.write() as session:
        records.relay(session, lease, [{"type": "log", "level": "info", "message": f"event {number}"}])
    return time.perf_counter()


async def _watch(side: Side, job_id: str, watchers: int, say: Callable[[int], float]) -> dict[str, Any]:
    host, port = side.url.removeprefix("http://").split(":")
    heard: dict[int, list[float]] = {}

    async def watch() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        lines = [
            f"GET /v1/jobs/{job_id}/stream HTTP/1.1",
            f"Host: {host}:{port}",
            f"Authorization: {side.headers['Authorization']}",
        ]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        opened.append(1)
        while line := await reader.readline():
            if b'"event ' in line:
                number = int(line.split(b'"event ')[1].split(b'"')[0])
                heard.setdefault(number, []).append(time.perf_counter())

    opened: list[int] = []
    tasks = []
    for _ in range(watchers):
        tasks.append(asyncio.create_task(watch()))
        if len(tasks) % 50 == 0:
            await asyncio.sleep(0.2)
    await asyncio.sleep(3)
    delays = []
    for number in range(1, 11):
        said = await asyncio.to_thread(say, number)
        for _ in range(100):
            await asyncio.sleep(0.05)
            if len(heard.get(number, [])) == watchers:
                break
        delays.append(max(heard.get(number, [float("inf")])) - said)
    for task in tasks:
        task.cancel()
    reached = min(len(heard.get(number, [])) for number in range(1, 11))
    return {
        "watchers": watchers,
        "reached": reached,
        "last watcher after s": round(statistics.median(delays), 3),
        "worst s": round(max(delays), 3),
    }


def main() -> None:
    """Run the parts that were named, or all."""
    parts = sys.argv[1:] or ["submit", "list", "events", "files", "cut", "claims", "idle"]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="distillery-bench-") as name:
        folder, postgres = Path(name), Postgres()
        postgres.start()
        try:
            for part in parts:
                found[part] = _measure(part, folder, postgres)
                print(json.dumps({part: found[part]}, indent=1), flush=True)
        finally:
            postgres.close()


def _measure(part: str, folder: Path, postgres: Postgres) -> Any:
    room = folder / part
    room.mkdir()

    def fresh(kind: str, name: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{room / name}.sqlite"
        postgres.execute(f"CREATE DATABASE {part}_{name}")
        return postgres.url(f"{part}_{name}")

    if part == "submit":
        return {kind: measure_submit(_room(room, kind), fresh(kind, "jobs")) for kind in ("postgres", "sqlite")}
    if part == "list":
        sizes = {"postgres": 1_000_000, "sqlite": 100_000}
        return {
            kind: measure_list(_room(room, kind), fresh(kind, "few"), fresh(kind, "many"), size)
            for kind, size in sizes.items()
        }
    if part == "events":
        return measure_events(room, fresh("postgres", "jobs"))
    if part == "files":
        return measure_files(room, fresh("postgres", "jobs"))
    if part == "cut":
        return measure_cut(room, fresh("postgres", "jobs"))
    if part == "claims":
        return measure_claims(fresh("postgres", "jobs"))
    return measure_idle(room)


def _room(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


if __name__ == "__main__":
    main()
