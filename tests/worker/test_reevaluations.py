"""A finished student on newly given data, from the version that is ready to the drift that is told, by real workers."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from crew import Crew
from reevaluating import finished, inverted, pack, split
from servers import wait_until
from sqlalchemy import select

from api.watching import Watch
from kdcore.data.examples import Examples
from kdcore.files import sha256_of
from kdcore.spec import Plan
from store import jobs, monitors, records, registry, webhooks
from store.leases import claim
from store.localfiles import LocalFiles
from store.models import Event, JobKind, JobState, Reevaluation, WebhookDelivery
from store.records import StoredArtifact
from store.settings import Settings
from store.shelves import DATASETS

pytestmark = pytest.mark.slow


@dataclass
class Hall:
    """A service with a finished job, whose student is a real one."""

    crew: Crew
    plan: Plan
    figures: dict[str, Any]
    student: Path

    def stored(self, path: Path, name: str, role: str = "pack") -> StoredArtifact:
        """A file in the store of files."""
        sha256, size = sha256_of(path), path.stat().st_size
        files = LocalFiles(self.crew.home / "files")
        aside = files.aside()
        aside.write_bytes(path.read_bytes())
        files.take(aside, sha256)
        return StoredArtifact(name, role, "application/octet-stream", sha256, size, f"sha256/{sha256[:2]}/{sha256}")

    def job(self) -> str:
        """The finished job: what an engine left is published as a worker does."""
        left = self.stored(self.student, "student.safetensors", "model")
        with self.crew.database.write() as session:
            job = jobs.create_job(session, project_id=self.crew.project, spec={}, plan=self.plan.document())
            taken = claim(session, owner="us", resource_classes=["cpu"], lease_seconds=60)
            assert taken is not None
            records.publish(session, taken.lease, {"verdict": None}, [left])
            return job.id

    def bring(self, folder: Path, given: Examples, change: Any, name: str) -> str:
        """A dataset with one ready version, as its inspection would leave it."""
        card = pack(folder, given, change)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        found = [
            self.stored(path, path.relative_to(folder).as_posix(), "card" if path.name == "dataset.json" else "pack")
            for path in paths
        ]
        with self.crew.database.write() as session:
            made = registry.create(session, DATASETS, self.crew.project, name, most=100)
            job = jobs.create_job(
                session, project_id=self.crew.project, spec={"name": name}, plan={}, kind=JobKind.INSPECTION
            )
            registry.add_version(session, DATASETS, made, job, {"name": name}, {})
            taken = claim(session, owner="us", resource_classes=["cpu"], lease_seconds=60)
            assert taken is not None
            records.publish(session, taken.lease, {"card": card.model_dump(mode="json"), "report": {}}, found)
            return made.id

    def monitor(self, job_id: str, dataset_id: str) -> str:
        """A monitor whose first re-evaluation has begun."""
        fields = {"name": "line 3", "every_hours": None, "on_new_version": True, "distance": "mmd", "threshold": 2.0}
        told = {**fields, "action": "measure", "job_id": job_id, "dataset_id": dataset_id, "seen": None}
        with self.crew.database.write() as session:
            monitor_id = monitors.create_monitor(session, self.crew.project, **told).id
        watch = Watch(self.crew.database, Settings(home=self.crew.home), self.crew.doorbell.ring)
        while watch.once():
            pass
        return monitor_id

    def measured(self, monitor_id: str) -> Reevaluation:
        """The only re-evaluation."""
        mine = select(Reevaluation).where(Reevaluation.monitor_id == monitor_id)
        found: Reevaluation = self.crew.read(lambda session: session.scalars(mine).one())
        return found


@pytest.fixture(scope="module")
def hall(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """SQLite and files, and a student that knows digits."""
    home = tmp_path_factory.mktemp("embedded")
    (home / "distillery.sqlite").write_bytes(sqlite_template.read_bytes())
    crew = Crew(home, f"sqlite:///{home / 'distillery.sqlite'}", f"sqla+sqlite:///{home / 'broker.sqlite'}")
    yield Hall(crew, *finished(tmp_path_factory.mktemp("job"), training={"epochs": 3, "batch_size": 32}))
    crew.close()


def test_data_that_drifted_are_measured_told_and_kept_and_the_same_data_are_steady(hall: Hall, tmp_path: Path) -> None:
    job_id = hall.job()
    same = hall.bring(tmp_path / "same", split("test"), lambda pictures: pictures, "same")
    other = hall.bring(tmp_path / "other", split("test"), inverted, "other")
    with hall.crew.database.write() as session:
        webhooks.create_endpoint(session, hall.crew.project, "hook", "https://example.com", ["monitor.drifted"])
    steady, drifted = hall.monitor(job_id, same), hall.monitor(job_id, other)
    hall.crew.worker()
    for monitor_id in (steady, drifted):
        hall.crew.until(hall.measured(monitor_id).job_id or "", JobState.SUCCEEDED)
    assert [hall.measured(one).status for one in (steady, drifted)] == ["steady", "drifted"]
    figures = hall.measured(steady).figures
    assert figures is not None
    assert figures["before"]["score"] == figures["now"]["score"] == pytest.approx(hall.figures["score"])
    found = hall.measured(drifted)
    assert found.document is not None
    assert found.document["dataset"]["id"] == other
    assert found.document["change"]["interval"][1] < 0
    (message,) = hall.crew.read(lambda session: session.scalars(select(WebhookDelivery)).all())
    assert message.payload["data"]["monitor_id"] == drifted
    assert message.payload["data"]["ratio"] > 2


def test_a_re_evaluation_whose_worker_is_killed_is_done_by_another(hall: Hall, tmp_path: Path) -> None:
    many = split("train")
    many = Examples(many.inputs.repeat(6, 1, 1, 1), many.targets.repeat(6))
    dataset_id = hall.bring(tmp_path / "many", many, inverted, "many")
    worker = hall.crew.worker()
    monitor_id = hall.monitor(hall.job(), dataset_id)
    job_id = hall.measured(monitor_id).job_id or ""

    def at_work() -> bool:
        query = select(Event).where(Event.job_id == job_id, Event.type == "phase")
        return any(event.data["phase"] == "evaluate" for event in hall.crew.read(lambda s: s.scalars(query).all()))

    wait_until(at_work, "a re-evaluation in the middle", 60)
    worker.send(signal.SIGKILL)
    worker.process.wait()
    assert hall.measured(monitor_id).status == "pending"
    hall.crew.hire()
    hall.crew.until(job_id, JobState.SUCCEEDED)
    assert [attempt.outcome for attempt in hall.crew.attempts(job_id)] == ["lost", "succeeded"]
    assert hall.measured(monitor_id).status == "drifted"
