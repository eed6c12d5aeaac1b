"""Files go when nothing refers to them any more, and not a moment before."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from storing import finish, make_job, must_take

from store import records
from store.checkpoints import StoredFile
from store.database import Database, now
from store.errors import FileMissing
from store.garbage import bury, collect, survey
from store.leases import Lease
from store.localfiles import LocalFiles
from store.models import DeadFile
from store.records import StoredArtifact
from store.settings import Settings
from store.sweep import sweep


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    """Files in a folder."""
    return LocalFiles(tmp_path / "files")


def put(files: LocalFiles, folder: Path, text: str) -> StoredFile:
    """Stores a text, long ago."""
    path = folder / "source"
    path.write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    key = files.put(path, digest)
    os.utime(files.root / key, (1, 1))
    return StoredFile(text, digest, len(text), key)


def save(db: Database, lease: Lease, step: int, *stored: StoredFile) -> None:
    """A checkpoint of these files."""
    with db.write() as session:
        records.add_checkpoint(session, lease, {"step": step, "run": "r"}, stored)


def kept(files: LocalFiles) -> int:
    """How many files there are."""
    return sum(1 for path in files.root.rglob("*") if path.is_file())


def test_files_of_dropped_checkpoints_go_and_those_that_others_use_stay(
    db: Database, files: LocalFiles, tmp_path: Path
) -> None:
    make_job(db)
    lease = must_take(db).lease
    shared = put(files, tmp_path, "teacher")
    for step in range(5):
        save(db, lease, step, shared, put(files, tmp_path, f"student {step}"))
    assert kept(files) == 6
    assert collect(db, files, 0) == 3
    assert kept(files) == 3
    assert files.size(shared.key) == len("teacher")
    with db.read() as session:
        assert list(session.scalars(select(DeadFile.key))) == []


def test_artifacts_and_logs_keep_their_files(db: Database, files: LocalFiles, tmp_path: Path) -> None:
    make_job(db)
    lease = must_take(db).lease
    weights, log = put(files, tmp_path, "weights"), put(files, tmp_path, "log")
    with db.write() as session:
        records.attach_log(session, lease, log.key, log.bytes)
        artifact = StoredArtifact("student", "weights", "x/y", weights.sha256, weights.bytes, weights.key)
        records.publish(session, lease, {}, [artifact])
        bury(session, [weights.key, log.key])
    assert collect(db, files, 0) == 0
    assert kept(files) == 2


def test_a_file_without_references_gets_its_time_of_grace(db: Database, files: LocalFiles, tmp_path: Path) -> None:
    lonely = put(files, tmp_path, "x")
    with db.write() as session:
        bury(session, [lonely.key])
    assert collect(db, files, 900) == 0
    assert collect(db, files, 0) == 1
    with pytest.raises(FileMissing):
        files.size(lonely.key)


def test_a_file_that_is_about_to_be_used_again_stays(db: Database, files: LocalFiles, tmp_path: Path) -> None:
    again = put(files, tmp_path, "x")
    with db.write() as session:
        bury(session, [again.key])
        session.execute(update(DeadFile).values(since=now(session) - timedelta(hours=1)))
    files.put(tmp_path / "source", again.sha256)  # an upload whose checkpoint does not count yet
    assert collect(db, files, 900) == 0
    assert files.size(again.key) == 1


def test_burying_a_file_twice_starts_its_time_again_and_two_may_do_it_at_once(db: Database) -> None:
    with db.write() as session:
        bury(session, ["a", "b", "a"])
    with db.write() as session:
        bury(session, ["b", "c"])
    with db.read() as session:
        assert sorted(session.scalars(select(DeadFile.key))) == ["a", "b", "c"]


def test_the_sweep_collects(db: Database, files: LocalFiles, tmp_path: Path) -> None:
    make_job(db)
    lease = must_take(db).lease
    for step in range(4):
        save(db, lease, step, put(files, tmp_path, f"student {step}"))
    finish(db, lease)
    settings = Settings(home=tmp_path, garbage_seconds=0.001)
    assert sweep(db, settings).files_removed == 0
    assert sweep(db, settings, files).files_removed == 2
    assert kept(files) == 2


def test_a_file_that_never_had_a_reference_is_found_by_the_survey_and_removed(
    db: Database, files: LocalFiles, tmp_path: Path
) -> None:
    make_job(db)
    lease = must_take(db).lease
    used, stray = put(files, tmp_path, "used"), put(files, tmp_path, "stored by somebody who died")
    save(db, lease, 1, used)
    os.utime(files.root / stray.key)
    assert survey(db, files, 3600) == 0  # too young: somebody may be about to name it
    assert survey(db, files, 0) == 1
    assert survey(db, files, 0) == 0  # known by now
    assert collect(db, files, 0) == 1
    assert list(files.keys(0)) == [used.key]


def test_a_stray_file_that_is_named_after_all_stays(db: Database, files: LocalFiles, tmp_path: Path) -> None:
    make_job(db)
    lease = must_take(db).lease
    late = put(files, tmp_path, "late")
    assert survey(db, files, 0) == 1
    save(db, lease, 1, late)
    assert collect(db, files, 0) == 0
    assert list(files.keys(0)) == [late.key]
