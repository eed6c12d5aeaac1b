"""The service under load, beside the plainest program that does the same on the same database, as ratios in one run.

    PYTHONPATH=.:tests/support .venv/bin/python bench/service.py [submit list events files claims idle]

Starts a Postgres of its own (and SQLite files), `python -m api`, and the program of `bench/plain.py` beside it.
Everything is on this machine: clients, servers and database share its processors.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from servers import Postgres, free_port, wait_until
from sqlalchemy import func, select, text, update

from store import leases, records
from store.database import Database
from store.jobs import create_job
from store.keys import create_key
from store.localfiles import LocalFiles
from store.migrate import upgrade
from store.models import Attempt, Job, Project
from store.projects import ensure_project
from store.records import StoredArtifact

SECRET = "bench-only-secret-0123456789abcdef0123456789"
SPEC: dict[str, Any] = {
    "name": "bench",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 2}},
    "student": {"architecture": "resnet8", "width": 0.5},
    "method": "fitnet",
    "training": {"epochs": 4, "batch_size": 64},
    "labels": {"team": "bench"},
}
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


FILTERS = {
    "all": "",
    "status": "status=succeeded",
    "method": "method=fitnet",
    "label": "label.team=t7",
    "label and status": "label.team=t8&status=queued",
    "label and status, nothing": "label.team=t7&status=queued",
    "name prefix": "q=bench-77",
    "created_before": "created_before=2026-06-01T00:00:00Z",
    "created_after": "created_after=2026-06-01T00:00:00Z",
}


def fill(database: str, count: int) -> None:
    """So many jobs, spread over states, labels and a year; by SQL, because it does not matter how they came."""
    truth = Database(database)
    sequence = (
        f"SELECT n FROM generate_series(1, {count}) AS n"
        if database.startswith("postgresql")
        else f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) SELECT n FROM c"
    )
    postgres = database.startswith("postgresql")
    moment = (
        "TIMESTAMPTZ '2026-01-01' + n * INTERVAL '25 seconds'"
        if postgres
        else ("strftime('%Y-%m-%d %H:%M:%f', '2026-01-01', '+' || (n * 25) || ' seconds') || '000'")
    )
    ident = "'job_' || lpad(to_hex(n), 26, '0')" if postgres else "'job_' || printf('%026x', n)"
    empty = "'{}'::jsonb" if postgres else "'{}'"
    state = "CASE n % 4 WHEN 0 THEN 'queued' WHEN 1 THEN 'failed' ELSE 'succeeded' END"
    method = "CASE n % 3 WHEN 0 THEN 'fitnet' ELSE 'hinton' END"
    with truth.write() as session:
        project = session.scalars(select(Project.id).where(Project.name == "default")).one()
        session.execute(
            text(f"""
            INSERT INTO jobs (id, project_id, name, name_key, method, dataset, labels, resource_class, priority,
              urgency, status, version, event_seq, attempt, attempts_max, fence, durations, metrics, warnings,
              created_at, queued_at, finished_at)
            SELECT {ident}, '{project}', 'bench-' || n, 'bench-' || n, {method}, 'digits', {empty}, 'cpu', 0, 0,
              {state}, 1, 1, 0, 5, 0, {empty}, {empty}, {empty.replace("{}", "[]")}, {moment}, {moment}, {moment}
            FROM ({sequence}) AS numbers""")
        )
        session.execute(
            text(f"""
            INSERT INTO job_labels (job_id, key, value, project_id, created_at)
            SELECT {ident}, 'team', 't' || (n % 50), '{project}', {moment} FROM ({sequence}) AS numbers""")
        )
        session.execute(
            text(f"""
            INSERT INTO state_counts (project_id, status, shard, count)
            SELECT '{project}', status, 99, count(*) FROM jobs GROUP BY status""")
        )
    with truth.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    truth.close()


def measure_list(folder: Path, few: str, many: str, count: int) -> dict[str, Any]:
    """A page with every filter, and the overview: with a thousand jobs, and with many."""
    with ours(folder, few) as small, ours(folder, many) as large:
        fill(few, 1000)
        fill(many, count)
        paths = {name: f"/v1/jobs?{query}" for name, query in FILTERS.items()} | {"overview": "/v1/overview"}
        found = {}
        for name, path in paths.items():
            pairs = [(_page(small, path), _page(large, path)) for _ in range(3)]
            found[name] = {
                "ms": round(statistics.median(b for _, b in pairs), 2),
                "ratio": round(statistics.median(b / a for a, b in pairs), 2),
            }
    return {"jobs": count, **found}


def _page(side: Side, path: str) -> float:
    """Median milliseconds of forty requests."""
    with httpx.Client(headers=side.headers, timeout=60) as client:
        taken = []
        for _ in range(40):
            began = time.perf_counter()
            client.get(side.url + path).raise_for_status()
            taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


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


def measure_files(folder: Path, database: str, gib: float = 2) -> dict[str, Any]:
    """Megabytes a second of one download and of one upload, and what they cost in memory."""
    size = int(gib * 2**30)
    with ours(folder, database) as us, plain(folder, database) as them:
        source = folder / "download"
        _noise(source, size)
        job_id = _publish(folder, database, source, size)
        path = f"{us.url}/v1/jobs/{job_id}/artifacts/large.bin"
        resting = _resident(us.pid)
        down = [(_curl(us, path), _curl(them, f"{them.url}/file")) for _ in range(3)]
        after_down = _resident(us.pid)
        up = [(_upload(us, source, size), _upload_plain(them, source, size)) for _ in range(3)]
        after_up = _resident(us.pid)
    return {
        "GiB": gib,
        "download": _rates(down),
        "upload": _rates(up),
        "API MB": {"resting": resting, "after downloads": after_down, "after uploads": after_up},
    }


def _rates(pairs: list[tuple[float, float]]) -> dict[str, float]:
    return {
        "ours MB/s": round(statistics.median(a for a, _ in pairs)),
        "plain MB/s": round(statistics.median(b for _, b in pairs)),
        "ratio": round(statistics.median(a / b for a, b in pairs), 2),
    }


def _noise(path: Path, size: int) -> None:
    block = random.Random(1).randbytes(1 << 24)
    with path.open("wb") as file:
        for number in range(size >> 24):
            file.write(number.to_bytes(8, "big") + block[8:])


def _publish(folder: Path, database: str, source: Path, size: int) -> str:
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    key = LocalFiles(folder / "home" / "files").put(source, digest)
    truth = Database(database)
    with truth.write() as session:
        project = session.scalars(select(Project.id).where(Project.name == "default")).one()
        create_job(session, project_id=project, spec=SPEC, plan=PLAN)
    with truth.write() as session:
        claim = leases.claim(session, owner="w", resource_classes=["cpu"], lease_seconds=600)
        assert claim is not None
        artifact = StoredArtifact("large.bin", "file", "application/octet-stream", digest, size, key)
        records.publish(session, claim.lease, {}, [artifact])
    truth.close()
    return claim.lease.job_id


def _curl(side: Side, url: str, *more: str) -> float:
    headers = [part for name, value in side.headers.items() for part in ("-H", f"{name}: {value}")]
    command = [
        "curl",
        "-sf",
        "-o",
        "/dev/null",
        "-w",
        "%{size_download} %{size_upload} %{time_total}",
        *headers,
        *more,
        url,
    ]
    down, up, seconds = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    return max(down, up) / seconds / 1e6


PART = 256 * 1024**2


def _upload(side: Side, source: Path, size: int) -> float:
    """All parts one after the other; digests are known beforehand, as a client knows them from its disk."""
    parts = list(_parts(source, size))
    began = time.perf_counter()
    with httpx.Client(base_url=side.url, headers=side.headers, timeout=60) as client:
        body = {"name": "large", "bytes": size, "part_bytes": PART}
        upload = client.post("/v1/uploads", json=body).raise_for_status().json()
        for number, (path, digest) in enumerate(parts, 1):
            url = f"{side.url}/v1/uploads/{upload['id']}/parts/{number}"
            _curl(side, url, "-T", str(path), "-H", f"Content-Digest: sha-256=:{digest}:")
        client.post(f"/v1/uploads/{upload['id']}/complete", json={}).raise_for_status()
        taken = time.perf_counter() - began
        client.delete(f"/v1/uploads/{upload['id']}")
    for _, digest in parts:  # or the next round would find its bytes stored
        key = base64.b64decode(digest).hex()
        (source.parent / "home" / "files" / "sha256" / key[:2] / key).unlink(missing_ok=True)
    return size / taken / 1e6


def _upload_plain(side: Side, source: Path, size: int) -> float:
    parts = list(_parts(source, size))
    began = time.perf_counter()
    for path, _ in parts:
        _curl(side, f"{side.url}/file", "-T", str(path))
    return size / (time.perf_counter() - began) / 1e6


def _parts(source: Path, size: int) -> Iterator[tuple[Path, str]]:
    for number in range(max(1, size // PART)):
        path = source.with_name(f"part-{number}")
        if not path.exists():
            with source.open("rb") as file:
                file.seek(number * PART)
                path.write_bytes(file.read(PART))
        with path.open("rb") as file:
            yield path, base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()


def _resident(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


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


def main() -> None:
    """Run the parts that were named, or all."""
    parts = sys.argv[1:] or ["submit", "list", "events", "files", "claims", "idle"]
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
    if part == "claims":
        return measure_claims(fresh("postgres", "jobs"))
    return measure_idle(room)


def _room(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


if __name__ == "__main__":
    main()
