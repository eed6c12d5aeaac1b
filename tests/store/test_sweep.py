"""The sweep gives back what silent workers held, rings for what nobody heard, and may run any number of times."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from storing import (
    break_down,
    checkpoint,
    expire,
    finish,
    job,
    make_job,
    metric,
    must_take,
    say,
    statuses,
    story,
    wait_no_more,
)

from store import idempotency
from store.database import Database, now
from store.jobs import cancel_job, pause_job
from store.leases import renew
from store.models import Attempt, IdempotencyRecord, Job, JobState, Project, Worker
from store.projects import ensure_project
from store.settings import Settings
from store.sweep import sweep
from store.workers import heartbeat


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a short wait between attempts."""
    return Settings(home=tmp_path, backoff_seconds=5)


def test_a_job_whose_worker_fell_silent_is_queued_again_and_goes_on_from_its_checkpoint(
    db: Database, settings: Settings
) -> None:
    job_id = make_job(db)
    lease = must_take(db).lease
    saved = checkpoint(db, lease, 10)
    expire(db, job_id)
    report = sweep(db, settings)
    assert report.recovered == {job_id: JobState.QUEUED}
    assert story(db, job_id)[-1].data["error"]["code"] == "worker_lost"
    with db.read() as session:
        assert session.get_one(Attempt, (job_id, 1)).outcome == "lost"
    wait_no_more(db, job_id)
    again = must_take(db, "worker-2")
    assert again.lease.fence == 2
    assert again.checkpoint is not None
    assert again.checkpoint.id == saved


def test_a_lease_that_is_renewed_is_left_alone(db: Database, settings: Settings) -> None:
    job_id = make_job(db)
    lease = must_take(db, seconds=5).lease
    assert sweep(db, settings).recovered == {}
    with db.write() as session:
        assert renew(session, lease, 60)
    assert sweep(db, settings).recovered == {}
    expire(db, job_id)
    assert sweep(db, settings).recovered == {job_id: JobState.QUEUED}


def test_what_the_user_asked_for_is_done_when_the_worker_is_gone(db: Database, settings: Settings) -> None:
    cancelled, paused = make_job(db), make_job(db)
    for job_id, wish in ((cancelled, cancel_job), (paused, pause_job)):
        must_take(db)
        with db.write() as session:
            wish(session, session.get_one(Job, job_id))
        expire(db, job_id)
    assert sweep(db, settings).recovered == {cancelled: JobState.CANCELLED, paused: JobState.PAUSED}


def test_a_job_that_loses_every_worker_fails_in_the_end(db: Database, settings: Settings) -> None:
    job_id = make_job(db, attempts_max=3)
    for _ in range(3):
        must_take(db)
        expire(db, job_id)
        sweep(db, settings)
        wait_no_more(db, job_id)
    found = job(db, job_id)
    assert (found.status, found.termination_reason) == ("failed", "attempts_exhausted")
    assert found.error is not None
    assert found.error["code"] == "worker_lost"


def test_sweeps_that_run_together_recover_each_job_once(db: Database, settings: Settings) -> None:
    ids = [make_job(db, f"project-{number % 4}") for number in range(24)]
    for _ in ids:
        must_take(db)
    for job_id in ids:
        expire(db, job_id)
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: sweep(db, settings), range(4)))
    assert sorted(job_id for report in reports for job_id in report.recovered) == sorted(ids)
    assert all(statuses(db, job_id) == ["queued", "starting", "queued"] for job_id in ids)
    with db.read() as session:
        assert set(session.scalars(select(Project.active))) == {0}


def test_a_sweep_beside_a_finishing_worker_leaves_one_end(db: Database, settings: Settings) -> None:
    for _ in range(10):
        job_id = make_job(db)
        lease = must_take(db).lease
        say(db, lease, metric(1))
        expire(db, job_id)
        with ThreadPoolExecutor(2) as pool:
            ending = pool.submit(finish, db, lease)
            pool.submit(sweep, db, settings).result()
        won = ending.exception() is None
        assert statuses(db, job_id)[3:] == (["succeeded"] if won else ["queued"])
        if not won:
            wait_no_more(db, job_id)
            finish(db, must_take(db).lease)


def test_a_class_is_rung_when_a_job_is_due_and_a_live_worker_serves_it(db: Database, settings: Settings) -> None:
    make_job(db, resource_class="gpu")
    make_job(db, resource_class="tpu")
    waiting = make_job(db)
    with db.write() as session:
        heartbeat(session, "worker-1", {"resource_classes": ["cpu", "gpu"]})
        later = now(session) + timedelta(minutes=1)
        session.execute(update(Job).where(Job.id == waiting).values(not_before=later))
    assert sweep(db, settings).ring == {"gpu"}
    wait_no_more(db, waiting)
    assert sweep(db, settings).ring == {"cpu", "gpu"}


def test_nothing_is_rung_for_workers_that_died(db: Database, settings: Settings) -> None:
    make_job(db)
    with db.write() as session:
        heartbeat(session, "worker-1", {"resource_classes": ["cpu"]})
        session.execute(update(Worker).values(heartbeat_at=now(session) - timedelta(seconds=61)))
    assert sweep(db, settings).ring == set()


def test_what_is_past_its_time_goes_and_the_rest_stays(db: Database, settings: Settings) -> None:
    with db.write() as session:
        project_id = ensure_project(session, "p").id
        for key in ("old", "new"):
            idempotency.remember(session, project_id, key, "f", 201, {}, None)
        heartbeat(session, "old", {})
        heartbeat(session, "new", {})
        long_ago = now(session) - timedelta(days=8)
        session.flush()
        session.execute(update(IdempotencyRecord).where(IdempotencyRecord.key == "old").values(created_at=long_ago))
        session.execute(update(Worker).where(Worker.id == "old").values(heartbeat_at=long_ago))
    sweep(db, settings)
    with db.read() as session:
        assert list(session.scalars(select(IdempotencyRecord.key))) == ["new"]
        assert list(session.scalars(select(Worker.id))) == ["new"]


def test_an_idle_sweep_changes_nothing(db: Database, settings: Settings) -> None:
    job_id = make_job(db)
    break_down(db, must_take(db).lease, "invalid_data", retry=False)
    before = job(db, job_id).event_seq
    report = sweep(db, settings)
    assert (report.recovered, report.ring, report.files_removed) == ({}, set(), 0)
    assert job(db, job_id).event_seq == before
