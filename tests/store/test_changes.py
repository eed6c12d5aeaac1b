"""A job is changed under its lock and deleted with all its rows, on both databases."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select
from storing import artifact, break_down, checkpoint, finish, job, make_job, metric, must_take, say, stored, story

from store.changes import change_job, delete_job
from store.database import Database
from store.errors import Conflict
from store.models import Base, DeadFile, Job, JobState, Project, Worker
from store.records import attach_log
from store.states import counts

OUTLIVE = {Project.__tablename__, DeadFile.__tablename__, "state_counts", "usage_days", Worker.__tablename__}


def rows_left(db: Database) -> set[str]:
    """Tables that still hold something."""
    with db.read() as session:
        sizes = {
            table.name: session.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables
        }
    return {name for name, size in sizes.items() if size}


def forget(db: Database, job_id: str) -> None:
    with db.write() as session:
        delete_job(session, session.get_one(Job, job_id))


@pytest.mark.parametrize("how", ["succeeded", "failed"])
def test_a_deleted_job_leaves_no_row_and_marks_its_files(db: Database, how: str) -> None:
    job_id = make_job(db, labels={"team": "edge"})
    lease = must_take(db).lease
    say(db, lease, metric(1, loss=0.5), {"type": "log", "level": "info", "message": "hello"})
    checkpoint(db, lease, 10)
    with db.write() as session:
        attach_log(session, lease, "ab/log", 5)
    if how == "succeeded":
        finish(db, lease)
    else:
        break_down(db, lease, "invalid_data", retry=False)
    assert job(db, job_id).status == how
    forget(db, job_id)
    assert rows_left(db) <= OUTLIVE
    with db.read() as session:
        assert sum(counts(session).values()) == 0
        marked = set(session.scalars(select(DeadFile.key)))
    expected = {"ab/log", stored(f"{job_id} 10").key, stored("weights of the teacher").key}
    assert marked == expected | ({artifact().key} if how == "succeeded" else set())


def test_a_change_and_what_a_worker_tells_meanwhile_are_both_kept(db: Database) -> None:
    job_id = make_job(db)
    lease = must_take(db).lease

    def rename() -> None:
        for number in range(10):
            with db.write() as session:
                change_job(session, session.get_one(Job, job_id), name=f"name {number}", labels={"n": str(number)})

    other = threading.Thread(target=rename)
    other.start()
    for step in range(10):
        say(db, lease, metric(step, loss=1.0))
    other.join()
    found = job(db, job_id)
    assert (found.name, found.labels) == ("name 9", {"n": "9"})
    assert found.metrics["teacher.train"]["step"] == 9
    assert found.version == 13  # queued, starting, running, and ten changes
    assert [event.seq for event in story(db, job_id)] == list(range(1, found.event_seq + 1))


def test_only_what_has_ended_is_deleted(db: Database) -> None:
    job_id = make_job(db)
    for prepare in (lambda: None, lambda: must_take(db)):
        prepare()
        with pytest.raises(Conflict, match="cancel it before"):
            forget(db, job_id)
    assert job(db, job_id).status is JobState.STARTING
