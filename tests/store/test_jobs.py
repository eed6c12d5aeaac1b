"""What users do with jobs, and what each state allows."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from storing import break_down, checkpoint, finish, job, make_job, must_take, say, statuses, story

from store.database import Database
from store.errors import Conflict, NotFound
from store.ids import new_id
from store.jobs import cancel_job, documents, get_job, pause_job, resume_job, retry_job
from store.models import Job, JobLabel, JobState
from store.projects import ensure_project
from store.records import stopped


def do(db: Database, action, job_id: str) -> Job:  # type: ignore[no-untyped-def]
    """One action of a user."""
    with db.write() as session:
        return action(session, session.get_one(Job, job_id))


def test_a_new_job_is_queued_with_its_documents_and_first_event(db: Database) -> None:
    job_id = make_job(db, priority=7, labels={"team": "edge", "ticket": "42"})
    found = job(db, job_id)
    assert (found.status, found.version, found.attempt, found.fence) == ("queued", 1, 0, 0)
    assert (found.name, found.method, found.dataset) == ("Digits hints", "fitnet", "digits")
    assert (found.teacher, found.student, found.resource_class) == ("resnet20", "resnet8", "cpu")
    assert (found.priority, found.labels, found.estimate) == (
        7,
        {"team": "edge", "ticket": "42"},
        {"train_seconds": 12.0},
    )
    with db.read() as session:
        kept = documents(session, found)
        assert kept.spec["priority"] == 7
        assert list(kept.plan["networks"]) == ["teacher", "student"]
        assert set(session.scalars(select(JobLabel.value).where(JobLabel.job_id == job_id))) == {"edge", "42"}
    assert [(event.seq, event.type, event.data["status"]) for event in story(db, job_id)] == [(1, "status", "queued")]


def test_another_projects_job_is_not_found_and_neither_is_nonsense(db: Database) -> None:
    mine, theirs = make_job(db, "mine"), make_job(db, "theirs")
    with db.write() as session:
        project_id = ensure_project(session, "mine").id
        assert get_job(session, project_id, mine).id == mine
        for wrong in (theirs, new_id("job"), "", "job_\x00", "../../etc", "j" * 10_000):
            with pytest.raises(NotFound):
                get_job(session, project_id, wrong)


def test_a_waiting_job_is_cancelled_at_once_and_cancelling_again_changes_nothing(db: Database) -> None:
    job_id = make_job(db)
    assert do(db, cancel_job, job_id).status is JobState.CANCELLED
    assert do(db, cancel_job, job_id).version == 2
    assert statuses(db, job_id) == ["queued", "cancelled"]


def test_a_running_job_is_asked_to_cancel_once(db: Database) -> None:
    job_id = make_job(db)
    must_take(db)
    assert do(db, cancel_job, job_id).status is JobState.CANCELLING
    assert do(db, cancel_job, job_id).status is JobState.CANCELLING
    assert statuses(db, job_id) == ["queued", "starting", "cancelling"]


def test_a_finished_job_cannot_be_cancelled(db: Database) -> None:
    job_id = make_job(db)
    finish(db, must_take(db).lease)
    with pytest.raises(Conflict) as refusal:
        do(db, cancel_job, job_id)
    assert refusal.value.code == "job_finished"


def test_a_queued_job_is_paused_at_once_and_is_not_claimed_until_it_is_resumed(db: Database) -> None:
    job_id = make_job(db)
    assert do(db, pause_job, job_id).status is JobState.PAUSED
    assert do(db, pause_job, job_id).version == 2
    with db.read() as session:
        assert session.get_one(Job, job_id).lease_owner is None
    do(db, resume_job, job_id)
    assert must_take(db).lease.job_id == job_id


def test_a_running_job_pauses_at_a_checkpoint_and_goes_on_from_it(db: Database) -> None:
    job_id = make_job(db)
    lease = must_take(db).lease
    say(db, lease, {"type": "phase", "phase": "train", "run": "distil"})
    do(db, pause_job, job_id)
    saved = checkpoint(db, lease, 40)
    with db.write() as session:
        assert stopped(session, lease, "pause") is JobState.PAUSED
    do(db, resume_job, job_id)
    again = must_take(db)
    assert again.checkpoint is not None
    assert again.checkpoint.id == saved
    assert statuses(db, job_id) == ["queued", "starting", "running", "pausing", "paused", "queued", "starting"]


def test_a_pausing_job_can_still_be_cancelled(db: Database) -> None:
    job_id = make_job(db)
    must_take(db)
    do(db, pause_job, job_id)
    assert do(db, cancel_job, job_id).status is JobState.CANCELLING


@pytest.mark.parametrize(("action", "code"), [(pause_job, "wrong_state"), (resume_job, "not_paused")])
def test_what_makes_no_sense_for_a_cancelled_job_is_refused(db: Database, action, code: str) -> None:  # type: ignore[no-untyped-def]
    job_id = make_job(db)
    do(db, cancel_job, job_id)
    with pytest.raises(Conflict) as refusal:
        do(db, action, job_id)
    assert refusal.value.code == code


def test_only_a_paused_job_can_be_resumed(db: Database) -> None:
    job_id = make_job(db)
    with pytest.raises(Conflict, match="only a paused job"):
        do(db, resume_job, job_id)


def test_a_retry_is_a_new_job_that_goes_on_where_the_old_one_failed(db: Database) -> None:
    old_id = make_job(db, labels={"team": "edge"})
    lease = must_take(db).lease
    checkpoint(db, lease, 10)
    checkpoint(db, lease, 20)
    break_down(db, lease, "out_of_memory", retry=False)
    new = do(db, retry_job, old_id)
    assert (new.retry_of, new.status, new.labels) == (old_id, "queued", {"team": "edge"})
    assert job(db, old_id).status is JobState.FAILED
    again = must_take(db)
    assert again.lease.job_id == new.id
    assert again.checkpoint is not None
    assert again.checkpoint.step == 20
    assert {file.path for file in again.checkpoint.files} == {"checkpoint.json", "runs/teacher/weights"}


def test_a_retried_job_whose_last_checkpoint_is_damaged_has_the_one_before(db: Database) -> None:
    old_id = make_job(db)
    lease = must_take(db).lease
    checkpoint(db, lease, 10)
    checkpoint(db, lease, 20)
    break_down(db, lease, "invalid_data", retry=False)
    do(db, retry_job, old_id)
    break_down(db, must_take(db).lease, "checkpoint_damaged", retry=False)
    wait = must_take_after_wait(db)
    assert wait.checkpoint is not None
    assert wait.checkpoint.step == 10


def must_take_after_wait(db: Database):  # type: ignore[no-untyped-def]
    from sqlalchemy import update

    with db.write() as session:
        session.execute(update(Job).values(not_before=None))
    return must_take(db)


def test_a_job_that_succeeded_or_still_runs_is_not_retried(db: Database) -> None:
    job_id = make_job(db)
    lease = must_take(db).lease
    with pytest.raises(Conflict, match="only a failed or cancelled job"):
        do(db, retry_job, job_id)
    finish(db, lease)
    with pytest.raises(Conflict, match="only a failed or cancelled job"):
        do(db, retry_job, job_id)
