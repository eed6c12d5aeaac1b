"""A lease holds while it is renewed and no later attempt exists; a stale one can write nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from storing import (
    PLAN,
    RESULT,
    artifact,
    break_down,
    expire,
    job,
    make_job,
    metric,
    must_take,
    say,
    stored,
    story,
    wait_no_more,
)

from store import records
from store.database import Database
from store.errors import LeaseLost
from store.ids import new_id
from store.jobs import cancel_job, pause_job
from store.leases import Lease, flags, held, renew
from store.models import Artifact, Checkpoint, Job, MetricPoint


def renewed(db: Database, lease: Lease, seconds: float = 60) -> bool:
    """One beat of the worker's heart."""
    with db.write() as session:
        return renew(session, lease, seconds)


def test_a_renewal_moves_the_end_of_the_lease_and_makes_no_event(db: Database) -> None:
    job_id = make_job(db)
    lease = must_take(db, seconds=5).lease
    before = job(db, job_id)
    assert renewed(db, lease, 500)
    after = job(db, job_id)
    assert after.lease_expires_at is not None
    assert before.lease_expires_at is not None
    assert 490 < (after.lease_expires_at - before.lease_expires_at).total_seconds() < 510
    assert after.event_seq == before.event_seq


def test_a_lease_that_ran_out_is_not_renewed_even_if_nobody_else_wants_the_job(db: Database) -> None:
    lease = must_take_of(make_job(db), db)
    expire(db, lease.job_id)
    assert not renewed(db, lease)


def must_take_of(job_id: str, db: Database) -> Lease:
    lease = must_take(db).lease
    assert lease.job_id == job_id
    return lease


def second_lease(db: Database) -> tuple[Lease, Lease]:
    """The lease of an attempt that crashed, and that of the next one."""
    job_id = make_job(db)
    first = must_take_of(job_id, db)
    say(db, first, metric(1))
    break_down(db, first)
    wait_no_more(db, job_id)
    return first, must_take(db, "worker-2").lease


def test_every_claim_raises_fence_and_attempt(db: Database) -> None:
    first, second = second_lease(db)
    assert (first.fence, first.attempt, second.fence, second.attempt) == (1, 1, 2, 2)


WRITES: dict[str, Callable[[Any, Lease], Any]] = {
    "held": held,
    "relay": lambda session, lease: records.relay(session, lease, [metric(5), {"type": "log", "message": "boo"}]),
    "checkpoint": lambda session, lease: records.add_checkpoint(session, lease, {"step": 9}, [stored("x")]),
    "publish": lambda session, lease: records.publish(session, lease, RESULT, [artifact()]),
    "fail": lambda session, lease: records.fail(session, lease, {"code": "internal", "message": ""}, retry=True),
    "stopped": lambda session, lease: records.stopped(session, lease, "drain"),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("how", ["a later attempt holds it", "nobody holds it", "another's name", "a fence to come"])
def test_a_stale_lease_writes_nothing(db: Database, write: str, how: str) -> None:
    stale, current = second_lease(db)
    if how == "nobody holds it":
        break_down(db, current)
        stale = current
    elif how == "another's name":
        stale = Lease(current.job_id, current.fence, current.attempt, "worker-3")
    elif how == "a fence to come":
        stale = Lease(current.job_id, current.fence + 1, current.attempt + 1, current.owner)
    before = picture(db, stale.job_id)
    with pytest.raises(LeaseLost), db.write() as session:
        WRITES[write](session, stale)
    assert picture(db, stale.job_id) == before
    assert not renewed(db, stale)


def picture(db: Database, job_id: str) -> tuple[Any, ...]:
    """All that a write of an attempt could change."""
    found = job(db, job_id)
    columns = {column.key: getattr(found, column.key) for column in Job.__table__.columns}
    with db.read() as session:
        rows = [
            session.scalar(select(func.count()).select_from(table)) for table in (MetricPoint, Checkpoint, Artifact)
        ]
    return columns, rows, len(story(db, job_id))


def test_flags_tell_a_worker_what_its_users_want(db: Database) -> None:
    ids = [make_job(db) for _ in range(3)]
    for _ in ids:
        must_take(db, "worker-1")
    other = make_job(db)
    must_take(db, "worker-2")
    with db.write() as session:
        cancel_job(session, session.get_one(Job, ids[0]))
        pause_job(session, session.get_one(Job, ids[1]))
        assert flags(session, "worker-1") == {ids[0]: "cancel", ids[1]: "pause", ids[2]: None}
        assert flags(session, "worker-2") == {other: None}
        assert flags(session, "worker-9") == {}


def test_the_flags_of_a_worker_are_read_by_an_index(db: Database) -> None:
    row = job(db, make_job(db))
    facts = {column.key: getattr(row, column.key) for column in Job.__table__.columns}
    with db.write() as session:
        rows = [facts | {"id": new_id("job"), "lease_owner": f"worker-{n}"} for n in range(2000)]
        session.execute(insert(Job), rows)
    query = select(Job.id, Job.status).where(Job.lease_owner == "worker-7")
    with db.read() as session:
        connection = session.connection()
        connection.exec_driver_sql("ANALYZE")
        text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
        plan = connection.exec_driver_sql(explain + text).all()
    assert "ix_jobs_lease_owner" in str(plan)


def test_a_job_carries_its_plan_to_every_attempt(db: Database) -> None:
    first, _ = second_lease(db)
    assert job(db, first.job_id).attempt == 2
    assert PLAN["name"] == job(db, first.job_id).name
