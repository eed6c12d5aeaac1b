"""A crew: a service's database and broker, with worker processes on them that a test may kill as it likes."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers import wait_until
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from kdcore.spec import parse_spec, plan
from store.database import Database
from store.doorbell import Doorbell
from store.jobs import create_job
from store.localfiles import LocalFiles
from store.models import Artifact, Attempt, Event, Job, JobState
from store.projects import ensure_project
from store.states import FINAL
from store.workers import live

# Long enough to be hit, short enough to be run some thirty times.
SPEC: dict[str, Any] = {
    "name": "tiny",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet8", "width": 0.25, "train": {"epochs": 1}},
    "student": {"architecture": "resnet8", "width": 0.25},
    "method": "hinton",
    "training": {"epochs": 10, "batch_size": 64, "checkpoints": {"every_seconds": 0.3}},
    "baseline": False,
    "deliver": ["safetensors"],
    "resources": {"device": "cpu"},
}
QUICK = {
    "LEASE_SECONDS": "3",
    "LEASE_MARGIN_SECONDS": "1",
    "BEAT_SECONDS": "0.5",
    "SWEEP_SECONDS": "0.5",
    "BACKOFF_SECONDS": "0.2",
    "STANDBY_SECONDS": "0",
    "ENGINE_THREADS": "1",
}
PATIENCE_SECONDS = 180
_PR_SET_PDEATHSIG = 1
_ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}


def fingerprint(safetensors: bytes) -> str:
    """Sha256 of a student's bits; the file's own differs between two exports in the order of its metadata."""
    size = int.from_bytes(safetensors[:8], "little")
    header = json.dumps(json.loads(safetensors[8 : 8 + size]), sort_keys=True).encode()
    return hashlib.sha256(header + safetensors[8 + size :]).hexdigest()


@dataclass
class WorkerProcess:
    """One `python -m worker`, which dies with the tests."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def up(self) -> bool:
        return self.process.poll() is None

    def said(self, event: str) -> int:
        """How often it logged this event."""
        return self.log.read_text().count(f'"event": "{event}"')

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        if self.up:
            self.send(signal.SIGCONT)
            self.process.kill()
        self.process.wait()


@dataclass
class Crew:
    """The service without its API: jobs are created by the store, as the API does."""

    home: Path
    database_url: str
    broker_url: str
    settings: Mapping[str, str] = field(default_factory=dict)
    workers: list[WorkerProcess] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = Database(self.database_url)
        self.doorbell = Doorbell(self.broker_url)
        with self.database.write() as session:
            self.project = ensure_project(session, "tests").id

    def hire(self) -> WorkerProcess:
        """Start a worker and wait until it could take a job."""
        worker = self.start()
        wait_until(lambda: worker.said("engine_warm") > 0 or not worker.up, "the worker", PATIENCE_SECONDS)
        assert worker.up, worker.log.read_text()
        return worker

    def start(self, *before: str) -> WorkerProcess:
        """Start a worker; `before` are words that stand before the command."""
        self.home.mkdir(parents=True, exist_ok=True)
        log = self.home / f"worker-{len(self.workers)}.log"
        settings = {**QUICK, **self.settings, "HOME": str(self.home), "DATABASE_URL": self.database_url}
        settings["BROKER_URL"] = self.broker_url
        environment = {f"DISTILLERY_{name}": value for name, value in settings.items()}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*before, sys.executable, "-m", "worker"],
                env={**_ENVIRONMENT, **environment},
                stdout=output,
                stderr=output,
                cwd=self.home,
                preexec_fn=lambda: ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
            )
        self.workers.append(WorkerProcess(process, log))
        return self.workers[-1]

    def worker(self) -> WorkerProcess:
        """A worker that lives: one from before, or a fresh one."""
        alive = [worker for worker in self.workers if worker.up]
        return alive[0] if alive else self.hire()

    def freeze(self, worker: WorkerProcess, job_id: str) -> None:
        """Stop a worker between two transactions: in the middle of one it would hold SQLite's only lock."""
        while True:
            worker.send(signal.SIGSTOP)
            if self._can_be_written(job_id):
                return
            worker.send(signal.SIGCONT)
            time.sleep(0.05)

    def _can_be_written(self, job_id: str) -> bool:
        if self.database_url.startswith("sqlite"):
            path = self.database_url.removeprefix("sqlite:///")
            with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as file:
                try:
                    file.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    return False
            return True
        try:
            with self.database.write() as session:
                session.execute(select(Job.id).where(Job.id == job_id).with_for_update(nowait=True))
        except OperationalError:
            return False
        return True

    def engines_of(self, worker: WorkerProcess) -> list[int]:
        """The engines that this worker has started and that still live."""
        return [
            int(entry.name)
            for entry in Path("/proc").glob("[0-9]*")
            if _command(entry)[1:4] == ["-P", "-m", "kdcore.host"]
            and _command(entry)[-1] == str(worker.pid)
            and _lives(entry)
        ]

    def submit(self, *, rings: int = 1, break_plan: bool = False, **resources: Any) -> str:
        """Create a job and ring; its id."""
        spec = {**SPEC, "resources": {**SPEC["resources"], **resources}}
        planned = plan(parse_spec(spec)).document()
        if break_plan:  # as if another version of the service had made it
            del planned["runs"]
        with self.database.write() as session:
            job = create_job(session, project_id=self.project, spec=spec, plan=planned, attempts_max=20)
        for _ in range(rings):
            self.doorbell.ring(planned["resource_class"])
        return job.id

    def read(self, query: Callable[[Session], Any]) -> Any:
        with self.database.read() as session:
            return query(session)

    def job(self, job_id: str) -> Job:
        found: Job = self.read(lambda session: session.get_one(Job, job_id))
        return found

    def act(self, job_id: str, action: Callable[[Session, Job], Job]) -> None:
        """Cancel, pause or resume as the API does."""
        with self.database.write() as session:
            action(session, session.get_one(Job, job_id))

    def until(self, job_id: str, *states: JobState, seconds: float = PATIENCE_SECONDS) -> Job:
        """Wait for one of these states; a final one that is not among them fails the test."""
        until = time.monotonic() + seconds
        while True:
            job = self.job(job_id)
            if job.status in states:
                return job
            assert job.status not in FINAL, f"{job.status}: {job.error}\n{self.logs()}"
            assert time.monotonic() < until, f"{job.status} after {seconds} s\n{self.logs()}"
            time.sleep(0.05)

    def until_checkpoint(self, job_id: str, count: int = 1) -> None:
        """Wait until so many checkpoints are stored: the job is in mid-training then."""
        saved = select(func.count()).where(Event.job_id == job_id, Event.type == "checkpoint")
        wait_until(
            lambda: self.read(lambda session: session.scalar(saved)) >= count or self.job(job_id).status in FINAL,
            f"checkpoint {count}",
            PATIENCE_SECONDS,
        )
        job = self.job(job_id)
        assert job.status not in FINAL, f"{job.status} before it could be hit: {job.error}"

    def engine_at_work(self, job_id: str) -> int:
        """The process that trains this job, as its worker says."""
        found: list[int] = []

        def look() -> bool:
            for worker in self.read(lambda session: live(session, 5)):
                found.extend(slot["engine"] for slot in worker.facts["slots"] if slot["job"] == job_id)
            return bool(found)

        wait_until(look, f"an engine of {job_id}", 30)
        return found[0]

    def student(self, job_id: str) -> str:
        """The fingerprint of the published student."""
        query = select(Artifact.key).where(Artifact.job_id == job_id, Artifact.name == "student.safetensors")
        key = self.read(lambda session: session.scalars(query).one())
        return fingerprint(b"".join(LocalFiles(self.home / "files").open(key)))

    def attempts(self, job_id: str) -> list[Attempt]:
        query = select(Attempt).where(Attempt.job_id == job_id).order_by(Attempt.number)
        return list(self.read(lambda session: session.scalars(query).all()))

    def events(self, job_id: str) -> list[Event]:
        query = select(Event).where(Event.job_id == job_id).order_by(Event.seq)
        return list(self.read(lambda session: session.scalars(query).all()))

    def logs(self) -> str:
        return "\n".join(f"{worker.log.name}:\n{worker.log.read_text()[-4000:]}" for worker in self.workers)

    def close(self) -> None:
        for worker in self.workers:
            worker.end()
        self.doorbell.close()
        self.database.close()


def _command(process: Path) -> list[str]:
    try:
        return (process / "cmdline").read_text().rstrip("\0").split("\0")
    except OSError:
        return []


def _lives(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def undisturbed_student(folder: Path) -> str:
    """The fingerprint of the student that an engine makes in this folder, with no service near."""
    program = (
        "import json, sys, kdcore; from kdcore.spec import parse_spec, plan;"
        "kdcore.run(plan(parse_spec(json.loads(sys.argv[1]))), sys.argv[2], lambda record: None)"
    )
    environment = {**_ENVIRONMENT, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-c", program, json.dumps(SPEC), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return fingerprint((folder / "artifacts" / "student.safetensors").read_bytes())
