"""What users bring, looked at by real workers: ready, refused with a report, resumed after a kill, bounded."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from crew import QUICK, Crew
from pictures import archive, two_classes
from servers import wait_until
from sqlalchemy import select

from store import imports, inspections, registry, uploads
from store.jobs import cancel_job
from store.localfiles import LocalFiles
from store.models import DatasetFile, DatasetVersion, Event, JobState
from store.settings import Settings
from store.shelves import DATASETS

OPTIONS = {"format": "image-folder", "size": {"height": 8, "width": 8}}
PART = 2**20


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the operator lets users import from."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture(scope="module")
def crew(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, shelf: Path) -> Iterator[Crew]:
    """A service on files whose workers know the place ``shelf``."""
    home = tmp_path_factory.mktemp("embedded")
    (home / "distillery.sqlite").write_bytes(sqlite_template.read_bytes())
    told = {"IMPORTS": f"shelf={shelf}"}
    found = Crew(home, f"sqlite:///{home / 'distillery.sqlite'}", f"sqla+sqlite:///{home / 'broker.sqlite'}", told)
    yield found
    found.close()


def upload(crew: Crew, name: str, data: bytes) -> str:
    """A complete upload, in parts of a megabyte."""
    files = LocalFiles(crew.home / "files")
    with crew.database.write() as session:
        row = uploads.begin(session, crew.project, name, len(data), PART, hours=48)
        for number in range(1, uploads.part_count(len(data), PART) + 1):
            part = data[(number - 1) * PART : number * PART]
            aside = files.aside()
            aside.write_bytes(part)
            sha256 = hashlib.sha256(part).hexdigest()
            files.take(aside, sha256)
            uploads.add_part(session, row, number, sha256)
        return uploads.complete(session, row).id


def bring(crew: Crew, source: Callable[[Any, Settings], inspections.Source], name: str, **caps: Any) -> DatasetVersion:
    """A dataset that waits for its inspection, and a ring."""
    told = {"home": crew.home, "imports": crew.settings["IMPORTS"], **caps}
    settings, options = Settings(**told), OPTIONS | {"name": name}
    with crew.database.write() as session:
        found = source(session, settings)
        job = inspections.submit(session, settings, crew.project, "dataset", options, found)
        made = registry.create(session, DATASETS, crew.project, name, most=1000)
        version = registry.add_version(session, DATASETS, made, job, options, found.described)
    crew.doorbell.ring("cpu")
    return version


def bring_files(crew: Crew, name: str, files: dict[str, bytes], **caps: Any) -> DatasetVersion:
    """A dataset of a zip of these files."""
    upload_id = upload(crew, f"{name}.zip", archive(files))
    return bring(crew, lambda session, _: inspections.of_uploads(session, crew.project, [upload_id]), name, **caps)


def looked_at(crew: Crew, brought: DatasetVersion) -> DatasetVersion:
    """The version as it is now."""
    found: DatasetVersion = crew.read(
        lambda session: session.get_one(DatasetVersion, (brought.dataset_id, brought.number))
    )
    return found


def stored(crew: Crew, brought: DatasetVersion) -> dict[str, bytes]:
    """The version's files, read and checked."""
    files = LocalFiles(crew.home / "files")
    rows = crew.read(
        lambda session: session.scalars(
            select(DatasetFile).where(
                DatasetFile.dataset_id == brought.dataset_id, DatasetFile.number == brought.number
            )
        ).all()
    )
    found = {row.path: b"".join(files.open(row.key)) for row in rows}
    assert {row.path: row.sha256 for row in rows} == {
        path: hashlib.sha256(data).hexdigest() for path, data in found.items()
    }
    return found


def test_an_upload_in_parts_becomes_a_pack_whose_files_are_whole(crew: Crew) -> None:
    crew.worker()
    noise = {".noise": os.urandom(2 * PART)}  # three parts
    brought = bring_files(crew, "whole", two_classes() | noise)
    crew.until(brought.job_id, JobState.SUCCEEDED)
    found = looked_at(crew, brought)
    assert (found.status, found.error) == ("ready", None)
    assert found.card is not None
    assert found.card["target"]["classes"] == ["dark", "light"]
    files = stored(crew, brought)
    assert {"dataset.json", "report.json", "train/inputs.npy", "train/targets.npy"} <= set(files)
    assert any(path.startswith("preview/") for path in files)
    assert found.report is not None
    assert found.report["state"] == "ready"


def test_a_hostile_archive_is_refused_and_its_report_is_kept(crew: Crew) -> None:
    crew.worker()
    brought = bring_files(crew, "hostile", {**two_classes(), "../../escaped.png": b"x"})
    assert crew.until(brought.job_id, JobState.FAILED).error["code"] == "invalid_data"
    found = looked_at(crew, brought)
    assert found.status == "failed"
    assert "escaped.png" in found.error["message"]
    assert found.report["state"] == "refused"
    assert set(stored(crew, brought)) == {"report.json"}
    assert not list(crew.home.rglob("escaped.png"))
    assert len(crew.attempts(brought.job_id)) == 1


@pytest.mark.slow
def test_an_inspection_whose_worker_is_killed_is_done_by_another(crew: Crew) -> None:
    worker = crew.worker()
    brought = bring_files(crew, "killed", two_classes(each=1500, side=32))

    def at_work() -> bool:
        query = select(Event).where(Event.job_id == brought.job_id, Event.type == "phase")
        return any(event.data["phase"] != "prepare" for event in crew.read(lambda s: s.scalars(query).all()))

    wait_until(at_work, "an inspection in the middle", 60)
    worker.send(signal.SIGKILL)
    worker.process.wait()
    assert looked_at(crew, brought).status == "validating"
    crew.hire()
    crew.until(brought.job_id, JobState.SUCCEEDED)
    assert [attempt.outcome for attempt in crew.attempts(brought.job_id)] == ["lost", "succeeded"]
    assert looked_at(crew, brought).card["splits"]["train"]["count"] == 3000


def test_a_lost_part_is_said_and_not_tried_again(crew: Crew) -> None:
    crew.worker()
    data = archive(two_classes(each=13))
    upload_id = upload(crew, "lost.zip", data)
    digest = hashlib.sha256(data).hexdigest()
    (crew.home / "files" / "sha256" / digest[:2] / digest).write_bytes(b"not what it was")
    brought = bring(crew, lambda session, _: inspections.of_uploads(session, crew.project, [upload_id]), "lost")
    assert crew.until(brought.job_id, JobState.FAILED).error["code"] == "input_lost"
    assert "damaged" in looked_at(crew, brought).error["message"]


def test_an_imported_folder_is_read_without_what_its_links_lead_to(crew: Crew, shelf: Path, tmp_path: Path) -> None:
    crew.worker()
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    for name, data in two_classes().items():
        path = shelf / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (shelf / "scans" / "dark" / "link.png").symlink_to(secret)
    (shelf / "scans" / "folder").symlink_to(tmp_path)
    brought = bring(crew, lambda _, settings: inspections.of_import(settings, "shelf/scans"), "imported")
    assert brought.source == {"import": "shelf/scans", "files": 24, "bytes": imports_bytes(shelf)}
    crew.until(brought.job_id, JobState.SUCCEEDED)
    assert looked_at(crew, brought).card["splits"]["train"]["count"] == 24


def imports_bytes(shelf: Path) -> int:
    """Bytes of the plain files of the import."""
    return sum(found.bytes for found in imports.opened(str(shelf)).files("scans"))


def test_memory_of_an_inspection_is_bounded(crew: Crew) -> None:
    crew.worker()
    brought = bring_files(crew, "hungry", two_classes(side=2000), inspection_memory_gb=0.004)
    error = crew.until(brought.job_id, JobState.FAILED).error
    assert (error["code"], error["signal"]) == ("out_of_memory", None)
    assert looked_at(crew, brought).status == "failed"


def test_an_inspection_can_be_cancelled(crew: Crew) -> None:
    worker = crew.worker()
    worker.send(signal.SIGSTOP)
    brought = bring_files(crew, "cancelled", two_classes(each=14))
    crew.act(brought.job_id, cancel_job)
    worker.send(signal.SIGCONT)
    crew.until(brought.job_id, JobState.CANCELLED)
    assert looked_at(crew, brought).error["code"] == "cancelled"
    assert QUICK["LEASE_SECONDS"] == "3"
