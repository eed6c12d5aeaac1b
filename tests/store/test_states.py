"""The state machine is the table and nothing else; its counters are the counts."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import update
from storing import PLAN, break_down, job, make_job, must_take, statuses, story

from store.database import Database, now
from store.errors import Conflict
from store.jobs import cancel_job, create_job
from store.models import Job, JobKind, JobState, Project
from store.states import ACTIVE, FINAL, TRANSITIONS, counts, ended_lately, transition


def test_the_last_three_states_are_final_and_all_others_lead_to_one() -> None:
    assert {"succeeded", "failed", "cancelled"} == FINAL
    for state in JobState:
        reached, frontier = {state}, {state}
        while frontier:
            frontier = {onward for here in frontier for onward in TRANSITIONS[here]} - reached
            reached |= frontier
        assert reached & FINAL


def test_a_job_that_was_asked_to_cancel_ends_cancelled_and_in_no_other_way() -> None:
    assert TRANSITIONS[JobState.CANCELLING] == {JobState.CANCELLED}


def test_a_worker_holds_the_lease_in_active_states_only() -> None:
    assert {"starting", "running", "pausing", "cancelling"} == ACTIVE


def test_a_way_that_the_table_lacks_is_refused_and_leaves_no_trace(db: Database) -> None:
    job_id = make_job(db)
    with pytest.raises(Conflict, match="queued and cannot become succeeded"), db.write() as session:
        transition(session, session.get_one(Job, job_id), JobState.SUCCEEDED)
    assert statuses(db, job_id) == ["queued"]
    assert job(db, job_id).version == 1


def test_a_row_that_changed_in_the_meantime_is_not_overwritten(db: Database) -> None:
    job_id = make_job(db)
    stale = job(db, job_id)
    with db.write() as session:
        cancel_job(session, session.get_one(Job, job_id))
    with pytest.raises(Conflict, match="changed in the meantime"), db.write() as session:
        transition(session, stale, JobState.PAUSED)
    assert statuses(db, job_id) == ["queued", "cancelled"]


def test_every_move_writes_its_event_and_raises_the_version(db: Database) -> None:
    job_id = make_job(db)
    with db.write() as session:
        row = session.get_one(Job, job_id)
        transition(session, row, JobState.PAUSED, reason="because", data={"who": "me"})
        transition(session, row, JobState.QUEUED)
        assert row.version == 3
    second = story(db, job_id)[1]
    assert second.data == {"status": "paused", "previous": "queued", "reason": "because", "attempt": 0, "who": "me"}
    assert job(db, job_id).version == 3


def test_the_story_of_a_job_closes_with_one_end(db: Database) -> None:
    job_id = make_job(db)
    with db.write() as session:
        cancel_job(session, session.get_one(Job, job_id))
    assert [(event.seq, event.type) for event in story(db, job_id)] == [(1, "status"), (2, "status"), (3, "end")]
    found = job(db, job_id)
    assert (found.termination_reason, found.event_seq) == ("cancelled", 3)
    assert found.finished_at is not None


def test_the_counters_equal_the_counts(db: Database) -> None:
    ids = [make_job(db, "a") for _ in range(5)] + [make_job(db, "b")]
    must_take(db)
    with db.write() as session:
        cancel_job(session, session.get_one(Job, ids[4]))
    with db.read() as session:
        found = Counter(session.scalars(Job.__table__.select().with_only_columns(Job.status)))
        assert {state: n for state, n in counts(session).items() if n} == dict(found)
        of_a = counts(session, job(db, ids[0]).project_id)
    assert (of_a["starting"], of_a["queued"], of_a["cancelled"]) == (1, 3, 1)


def test_jobs_are_counted_by_kind(db: Database) -> None:
    project_id = job(db, make_job(db)).project_id
    with db.write() as session:
        looking = create_job(session, project_id=project_id, spec={}, plan=PLAN, kind=JobKind.INSPECTION)
        cancel_job(session, looking)
    with db.read() as session:
        assert counts(session, project_id)["cancelled"] == counts(session, kind=JobKind.INSPECTION)["cancelled"] == 1
        assert counts(session, project_id, JobKind.DISTILLATION) == {**dict.fromkeys(JobState, 0), "queued": 1}
        assert ended_lately(session, project_id, JobKind.DISTILLATION, 24)["cancelled"] == 0
        assert ended_lately(session, project_id, JobKind.INSPECTION, 24)["cancelled"] == 1


def test_what_ended_longer_ago_is_not_counted_as_of_late(db: Database) -> None:
    made = [make_job(db) for _ in range(3)]
    for _ in made[1:]:
        break_down(db, must_take(db).lease, "invalid_data")
    with db.write() as session:
        long_ago = now(session) - timedelta(hours=25)
        session.execute(update(Job).where(Job.id == made[0]).values(finished_at=long_ago))
        project_id = session.get_one(Job, made[0]).project_id
        expected = {"failed": 1, "succeeded": 0, "cancelled": 0}
        assert ended_lately(session, project_id, JobKind.DISTILLATION, 24) == expected


def test_a_project_counts_its_leased_jobs(db: Database) -> None:
    job_id = make_job(db)
    project_id = job(db, job_id).project_id
    must_take(db)
    with db.read() as session:
        assert session.get_one(Project, project_id).active == 1
    with db.write() as session:
        cancel_job(session, session.get_one(Job, job_id))
        transition(session, session.get_one(Job, job_id), JobState.CANCELLED)
    with db.read() as session:
        assert session.get_one(Project, project_id).active == 0


def test_time_spent_in_a_phase_is_added_up_when_the_worker_lets_go(db: Database) -> None:
    job_id = make_job(db)
    claim = must_take(db)
    with db.write() as session:
        long_ago = now(session) - timedelta(seconds=100)
        session.execute(update(Job).where(Job.id == job_id).values(phase="train", phase_at=long_ago))
    with db.write() as session:
        row = session.get_one(Job, claim.lease.job_id)
        transition(session, row, JobState.QUEUED)
        assert 90 < row.durations["train"] < 110
