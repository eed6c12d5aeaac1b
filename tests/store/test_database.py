"""Sessions: reads never write, writes are one transaction, and nobody who waits for a lock is turned away."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from servers import Postgres
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from storing import make_job

from store.database import Database, database_address, now
from store.ids import new_id
from store.jobs import documents
from store.models import Job, JobSpecRow, Project
from store.projects import ensure_project


def test_a_write_commits_at_its_end_and_a_failed_one_leaves_nothing(db: Database) -> None:
    with db.write() as session:
        ensure_project(session, "kept")

    def fail_half_way() -> None:
        with db.write() as session:
            ensure_project(session, "dropped")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with db.read() as session:
        assert list(session.scalars(select(Project.name))) == ["kept"]


def test_what_a_read_session_adds_is_never_kept(db: Database) -> None:
    with db.read() as session:
        session.add(Project(id=new_id("prj"), name="x", active=0, created_at=now(session)))
        session.flush()
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Project)) == 0


def test_what_was_read_stays_readable_after_its_session(db: Database) -> None:
    job_id = make_job(db)
    with db.read() as session:
        found = session.get_one(Job, job_id)
    assert found.name == "Digits hints"


def test_eight_writers_add_up_and_none_is_refused(db: Database) -> None:
    with db.write() as session:
        project_id = ensure_project(session, "p").id

    def add_one(_: int) -> None:
        with db.write() as session:
            session.get_one(Project, project_id, with_for_update=True).active += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_one, range(80)))
    with db.read() as session:
        assert session.get_one(Project, project_id).active == 80


def test_a_reader_is_not_held_up_by_a_writer(db: Database) -> None:
    with db.write() as writer:
        ensure_project(writer, "p")
        with db.read() as reader:
            assert reader.scalar(select(func.count()).select_from(Project)) == 0


def test_times_are_aware_and_in_utc_whatever_zone_they_came_from(db: Database) -> None:
    there = datetime(2026, 3, 29, 3, 30, tzinfo=timezone(timedelta(hours=2)))
    with db.write() as session:
        session.add(Project(id=new_id("prj"), name="p", active=0, created_at=there))
    with db.read() as session:
        found = session.scalars(select(Project.created_at)).one()
    assert found == there
    assert found.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(db: Database) -> None:
    with pytest.raises(Exception, match="time zone"), db.write() as session:
        session.add(Project(id=new_id("prj"), name="p", active=0, created_at=datetime(2026, 1, 1)))


def test_one_transaction_has_one_time_and_the_next_a_later_one(db: Database) -> None:
    with db.write() as session:
        first = now(session)
        session.execute(text("SELECT 1"))
        again = now(session)
    with db.write() as session:
        later = now(session)
    assert first.tzinfo == UTC
    assert first <= again < later


def test_json_that_sql_cannot_hold_is_mended_and_the_order_of_keys_stays(db: Database) -> None:
    odd = {"z": math.nan, "a": [math.inf, 1.5], "nul\x00": "\x00", "lone": "\ud800", "fine": "π 😀 \\u0000"}
    job_id = make_job(db, odd=odd)
    with db.read() as session:
        found = documents(session, session.get_one(Job, job_id)).spec["odd"]
    assert found == {"z": None, "a": [None, 1.5], "nul�": "�", "lone": "�", "fine": "π 😀 \\u0000"}
    assert list(found) == ["z", "a", "nul�", "lone", "fine"]


def test_foreign_keys_are_enforced(db: Database) -> None:
    with pytest.raises(IntegrityError), db.write() as session:
        session.add(JobSpecRow(job_id=new_id("job"), spec={}, plan={}))


def test_sqlite_is_in_wal_mode_and_patient(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    with db.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA busy_timeout")) == 30_000
    db.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "oracle://x"])
def test_an_address_that_cannot_work_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(ValueError, match="database_url"):
        database_address(url)


@pytest.mark.parametrize("url", ["postgres://h/d", "postgresql://h/d", "postgresql+psycopg2://h/d"])
def test_every_spelling_of_postgres_uses_the_driver_that_we_ship(url: str) -> None:
    assert database_address(url).drivername == "postgresql+psycopg"


@pytest.mark.servers
def test_a_restart_of_postgres_is_survived_by_the_pool(postgres_url: str, postgres: Postgres) -> None:
    db = Database(postgres_url)
    make_job(db)
    postgres.restart()
    make_job(db)
    db.close()
