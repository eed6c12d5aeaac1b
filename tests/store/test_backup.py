"""What was saved comes back on any database and any store of files, row by row and byte by byte."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from registering import PACK, approve, bring
from sqlalchemy import func, select
from storing import RESULT, break_down, everything, make_job, metric, must_take, say, stored, story

from store import records, uploads, webhooks
from store.backup import backup, restore
from store.database import Database
from store.errors import Conflict, FileDamaged, FileMissing, Invalid
from store.jobs import retry_job
from store.keys import create_key, verify
from store.localfiles import LocalFiles
from store.models import Job, MetricPoint
from store.projects import ensure_project
from store.records import StoredArtifact

SECRET = b"0123456789abcdef" * 4


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "files")


def put(files: LocalFiles, folder: Path, text: str) -> str:
    path = folder / "source"
    path.write_text(text)
    return files.put(path, hashlib.sha256(text.encode()).hexdigest())


@pytest.fixture
def full(db: Database, files: LocalFiles, tmp_path: Path) -> str:
    """A database with something in most tables; the plaintext of a key in it."""
    make_job(db, labels={"team": "édge"}, name="first")
    lease = must_take(db).lease
    say(db, lease, metric(1, loss=0.5), {"type": "log", "level": "info", "message": "hello"})
    log = put(files, tmp_path, "the log")
    with db.write() as session:
        records.attach_log(session, lease, log, 7)
        key = put(files, tmp_path, "student.onnx")
        file = stored("student.onnx")
        made = StoredArtifact("student.onnx", "onnx", "application/octet-stream", file.sha256, file.bytes, key)
        records.publish(session, lease, RESULT, [made])
    for text in ("some bytes", *(file.name for file in PACK)):
        put(files, tmp_path, text)
    bring(db, "looked at")
    approve(db, must_take(db).lease)
    second = make_job(db, project="other")
    break_down(db, must_take(db).lease, "invalid_data", retry=False)
    with db.write() as session:
        retry_job(session, session.get_one(Job, second))
        project_id = session.get_one(Job, second).project_id
        upload = uploads.begin(session, project_id, "scan", 4, 4, hours=1)
        put(files, tmp_path, "abcd")
        uploads.add_part(session, upload, 1, hashlib.sha256(b"abcd").hexdigest())
    bring(db, "waiting")
    with db.write() as session:
        return create_key(session, project_id, "k", ["admin"], secret=SECRET)[1]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'target.sqlite'}"
        return
    postgres = request.getfixturevalue("postgres")
    postgres.execute("CREATE DATABASE restored")
    yield postgres.url("restored")
    postgres.execute("DROP DATABASE restored WITH (FORCE)")


def test_every_row_and_every_file_come_back_wherever_they_go(
    db: Database, full: str, files: LocalFiles, target_url: str, tmp_path: Path
) -> None:
    archive = tmp_path / "backup.zip"
    manifest = backup(db, files, archive)
    assert (manifest["rows"]["jobs"], manifest["rows"]["dataset_files"], manifest["rows"]["job_inputs"]) == (5, 5, 1)
    elsewhere = LocalFiles(tmp_path / "elsewhere")
    restore(archive, target_url, elsewhere)
    target = Database(target_url)
    try:
        assert everything(target) == everything(db)
        for key in manifest["files"]:
            assert b"".join(elsewhere.open(key)) == b"".join(files.open(key))
        with target.read() as session:
            assert verify(session, full, secret=SECRET) is not None
        # The service goes on where it was: numbers that the database gives do not begin anew.
        lease = must_take(target).lease
        say(target, lease, metric(2, loss=0.25))
        with target.read() as session:
            assert session.scalars(select(func.count()).select_from(MetricPoint)).one() == 2
        assert [event.seq for event in story(target, lease.job_id)] == list(range(1, 5))
    finally:
        target.close()


def test_a_database_with_jobs_is_not_written_over(db: Database, full: str, files: LocalFiles, tmp_path: Path) -> None:
    archive = tmp_path / "backup.zip"
    backup(db, files, archive)
    before = everything(db)
    with pytest.raises(Conflict, match="has datasets, uploads, jobs"):
        restore(archive, db.url, files)
    assert everything(db) == before
    assert full


def test_a_backup_without_files_needs_them_where_it_is_restored(
    db: Database, full: str, files: LocalFiles, tmp_path: Path
) -> None:
    archive = tmp_path / "rows.zip"
    backup(db, None, archive)
    url = f"sqlite:///{tmp_path / 'target.sqlite'}"
    with pytest.raises(Invalid, match="made without files"):
        restore(archive, url, LocalFiles(tmp_path / "empty"))
    restore(archive, f"sqlite:///{tmp_path / 'second.sqlite'}", files)
    assert full


def test_a_missing_file_is_told_while_there_is_time_to_find_it(
    db: Database, full: str, files: LocalFiles, tmp_path: Path
) -> None:
    key = next(files.keys(0))
    (files.root / key).unlink()
    with pytest.raises(FileMissing):
        backup(db, files, tmp_path / "backup.zip")
    assert not (tmp_path / "backup.zip").exists()
    assert full


@pytest.mark.parametrize("damage", ["cut", "not a zip", "no manifest", "newer", "file"])
def test_a_damaged_backup_is_refused(db: Database, full: str, files: LocalFiles, tmp_path: Path, damage: str) -> None:
    archive, url = tmp_path / "backup.zip", f"sqlite:///{tmp_path / 'target.sqlite'}"
    backup(db, files, archive)
    if damage == "cut":
        os.truncate(archive, archive.stat().st_size // 2)
    elif damage == "not a zip":
        archive.write_text("hello")
    else:
        with zipfile.ZipFile(archive) as old:
            members = {name: old.read(name) for name in old.namelist()}
        if damage == "no manifest":
            del members["manifest.json"]
        elif damage == "newer":
            members["manifest.json"] = members["manifest.json"].replace(b'"revision": "0', b'"revision": "9')
        else:
            name = next(name for name in members if name.startswith("files/"))
            members[name] = b"other bytes"
        with zipfile.ZipFile(archive, "w") as new:
            for name, data in members.items():
                new.writestr(name, data)
    with pytest.raises((Invalid, FileDamaged)):
        restore(archive, url, LocalFiles(tmp_path / "elsewhere"))
    assert full


def test_the_command_saves_a_service_and_brings_it_back(sqlite_url: str, tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    (home / "distillery.sqlite").write_bytes(Path(sqlite_url.removeprefix("sqlite:///")).read_bytes())
    database = Database(f"sqlite:///{home / 'distillery.sqlite'}")
    job_id = make_job(database)
    database.close()

    def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "DISTILLERY_HOME": str(folder)}
        command = [sys.executable, "-m", "distillery", "admin", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=Path.cwd(), check=False)

    archive = tmp_path / "backup.zip"
    saved = run(home, "backup", str(archive))
    assert (saved.returncode, "jobs: 1 rows" in saved.stdout, "secret" in saved.stdout) == (0, True, True)
    brought = run(other, "restore", str(archive))
    assert brought.returncode == 0, brought.stderr
    again = run(other, "restore", str(archive))
    assert (again.returncode, "has jobs already" in again.stderr) == (1, True)
    assert run(other, "migrate").returncode == 0
    assert run(other, "restore", str(tmp_path / "none.zip")).returncode == 1
    restored = Database(f"sqlite:///{other / 'distillery.sqlite'}")
    with restored.read() as session:
        assert session.get(Job, job_id) is not None
    restored.close()


@pytest.mark.parametrize("used", ["uploads", "webhook_endpoints"])
def test_a_service_that_was_used_without_any_job_is_not_written_over_either(
    db: Database, full: str, files: LocalFiles, tmp_path: Path, sqlite_template: Path, used: str
) -> None:
    archive, path = tmp_path / "backup.zip", tmp_path / "used.sqlite"
    backup(db, files, archive)
    path.write_bytes(sqlite_template.read_bytes())
    target = Database(f"sqlite:///{path}")
    with target.write() as session:
        project = ensure_project(session, "theirs")
        if used == "uploads":
            uploads.begin(session, project.id, "scan", 4, 4, hours=1)
        else:
            webhooks.create_endpoint(session, project.id, "n", "https://8.8.8.8/", ["job.failed"])
    before = everything(target)
    with pytest.raises(Conflict, match=f"has {used} already"):
        restore(archive, target.url, files)
    assert everything(target) == before
    target.close()
    assert full
