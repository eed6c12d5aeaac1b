"""A job's events are numbered without gaps, whoever writes and however many at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from storing import make_job, story

from store import events
from store.database import Database
from store.models import Job


def test_events_are_numbered_from_one_without_gaps(db: Database) -> None:
    job_id = make_job(db)
    with db.write() as session:
        row = session.get_one(Job, job_id)
        assert events.append(session, row, "log", {"lines": []}) == 2
        assert events.append_all(session, row, [("log", {"n": 1}), ("log", {"n": 2})]) == 4
        assert events.append_all(session, row, []) == 4
    assert [event.seq for event in story(db, job_id)] == [1, 2, 3, 4]


def test_six_writers_at_once_leave_no_gap_and_no_double(db: Database) -> None:
    job_id = make_job(db)

    def write(number: int) -> None:
        with db.write() as session:
            events.append(session, session.get_one(Job, job_id), "log", {"n": number})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(60)))
    found = story(db, job_id)
    assert [event.seq for event in found] == list(range(1, 62))
    assert {event.data["n"] for event in found[1:]} == set(range(60))


def test_an_event_of_a_failed_transaction_leaves_no_gap(db: Database) -> None:
    job_id = make_job(db)

    def fail_half_way() -> None:
        with db.write() as session:
            events.append(session, session.get_one(Job, job_id), "log", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with db.write() as session:
        events.append(session, session.get_one(Job, job_id), "log", {})
    assert [event.seq for event in story(db, job_id)] == [1, 2]


def test_a_reader_goes_on_where_it_was(db: Database) -> None:
    job_id, other = make_job(db), make_job(db)
    with db.write() as session:
        row = session.get_one(Job, job_id)
        events.append_all(session, row, [("log", {"n": n}) for n in range(10)])
    with db.read() as session:
        page = events.after(session, job_id, 3, limit=4)
        assert [event.seq for event in page] == [4, 5, 6, 7]
        assert events.after(session, job_id, 11) == []
        assert {event.job_id for event in page} == {job_id}
        assert len(events.after(session, other, 0)) == 1


def test_an_event_names_itself_by_job_and_number(db: Database) -> None:
    job_id = make_job(db)
    assert story(db, job_id)[0].id == f"evt_{job_id[4:]}_1"
