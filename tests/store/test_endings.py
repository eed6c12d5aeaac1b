"""What becomes of a job whose attempt ended: again with a wait, never again, or what its user asked for."""

from __future__ import annotations

import pytest
from storing import break_down, finish, job, make_job, must_take, say, statuses, story, take, wait_no_more

from store.database import Database
from store.jobs import cancel_job, pause_job
from store.leases import Lease
from store.models import Attempt, Job, JobState
from store.records import fail, stopped, worth_retrying
from store.settings import Backoff


def stop(db: Database, lease: Lease, reason: str) -> JobState:
    """Ends the attempt as its worker was told."""
    with db.write() as session:
        return stopped(session, lease, reason)


def ask(db: Database, action, job_id: str) -> None:  # type: ignore[no-untyped-def]
    """A user's wish."""
    with db.write() as session:
        action(session, session.get_one(Job, job_id))


@pytest.mark.parametrize("code", ["out_of_memory", "invalid_data", "layer_not_found", "non_finite_loss"])
def test_what_would_fail_again_is_not_tried_again_even_after_a_crash(db: Database, code: str) -> None:
    job_id = make_job(db)
    assert break_down(db, must_take(db).lease, code, retry=True) is JobState.FAILED
    found = job(db, job_id)
    assert (found.termination_reason, found.error) == (code, {"code": code, "message": f"{code}!"})
    assert story(db, job_id)[-1].type == "end"


def test_an_error_that_the_engine_reported_is_final_and_a_crash_is_not(db: Database) -> None:
    first, second = make_job(db), make_job(db)
    assert break_down(db, must_take(db).lease, "internal", retry=False) is JobState.FAILED
    assert break_down(db, must_take(db).lease, "internal", retry=True) is JobState.QUEUED
    assert (job(db, first).status, job(db, second).status) == ("failed", "queued")


@pytest.mark.parametrize("code", ["checkpoint_damaged", "disk_full"])
def test_what_may_go_better_next_time_is_tried_again_whatever_the_worker_thinks(db: Database, code: str) -> None:
    make_job(db)
    assert break_down(db, must_take(db).lease, code, retry=False) is JobState.QUEUED
    assert worth_retrying(code, crashed=False)


def test_a_crashed_job_waits_longer_each_time_and_fails_when_its_attempts_are_used_up(db: Database) -> None:
    job_id = make_job(db, attempts_max=3)
    waits = []
    for _ in range(2):
        lease = must_take(db).lease
        with db.write() as session:
            fail(session, lease, {"code": "engine_crashed", "signal": 9}, retry=True, backoff=Backoff(10, 1000))
        assert take(db) is None
        waits.append(story(db, job_id)[-1].data["wait_seconds"])
        wait_no_more(db, job_id)
    assert waits == [10, 20]
    assert break_down(db, must_take(db).lease) is JobState.FAILED
    found = job(db, job_id)
    assert (found.termination_reason, found.attempt) == ("attempts_exhausted", 3)
    assert found.error is not None
    assert found.error["code"] == "engine_crashed"


def test_every_attempt_keeps_how_it_ended(db: Database) -> None:
    job_id = make_job(db)
    break_down(db, must_take(db).lease)
    wait_no_more(db, job_id)
    stop(db, must_take(db, "worker-2").lease, "drain")
    finish(db, must_take(db, "worker-3").lease)
    with db.read() as session:
        attempts = [session.get_one(Attempt, (job_id, number)) for number in (1, 2, 3)]
    assert [attempt.outcome for attempt in attempts] == ["crashed", "stopped", "succeeded"]
    assert [attempt.worker_id for attempt in attempts] == ["worker-1", "worker-2", "worker-3"]
    assert attempts[0].error == {"code": "engine_crashed", "message": "engine_crashed!"}
    assert all(attempt.ended_at is not None and attempt.ended_at >= attempt.started_at for attempt in attempts)


def test_a_drained_job_goes_on_at_once_and_loses_no_attempt(db: Database) -> None:
    job_id = make_job(db, attempts_max=2)
    for _ in range(6):
        assert stop(db, must_take(db).lease, "drain") is JobState.QUEUED
    found = job(db, job_id)
    assert (found.attempt, found.attempts_max) == (6, 8)
    assert break_down(db, must_take(db).lease) is JobState.QUEUED


def test_a_cancelled_job_ends_cancelled_however_its_attempt_ended(db: Database) -> None:
    for end in ("stopped", "crashed", "failed"):
        job_id = make_job(db)
        lease = must_take(db).lease
        ask(db, cancel_job, job_id)
        if end == "stopped":
            stop(db, lease, "cancel")
        else:
            break_down(db, lease, "internal", retry=end == "crashed")
        assert job(db, job_id).status is JobState.CANCELLED


def test_a_job_that_crashed_while_it_should_pause_is_paused_and_one_that_failed_is_failed(db: Database) -> None:
    for retry, expected in ((True, JobState.PAUSED), (False, JobState.FAILED)):
        job_id = make_job(db)
        lease = must_take(db).lease
        ask(db, pause_job, job_id)
        assert break_down(db, lease, "internal", retry=retry) is expected


def test_a_worker_that_drains_does_what_the_user_asked_for_first(db: Database) -> None:
    for wish, expected in ((cancel_job, JobState.CANCELLED), (pause_job, JobState.PAUSED)):
        job_id = make_job(db)
        lease = must_take(db).lease
        ask(db, wish, job_id)
        assert stop(db, lease, "drain") is expected


def test_a_job_that_goes_on_forgets_the_phase_but_not_the_time_it_took(db: Database) -> None:
    job_id = make_job(db)
    lease = must_take(db).lease
    say(db, lease, {"type": "phase", "phase": "train", "run": "distil"})
    stop(db, lease, "drain")
    must_take(db)
    found = job(db, job_id)
    assert found.phase is None
    assert "train" in found.durations
    assert statuses(db, job_id) == ["queued", "starting", "running", "queued", "starting"]
