"""Lists show each job once, newest first, by any filter, and cost the same on every page."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, update
from storing import break_down, finish, job, make_job, must_take

from store.cursors import Page
from store.database import Database
from store.errors import Invalid
from store.jobs import cancel_job, list_jobs
from store.models import Job, JobKind


def page(db: Database, job_id: str, **filters: Any) -> Page:
    """A page of the list that the job is in."""
    with db.read() as session:
        return list_jobs(session, session.get_one(Job, job_id).project_id, **filters)


def ids(db: Database, job_id: str, **filters: Any) -> list[str]:
    """The ids of a page."""
    return [found.id for found in page(db, job_id, **filters).items]


def walk(db: Database, job_id: str, **filters: Any) -> Iterator[Page]:
    """Every page in turn."""
    cursor = None
    while True:
        found = page(db, job_id, after=cursor, **filters)
        yield found
        if not found.has_more:
            assert found.next_cursor is None
            return
        cursor = found.next_cursor


def test_pages_show_every_job_once_newest_first(db: Database) -> None:
    made = [make_job(db) for _ in range(23)]
    pages = list(walk(db, made[0], limit=5))
    assert [len(found.items) for found in pages] == [5, 5, 5, 5, 3]
    assert [row.id for found in pages for row in found.items] == made[::-1]


def test_a_last_page_that_is_full_says_that_it_is_the_last(db: Database) -> None:
    made = [make_job(db) for _ in range(4)]
    assert [len(found.items) for found in walk(db, made[0], limit=2)] == [2, 2]


def test_jobs_of_one_moment_are_neither_lost_nor_doubled_between_pages(db: Database) -> None:
    made = [make_job(db) for _ in range(9)]
    with db.write() as session:
        session.execute(update(Job).values(created_at=job(db, made[0]).created_at))
    assert [row.id for found in walk(db, made[0], limit=2) for row in found.items] == sorted(made, reverse=True)


SORTED = {
    "created_at": lambda row: (row.created_at, row.id),
    "finished_at": lambda row: (row.finished_at, row.id),
    "name": lambda row: (row.name.lower(), row.id),
}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["succeeded", "failed", "cancelled", "queued"]), min_size=1, max_size=9),
    st.data(),
)
def test_any_sort_with_any_states_shows_every_job_once_in_its_order(
    db: Database, endings: list[str], data: st.DataObject
) -> None:
    project = f"p-{uuid.uuid4()}"
    names = st.sampled_from(["b", "B", "a", "ö", "10"])
    made = [make_job(db, project, name=data.draw(names)) for _ in endings]
    moments = st.sampled_from([datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)])
    with db.write() as session:
        for job_id, ending in zip(made, endings, strict=True):
            ended = None if ending == "queued" else data.draw(moments)
            facts = {"status": ending, "created_at": data.draw(moments), "finished_at": ended}
            session.execute(update(Job).where(Job.id == job_id).values(**facts))
    sort, wanted = data.draw(st.sampled_from(sorted(SORTED))), data.draw(st.sets(st.sampled_from(sorted(endings))))
    rows = [job(db, job_id) for job_id in made]
    rows = [row for row in rows if not wanted or row.status in wanted]
    rows = [row for row in rows if sort != "finished_at" or row.finished_at]
    for name, falls in ((sort, False), (f"-{sort}", True)):
        pages = walk(db, made[0], limit=2, sort=name, status=wanted or None)
        expected = [row.id for row in sorted(rows, key=SORTED[sort], reverse=falls)]
        assert [row.id for found in pages for row in found.items] == expected


def test_a_cursor_is_good_for_its_own_order_only(db: Database) -> None:
    made = [make_job(db) for _ in range(3)]
    for own, other in (("-created_at", "created_at"), ("created_at", "-created_at"), ("name", "-name")):
        cursor = page(db, made[0], limit=1, sort=own).next_cursor
        with pytest.raises(Invalid) as refusal:
            page(db, made[0], limit=1, sort=other, after=cursor)
        assert refusal.value.code == "invalid_cursor"


def test_an_order_that_does_not_exist_is_named_with_those_that_do(db: Database) -> None:
    with pytest.raises(Invalid, match="sort: '-size' is not known"):
        page(db, make_job(db), sort="-size")


def test_a_job_that_is_added_meanwhile_does_not_shift_the_pages(db: Database) -> None:
    made = [make_job(db) for _ in range(4)]
    first = page(db, made[0], limit=2)
    make_job(db)
    second = page(db, made[0], limit=2, after=first.next_cursor)
    assert [row.id for row in [*first.items, *second.items]] == made[::-1]


def test_another_projects_jobs_are_not_listed(db: Database) -> None:
    mine = make_job(db, "mine")
    make_job(db, "theirs")
    assert ids(db, mine) == [mine]


def test_filters_by_state_method_and_time(db: Database) -> None:
    done, failed, cancelled, waiting = (make_job(db, method=f"m{number}") for number in range(4))
    finish(db, must_take(db).lease)
    break_down(db, must_take(db).lease, "invalid_data")
    with db.write() as session:
        cancel_job(session, session.get_one(Job, cancelled))
    assert ids(db, done, status="succeeded") == [done]
    assert ids(db, done, status=["failed", "cancelled"]) == [cancelled, failed]
    assert ids(db, done, method="m3") == [waiting]
    assert ids(db, done, method="m3", status="failed") == []
    moment = job(db, failed).created_at
    elsewhere = moment.astimezone(timezone(timedelta(hours=-7)))
    assert ids(db, done, created_after=elsewhere) == [waiting, cancelled]
    assert ids(db, done, created_before=elsewhere) == [done]


def test_filters_by_all_of_several_labels_and_pages_through_them(db: Database) -> None:
    made = [make_job(db, labels={"team": "edge" if n % 2 else "cloud", "n": str(n % 3)}) for n in range(12)]
    edge = [made[n] for n in range(12) if n % 2][::-1]
    assert [row.id for found in walk(db, made[0], limit=2, label={"team": "edge"}) for row in found.items] == edge
    assert ids(db, made[0], label={"team": "edge", "n": "0"}) == [made[9], made[3]]
    assert ids(db, made[0], label={"team": "nobody"}) == []
    assert ids(db, made[0], label={"nothing": "edge"}) == []


def test_search_finds_the_beginning_of_a_name_in_any_case_or_of_an_id(db: Database) -> None:
    hints, other, odd = (
        make_job(db, name="Digits-Hints"),
        make_job(db, name="digits 2"),
        make_job(db, name="100% Ünï_1"),
    )
    assert ids(db, hints, q="DIGITS") == [other, hints]
    assert ids(db, hints, q="digits-h") == [hints]
    assert ids(db, hints, q="hints") == []
    assert ids(db, hints, q=other) == [other]
    assert set(ids(db, hints, q="job_")) == {hints, other, odd}
    assert ids(db, hints, q="100%") == [odd]
    assert ids(db, hints, q="100% ünï") == [odd]
    assert ids(db, hints, q="%") == []
    assert ids(db, hints, q="\x00") == []


def wrong(created: str, id_: object) -> str:
    """A cursor that somebody made up."""
    return base64.urlsafe_b64encode(json.dumps([created, id_]).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "bm90IGpzb24",
        wrong("2026-01-01T00:00:00+00:00", "'; DROP TABLE jobs"),
        wrong("2026-01-01T00:00:00", "job_" + "0" * 26),
        wrong("yesterday", "job_" + "0" * 26),
        wrong("2026-01-01T00:00:00+00:00", 7),
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(db: Database, cursor: str) -> None:
    job_id = make_job(db)
    with pytest.raises(Invalid) as refusal:
        page(db, job_id, after=cursor)
    assert refusal.value.code == "invalid_cursor"


@pytest.mark.parametrize(("filters", "code"), [({"limit": 0}, "invalid_limit"), ({"limit": 101}, "invalid_limit")])
def test_a_page_has_one_to_a_hundred_jobs(db: Database, filters: dict[str, int], code: str) -> None:
    job_id = make_job(db)
    with pytest.raises(Invalid) as refusal:
        page(db, job_id, **filters)
    assert refusal.value.code == code


def test_a_state_that_does_not_exist_is_named_with_those_that_do(db: Database) -> None:
    with pytest.raises(Invalid, match="known: queued, starting"):
        page(db, make_job(db), status="done")


FILTERS: list[dict[str, Any]] = [
    {},
    {"status": "queued"},
    {"method": "fitnet"},
    {"label": {"a": "b"}},
    {"q": "dig"},
    {"kind": JobKind.INSPECTION},
    {"kind": None},
    {"created_before": datetime(2030, 1, 1, tzinfo=timezone.utc)},  # noqa: UP017
    {"sort": "created_at"},
    {"sort": "name"},
    {"sort": "-name", "status": "failed"},
    {"sort": "name", "q": "dig"},
    {"sort": "-finished_at", "status": "succeeded"},
    {"sort": "finished_at", "status": "failed"},
]


@pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: "-".join(filters) or "none")
def test_every_list_walks_an_index_and_sorts_nothing_but_search_results(
    sqlite_url: str, filters: dict[str, Any]
) -> None:
    db = Database(sqlite_url)
    job_id = make_job(db, labels={"a": "b"})
    seen: list[str] = []

    @event.listens_for(db.engine, "before_cursor_execute")
    def note(connection, cursor, statement, parameters, context, many) -> None:  # type: ignore[no-untyped-def]  # SQLAlchemy's own arguments
        if statement.startswith("SELECT") and "jobs.created_at" in statement:
            cursor.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            seen.append(str(cursor.fetchall()))

    page(db, job_id, **filters)
    plan = seen[-1]
    assert "USING INDEX ix_job" in plan or "USING COVERING INDEX ix_job" in plan
    assert "SCAN jobs" not in plan
    assert ("TEMP B-TREE" in plan) <= ("q" in filters and "sort" not in filters)
    db.close()


@pytest.mark.parametrize("sort", ["-created_at", "name", "-finished_at"])
def test_of_several_states_the_first_of_each_are_read_and_those_few_are_sorted(sqlite_url: str, sort: str) -> None:
    db = Database(sqlite_url)
    job_id = make_job(db)
    seen: list[str] = []

    @event.listens_for(db.engine, "before_cursor_execute")
    def note(connection, cursor, statement, parameters, context, many) -> None:  # type: ignore[no-untyped-def]  # SQLAlchemy's own arguments
        if statement.startswith("SELECT") and "UNION ALL" in statement:
            cursor.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            seen.append(str(cursor.fetchall()))

    page(db, job_id, sort=sort, status=["failed", "cancelled"])
    index = {
        "-created_at": "ix_jobs_list_status ",
        "name": "ix_jobs_list_status_name ",
        "-finished_at": "ix_jobs_list_finished ",
    }
    assert seen[-1].count(index[sort]) == 2
    assert seen[-1].count("TEMP B-TREE") == 1
    db.close()
