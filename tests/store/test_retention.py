"""Long after their end jobs lose their details, then themselves, and nothing else does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from storing import break_down, checkpoint, finish, job, make_job, metric, must_take, say, story

from store import webhooks
from store.database import Database, now
from store.jobs import get_job, retry_job
from store.models import Artifact, Checkpoint, DeadFile, Job, WebhookDelivery
from store.retention import BATCH, retain
from store.settings import Settings
from store.webhooks import Outcome


def ended(db: Database, days: float, *, well: bool = True) -> str:
    job_id = make_job(db)
    lease = must_take(db).lease
    say(db, lease, metric(1, loss=0.5), {"type": "log", "level": "info", "message": "hello"})
    checkpoint(db, lease, 10)
    if well:
        finish(db, lease)
    else:
        break_down(db, lease, "invalid_data", retry=False)
    age(db, job_id, days)
    return job_id


def age(db: Database, job_id: str, days: float) -> None:
    with db.write() as session:
        past = now(session) - timedelta(days=days)
        session.execute(update(Job).where(Job.id == job_id).values(finished_at=past))


def count(db: Database, model: type) -> int:
    with db.read() as session:
        return session.scalars(select(func.count()).select_from(model)).one()


def test_details_go_and_the_story_and_the_result_stay(db: Database) -> None:
    old, young = ended(db, 91), ended(db, 89)
    assert retain(db, Settings(details_days=90)) == 1
    kept = [event.type for event in story(db, old)]
    assert kept == ["status", "status", "status", "artifact", "status", "end"]
    assert {"metric", "log", "checkpoint"} <= {event.type for event in story(db, young)}
    assert (count(db, Artifact), count(db, Checkpoint)) == (2, 1)
    assert count(db, DeadFile) > 0
    assert job(db, old).metrics
    assert retain(db, Settings(details_days=90)) == 0  # once


def test_jobs_go_when_they_are_told_to_and_not_before(db: Database) -> None:
    old, young = ended(db, 400), ended(db, 300)
    assert retain(db, Settings(details_days=None)) == 0
    assert retain(db, Settings(details_days=None, jobs_days=365)) == 1
    with db.read() as session:
        assert list(session.scalars(select(Job.id))) == [young]
    assert old != young


def test_a_job_that_another_goes_on_from_is_kept_until_that_one_ends(db: Database) -> None:
    old = ended(db, 400, well=False)
    with db.write() as session:
        project_id = job(db, old).project_id
        heir = retry_job(session, get_job(session, project_id, old)).id
    assert retain(db, Settings(details_days=None, jobs_days=365)) == 0
    finish(db, must_take(db).lease)
    assert retain(db, Settings(details_days=None, jobs_days=365)) == 1
    assert job(db, heir).retry_of == old


def test_what_has_not_ended_is_never_touched(db: Database) -> None:
    waiting = make_job(db)
    assert retain(db, Settings(details_days=1e-9, jobs_days=1e-9)) == 0
    assert job(db, waiting).trimmed_at is None


def test_it_goes_by_batches(db: Database) -> None:
    for _ in range(BATCH + 1):
        age(db, ended(db, 0), 100)
    assert [retain(db, Settings(details_days=90)) for _ in range(3)] == [BATCH, 1, 0]


@pytest.mark.parametrize(("status", "left"), [(200, 0), (500, 1)])
def test_messages_of_long_ago_go_unless_they_wait_still(db: Database, status: int, left: int) -> None:
    job_id = make_job(db)
    with db.write() as session:
        project_id = job(db, job_id).project_id
        endpoint = webhooks.create_endpoint(session, project_id, "n", "https://8.8.8.8/", ["job.failed"])
        message = webhooks.test_message(session, endpoint)
        webhooks.settle(session, message.id, Outcome(status), [10.0])
        session.execute(update(WebhookDelivery).values(created_at=now(session) - timedelta(days=31)))
    retain(db, Settings())
    assert count(db, WebhookDelivery) == left
