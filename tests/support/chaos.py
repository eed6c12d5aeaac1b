"""Chaos: jobs on a whole service whose parts are killed, frozen, starved and lied to; afterwards nothing is lost.

`make chaos` runs it for minutes and prints what was done to the service and what it lost; the tests have a short form.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from crew import QUICK, SPEC, Crew, WorkerProcess, fingerprint, undisturbed_student
from rich.console import Console
from rich.table import Table
from servers import Postgres, Redis, free_port, wait_until
from sqlalchemy import select

from distillery import ApiError, Client, Retry, Unreachable
from store import garbage
from store.database import Database
from store.files import digest_of
from store.keys import create_key
from store.localfiles import LocalFiles
from store.migrate import upgrade
from store.models import Artifact, Attempt, CheckpointFile, Event, Job, JobState, UploadPart
from store.settings import Settings
from store.states import FINAL

SECRET = "chaos-only-secret-0123456789abcdef0123456789"
TINY_BYTES = 4096
"""No file may grow beyond this while the disk is "full"."""
FROZEN_SECONDS = 5.0
"""Longer than a lease of three seconds."""
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


class Faults:
    """What can happen to a service, by name. Each leaves it able to recover by itself."""

    def __init__(self, service: Service, random_: random.Random) -> None:
        self._service, self._random = service, random_
        self.done: Counter[str] = Counter()
        self.skipped: dict[str, str] = {}
        self._known: dict[str, Callable[[], bool]] = {
            "worker killed": self._kill_worker,
            "worker told to leave": self._drain_worker,
            "worker frozen past its lease": self._freeze_worker,
            "engine killed": self._kill_engine,
            "API killed": self._kill_api,
            "broker killed": self._kill_broker,
            "database restarted": self._restart_database,
            "messages dropped": self._drop_messages,
            "messages doubled": self._double_messages,
            "disk full for a while": self._fill_disk,
            "worker with a wrong clock": self._hire_with_wrong_clock,
            "job paused and resumed": self._pause_and_resume,
            "job cancelled": self._cancel,
        }

    def names(self) -> list[str]:
        """All of them."""
        return list(self._known)

    def commit(self, name: str) -> None:
        """Let it happen, if there is something for it to happen to."""
        if self._known[name]():
            self.done[name] += 1

    def _worker(self) -> WorkerProcess | None:
        alive = self._service.alive
        return self._random.choice(alive) if alive else None

    def _kill_worker(self) -> bool:
        worker = self._worker()
        if worker is not None:
            worker.send(signal.SIGKILL)
        return worker is not None

    def _drain_worker(self) -> bool:
        worker = self._worker()
        if worker is not None:
            worker.send(signal.SIGTERM)
        return worker is not None

    def _freeze_worker(self) -> bool:
        worker, jobs = self._worker(), [order.id for order in self._service.orders]
        if worker is None or not jobs:
            return False
        self._service.crew.freeze(worker, jobs[0])
        time.sleep(FROZEN_SECONDS)
        worker.send(signal.SIGCONT)
        return True

    def _kill_engine(self) -> bool:
        engines = self._service.engines()
        if not engines:
            return False
        with suppress(ProcessLookupError):
            os.kill(self._random.choice(engines), signal.SIGKILL)
        return True

    def _kill_api(self) -> bool:
        with self._service.lock:
            if self._service.api is not None:
                self._service.api.kill()
        return True

    def _kill_broker(self) -> bool:
        redis = self._service.redis
        if redis is None:
            self.skipped["broker killed"] = "the embedded broker is a file"
            return False
        redis.kill()
        time.sleep(self._random.uniform(0.1, 2))
        redis.start()
        return True

    def _restart_database(self) -> bool:
        postgres = self._service.postgres
        if postgres is None:
            self.skipped["database restarted"] = "the embedded database is a file"
            return False
        postgres._end(signal.SIGQUIT)  # at once, without good-byes: as a crash that its log recovers from
        time.sleep(self._random.uniform(0.1, 1))
        postgres.start()
        return True

    def _drop_messages(self) -> bool:
        redis = self._service.redis
        if redis is None:
            self.skipped["messages dropped"] = "rings of the embedded broker are not ours to delete"
            return False
        import redis as client

        with client.Redis.from_url(self._service.crew.broker_url) as connection, suppress(client.ConnectionError):
            for name in connection.scan_iter("ring.*"):
                connection.delete(name)
        return True

    def _double_messages(self) -> bool:
        for _ in range(5):
            with suppress(Exception):
                self._service.crew.doorbell.ring("cpu")
        return True

    def _fill_disk(self) -> bool:
        """No process of a worker can write a file larger than a few kilobytes."""
        full = [pid for worker in self._service.alive for pid in (worker.pid, *self._service.crew.engines_of(worker))]
        limits = [_limit(pid, TINY_BYTES) for pid in full]
        time.sleep(2)
        for pid, before in zip(full, limits, strict=True):
            if before is not None:
                _limit(pid, before)
        return any(before is not None for before in limits)

    def _hire_with_wrong_clock(self) -> bool:
        if self._service.postgres is None:
            self.skipped["worker with a wrong clock"] = "workers of one machine share its clock, and SQLite is on one"
            return False
        program = shutil.which("faketime")
        if program is None:
            self.skipped["worker with a wrong clock"] = "faketime is missing: apt install faketime"
            return False
        hours = self._random.choice(["-5h", "+5h"])
        with self._service.lock:
            self._service.crew.start("env", "FAKETIME_DONT_FAKE_MONOTONIC=1", program, "-f", hours)
            victims = self._service.alive[:-1]
            if len(victims) >= self._service.workers:
                self._random.choice(victims).send(signal.SIGTERM)
        return True

    def _pause_and_resume(self) -> bool:
        return self._on_a_job("pause") and self._eventually("resume")

    def _cancel(self) -> bool:
        if self.done["job cancelled"] >= max(1, len(self._service.orders) // 4):
            return False  # the others shall show that they end well
        return self._on_a_job("cancel")

    def _on_a_job(self, action: str) -> bool:
        going = [order for order in self._service.orders if order.wanted is JobState.SUCCEEDED]
        if not going:
            return False
        order = self._random.choice(going)
        self._last = order
        with Client(self._service.url, self._service.key, retry=PATIENT) as client:
            try:
                getattr(client, action)(order.id)
            except ApiError:
                return False  # it has ended
            if action == "cancel":
                order.wanted = JobState.CANCELLED
        return True

    def _eventually(self, action: str) -> bool:
        until = time.monotonic() + 30
        with Client(self._service.url, self._service.key, retry=PATIENT) as client:
            while time.monotonic() < until:
                with suppress(ApiError):
                    getattr(client, action)(self._last.id)
                    return True
                if client.job(self._last.id)["status"] in FINAL:
                    return True
                time.sleep(0.2)
        return False


def _limit(pid: int, size: int) -> int | None:
    """Bound the files that a process may write; the bound it had, or None when it is gone."""
    try:
        before, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, most))
    except (ProcessLookupError, PermissionError):
        return None
    return before


def submit(service: Service, count: int) -> None:
    """Give the service its jobs, each once, however often the request has to be sent."""
    with Client(service.url, service.key, retry=PATIENT) as client:
        for number in range(count):
            spec = {**SPEC, "name": f"chaos-{number}"}
            service.orders.append(Order(client.submit(spec, idempotency_key=f"chaos-{number}")["id"]))


def rage(service: Service, faults: Faults, seconds: float, random_: random.Random) -> None:
    """Fault after fault: every kind once in a random order, and then as it comes, as long as there is time and work."""
    until, names = time.monotonic() + seconds, faults.names()
    random_.shuffle(names)
    while time.monotonic() < until and not all_ended(service):
        with suppress(Unreachable):
            faults.commit(names.pop() if names else random_.choice(faults.names()))
        time.sleep(random_.uniform(0.2, 1.5))


def all_ended(service: Service) -> bool:
    """Whether no job is under way."""
    try:
        with service.crew.database.read() as session:
            states = session.scalars(select(Job.status)).all()
    except Exception:
        return False
    return len(states) >= len(service.orders) and all(state in FINAL for state in states)


def settle(service: Service, seconds: float) -> None:
    """Wait in peace until every job has ended, or for so long."""
    with suppress(TimeoutError):
        wait_until(lambda: all_ended(service), "the end of all jobs", seconds)


def losses(service: Service, bits: str) -> list[str]:
    """What the service owes its users: empty when it kept every promise."""
    found: list[str] = []
    with service.crew.database.read() as session:
        jobs = {job.id: job for job in session.scalars(select(Job))}
        for order in service.orders:
            found += _of_job(service, session, jobs.get(order.id), order, bits)
        if extra := set(jobs) - {order.id for order in service.orders}:
            found.append(f"jobs that nobody ordered: {sorted(extra)}")
        if any(job.lease_owner for job in jobs.values()):
            found.append("a lease without work")
    return found + _engines(service) + _files(service)


def _of_job(service: Service, session: Any, job: Job | None, order: Order, bits: str) -> Iterator[str]:
    if job is None:
        yield f"{order.id} was accepted and is gone"
        return
    ended = {JobState.SUCCEEDED, order.wanted}  # a cancel may come too late
    if job.status not in ended:
        yield f"{job.id} is {job.status}: {job.error}"
    events = session.scalars(select(Event).where(Event.job_id == job.id).order_by(Event.seq)).all()
    if [event.seq for event in events] != list(range(1, job.event_seq + 1)):
        yield f"{job.id}: its story has gaps"
    if [event.type for event in events].count("end") != 1:
        yield f"{job.id}: its story has not exactly one end"
    if any(attempt.ended_at is None for attempt in session.scalars(select(Attempt).where(Attempt.job_id == job.id))):
        yield f"{job.id}: an attempt that never ended"
    artifacts = session.scalars(select(Artifact).where(Artifact.job_id == job.id)).all()
    if bool(artifacts) != (job.status is JobState.SUCCEEDED):
        yield f"{job.id} is {job.status} and has {len(artifacts)} files"
    yield from _of_files(service, job.id, artifacts, bits)


def _of_files(service: Service, job_id: str, artifacts: Any, bits: str) -> Iterator[str]:
    files = LocalFiles(service.crew.home / "files")
    for artifact in artifacts:
        data = b"".join(files.open(artifact.key))
        if (hashlib.sha256(data).hexdigest(), len(data)) != (artifact.sha256, artifact.bytes):
            yield f"{job_id}: {artifact.name} is damaged"
        if artifact.name == "student.safetensors" and fingerprint(data) != bits:
            yield f"{job_id}: its weights are not those of an undisturbed run"


def _engines(service: Service) -> list[str]:
    """Living workers have one engine each, which waits; dead ones have none."""
    wait_until(lambda: all(len(service.crew.engines_of(worker)) <= 1 for worker in service.alive), "idle engines", 30)
    dead = [worker for worker in service.crew.workers if not worker.up]
    left = [pid for worker in dead for pid in service.crew.engines_of(worker)]
    return [f"engines without a worker: {left}"] if left else []


def _files(service: Service) -> list[str]:
    """After the garbage was collected there are the files that something refers to, and no others."""
    files = LocalFiles(service.crew.home / "files")
    garbage.survey(service.crew.database, files, idle_seconds=0)
    while garbage.collect(service.crew.database, files, idle_seconds=0):
        pass
    with service.crew.database.read() as session:
        columns = (Artifact.key, CheckpointFile.key, Attempt.log_key, UploadPart.key)
        wanted = {key for column in columns for key in session.scalars(select(column)) if key}
    there = {str(path.relative_to(files.root)) for path in files.root.glob("sha256/*/*")}
    orphans = {key for key in there - wanted if digest_of(key)}
    lost = wanted - there
    return [f"files that are gone: {len(lost)}"] * bool(lost) + [f"orphan files: {len(orphans)}"] * bool(orphans)


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
    settings = Settings(home=home, database_url=database, secret=SECRET)  # type: ignore[arg-type]
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


def trial(folder: Path, *, jobs: int, workers: int, seconds: float, seed: int, servers: bool, bits: str) -> Report:
    """One round of chaos and what it cost."""
    random_ = random.Random(seed)
    with running(folder, workers, servers=servers) as service:
        ready(service)
        faults = Faults(service, random_)
        sender = threading.Thread(target=submit, args=(service, jobs))
        sender.start()
        wait_until(lambda: bool(service.orders), "the first job", 60)
        rage(service, faults, seconds, random_)
        sender.join()
        settle(service, 60 + 30 * jobs)
        ended = Counter(str(service.crew.job(order.id).status) for order in service.orders)
        return Report(faults.done, faults.skipped, losses(service, bits), ended)


@dataclass(frozen=True)
class Report:
    """Faults by kind, those that there was no way to cause, what was lost, and how jobs ended."""

    faults: Counter[str]
    skipped: dict[str, str]
    losses: list[str]
    ended: Counter[str]


def show(report: Report, console: Console) -> None:
    """The table that `make chaos` ends with."""
    table = Table("fault", "times", title="What was done to the service", title_justify="left")
    for name, times in sorted(report.faults.items()):
        table.add_row(name, str(times))
    for name, why in sorted(report.skipped.items()):
        table.add_row(name, f"0 ({why})")
    console.print(table)
    console.print(f"jobs: {', '.join(f'{count} {state}' for state, count in sorted(report.ended.items()))}")
    console.print(f"faults: {sum(report.faults.values())}, losses: {len(report.losses)}", style="bold")
    for loss in report.losses:
        console.print(f"  {loss}", markup=False, style="red")


def main() -> int:
    """`make chaos`."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=180, help="of faults; jobs then end in peace")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--embedded", action="store_true", help="on files instead of Postgres and Redis")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    seed, console = random.randrange(10**6) if chosen.seed is None else chosen.seed, Console()
    with tempfile.TemporaryDirectory(prefix="distillery-chaos-") as name:
        folder = Path(name)
        console.print(f"seed {seed}; {chosen.jobs} jobs on {chosen.workers} workers, {chosen.seconds:g} s of faults")
        bits = undisturbed_student(folder / "undisturbed")
        options = {"jobs": chosen.jobs, "workers": chosen.workers, "seconds": chosen.seconds}
        report = trial(folder / "trial", **options, seed=seed, servers=not chosen.embedded, bits=bits)
    if chosen.json:
        print(json.dumps({"faults": report.faults, "losses": report.losses, "ended": report.ended, "seed": seed}))
    else:
        show(report, console)
    return 1 if report.losses else 0


if __name__ == "__main__":
    sys.exit(main())
