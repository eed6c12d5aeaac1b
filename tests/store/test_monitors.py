"""Monitors are due by time or by a new version, each time once, and follow their jobs in the same transaction."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from registering import approve, bring
from sqlalchemy import select, update
from storing import artifact, break_down, finish, make_job, must_take

from store import inputs, monitoring, monitors, records, registry, webhooks
from store.changes import delete_job
from store.database import Database, now
from store.inputs import Input
from store.jobs import cancel_job, create_job, get_job, retry_job
from store.leases import Lease
from store.models import (
    Cause,
    Dataset,
    Job,
    JobKind,
    JobState,
    Monitor,
    MonitorState,
    Outcome,
    Reevaluation,
    WebhookDelivery,
)
from store.projects import ensure_project
from store.shelves import DATASETS

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
PLAN: dict[str, Any] = {"kind": "reevaluation", "name": "again", "method": "reevaluation", "dataset": {"name": "scans"}}


def result(outcome: str = "drifted") -> dict[str, Any]:
    """What an engine found, as far as the service reads it."""
    figures = {"ratio": {"w2": 3.0, "mmd": 9.0}, "p_value": 0.002}
    side = {"score": 0.9, "interval": [0.88, 0.92], "calibration_error": 0.02, "per_class": []}
    return {
        "drift": {
            "distance": "mmd",
            "threshold": 2.0,
            "limit": 2.0,
            "outcome": outcome,
            "reason": None,
            "given": figures,
            "own": None,
        },
        "metric": {"name": "accuracy"},
        "before": side,
        "now": {**side, "score": 0.7},
        "change": {"score": -0.2, "interval": [-0.25, -0.15], "calibration_error": 0.1, "worst": ["dark"]},
        "dataset": {"examples": 100, "known": 3},
    }


def project(db: Database) -> str:
    """The id of the project of all that is made here."""
    with db.write() as session:
        return ensure_project(session, "default").id


def ready(db: Database, into: str | None = None) -> str:
    """A dataset whose newest version is ready. Returns its id."""
    brought = bring(db, into=into)
    approve(db, must_take(db).lease)
    return brought.dataset_id


def done(db: Database) -> str:
    """A job that has succeeded. Returns its id."""
    job_id = make_job(db)
    finish(db, must_take(db).lease)
    return job_id


def make(db: Database, job_id: str = "job_x", dataset_id: str = "ds_x", **changes: Any) -> str:
    """A monitor that has been looked at. Returns its id."""
    fields = {"name": "line 3", "every_hours": None, "on_new_version": True, "distance": "mmd", "threshold": 2.0}
    told = {**fields, "action": "measure", "job_id": job_id, "dataset_id": dataset_id, "seen": None, **changes}
    owner = project(db)
    with db.write() as session:
        monitor = monitors.create_monitor(session, owner, **told)
        monitors.rest(session, monitor)
        return monitor.id


def row(db: Database, monitor_id: str) -> Monitor:
    """The monitor as it is now."""
    with db.read() as session:
        return session.get_one(Monitor, monitor_id)


def begin(db: Database, monitor_id: str, cause: Cause = Cause.VERSION, files: tuple[Input, ...] = ()) -> Lease:
    """A re-evaluation whose job a worker has taken."""
    owner = project(db)
    with db.write() as session:
        job = create_job(
            session, project_id=owner, spec={"name": "again"}, plan=PLAN, kind=JobKind.REEVALUATION, files=files
        )
        monitors.begun(session, session.get_one(Monitor, monitor_id), cause, now(session), 1, job)
    return must_take(db).lease


def end(db: Database, lease: Lease, outcome: str = "drifted") -> JobState:
    """The engine's document is published."""
    with db.write() as session:
        return records.publish(session, lease, result(outcome), [])


def last(db: Database, monitor_id: str) -> Reevaluation:
    """The newest re-evaluation."""
    with db.read() as session:
        return monitors.last_ones(session, [monitor_id])[monitor_id]


def waits(db: Database, monitor_id: str) -> bool:
    """Whether somebody has to look now."""
    with db.read() as session:
        found = session.get_one(Monitor, monitor_id).next_at
        return found is not None and found <= now(session)


@pytest.mark.parametrize(
    ("fields", "latest", "cause"),
    [
        ({}, None, None),
        ({}, 1, Cause.VERSION),
        ({"seen": 1}, 1, None),
        ({"seen": 1}, 2, Cause.VERSION),
        ({"on_new_version": False}, 1, None),
        ({"on_new_version": False, "due_at": NOON}, 1, Cause.SCHEDULE),
        ({"seen": 1, "due_at": NOON + timedelta(seconds=1)}, 1, None),
        ({"due_at": NOON}, None, None),
    ],
)
def test_a_monitor_is_due_by_its_time_or_by_a_version_that_was_not_seen(
    fields: dict[str, Any], latest: int | None, cause: Cause | None
) -> None:
    monitor = Monitor(**{"seen": None, "on_new_version": True, "due_at": None, **fields})
    found = monitors.cause_of(monitor, latest, NOON)
    assert (found and found[0]) == cause


def test_times_that_were_missed_come_together_and_the_next_one_keeps_to_the_schedule(db: Database) -> None:
    monitor_id = make(db, every_hours=6.0)
    created = row(db, monitor_id).created_at
    assert row(db, monitor_id).due_at == row(db, monitor_id).next_at == created + timedelta(hours=6)
    with db.write() as session:
        long_ago = created - timedelta(hours=20)
        session.execute(update(Monitor).values(due_at=long_ago, next_at=long_ago))
    end(db, begin(db, monitor_id, Cause.SCHEDULE))
    assert row(db, monitor_id).due_at == created + timedelta(hours=4)
    assert row(db, monitor_id).reevaluations == 1


def test_a_new_version_of_its_dataset_wakes_a_monitor_and_no_other_does(db: Database) -> None:
    dataset_id = ready(db)
    mine, stopped, other = make(db, dataset_id=dataset_id), make(db, dataset_id=dataset_id), make(db)
    with db.write() as session:
        monitors.change_monitor(session, session.get_one(Monitor, stopped), {"enabled": False})
    brought = bring(db, into=dataset_id)
    assert not waits(db, mine)  # nothing is ready yet
    approve(db, must_take(db).lease)
    assert [waits(db, one) for one in (mine, stopped, other)] == [True, False, False]
    assert row(db, stopped).reason == "stopped by a request"
    assert brought.number == 2


@pytest.mark.parametrize("what", ["job", "dataset"])
def test_who_deletes_what_a_monitor_looks_after_wakes_it(db: Database, what: str) -> None:
    job_id, dataset_id = done(db), ready(db)
    monitor_id = make(db, job_id, dataset_id)
    assert not waits(db, monitor_id)
    with db.write() as session:
        if what == "job":
            delete_job(session, session.get_one(Job, job_id))
        else:
            registry.delete_thing(session, DATASETS, session.get_one(Dataset, dataset_id))
    assert waits(db, monitor_id)


def listening(db: Database, *events: str) -> None:
    """An endpoint of the project."""
    owner = project(db)
    with db.write() as session:
        webhooks.create_endpoint(session, owner, "hook", "https://example.com", events)


def told(db: Database) -> list[dict[str, Any]]:
    """What waits to be sent."""
    with db.read() as session:
        return [one.payload for one in session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id))]


def test_a_drift_is_kept_with_its_figures_and_told(db: Database) -> None:
    listening(db, monitoring.DRIFTED)
    monitor_id = make(db)
    end(db, begin(db, monitor_id), "steady")
    assert (last(db, monitor_id).status, told(db)) == (Outcome.STEADY, [])
    end(db, begin(db, monitor_id))
    found = last(db, monitor_id)
    assert (found.number, found.status, found.document) == (2, Outcome.DRIFTED, result())
    assert found.figures is not None
    assert (found.figures["ratio"], found.figures["now"]["score"]) == ({"w2": 3.0, "mmd": 9.0}, 0.7)
    assert found.figures["change"]["worst"] == ["dark"]
    (message,) = told(db)
    assert message["type"] == "monitor.drifted"
    assert message["data"]["monitor_id"] == monitor_id
    assert (message["data"]["reevaluation"], message["data"]["ratio"]) == (2, 9.0)


def test_an_open_re_evaluation_rests_its_monitor_and_its_end_wakes_it(db: Database) -> None:
    monitor_id = make(db, every_hours=1.0)
    lease = begin(db, monitor_id)
    with db.write() as session:
        monitors.rest(session, session.get_one(Monitor, monitor_id))
    assert row(db, monitor_id).next_at is None
    end(db, lease)
    assert waits(db, monitor_id)


def test_a_failure_says_why_and_the_retry_takes_its_place(db: Database) -> None:
    monitor_id = make(db)
    lease = begin(db, monitor_id)
    break_down(db, lease, "invalid_data", retry=False)
    assert (last(db, monitor_id).status, last(db, monitor_id).error["code"]) == (Outcome.FAILED, "invalid_data")
    with db.write() as session:
        new = retry_job(session, session.get_one(Job, lease.job_id)).id
    assert (last(db, monitor_id).status, last(db, monitor_id).job_id) == (Outcome.PENDING, new)
    end(db, must_take(db).lease, "steady")
    assert (last(db, monitor_id).number, last(db, monitor_id).status) == (1, Outcome.STEADY)


def test_a_cancelled_one_is_not_a_failure(db: Database) -> None:
    monitor_id = make(db)
    lease = begin(db, monitor_id)
    with db.write() as session:
        cancel_job(session, get_job(session, row(db, monitor_id).project_id, lease.job_id))
        records.stopped(session, lease, "cancel")
    assert last(db, monitor_id).status == Outcome.CANCELLED


def test_files_are_kept_until_nobody_can_repeat_the_job(db: Database) -> None:
    monitor_id, student = make(db), artifact()
    files = (Input("inputs/student/student.safetensors", 1, student.key, student.sha256, student.bytes),)
    failed = begin(db, monitor_id, files=files)
    break_down(db, failed, "invalid_data", retry=False)
    succeeded = begin(db, monitor_id, files=files)
    end(db, succeeded)
    with db.read() as session:
        assert len(inputs.of_job(session, failed.job_id)) == 1
        assert inputs.of_job(session, succeeded.job_id) == ()


def test_what_was_measured_outlives_the_job_that_measured_it(db: Database) -> None:
    monitor_id = make(db)
    lease = begin(db, monitor_id)
    end(db, lease)
    with db.write() as session:
        delete_job(session, session.get_one(Job, lease.job_id))
    assert (last(db, monitor_id).job_id, last(db, monitor_id).status) == (None, Outcome.DRIFTED)


def test_a_stopped_monitor_says_why_and_is_told(db: Database) -> None:
    listening(db, monitoring.STOPPED)
    monitor_id = make(db)
    with db.write() as session:
        monitoring.stop(session, session.get_one(Monitor, monitor_id), "job job_x was deleted")
    assert (row(db, monitor_id).status, row(db, monitor_id).reason) == (MonitorState.STOPPED, "job job_x was deleted")
    assert told(db)[0]["data"]["reason"] == "job job_x was deleted"
    with db.write() as session:
        monitors.change_monitor(session, session.get_one(Monitor, monitor_id), {"enabled": True})
    assert (row(db, monitor_id).reason, waits(db, monitor_id)) == (None, True)


def test_of_many_that_look_at_once_one_begins_what_is_due(db: Database) -> None:
    dataset_id = ready(db)
    monitor_ids = [make(db, dataset_id=dataset_id) for _ in range(4)]
    with db.write() as session:
        monitoring.wake(session, dataset_id=dataset_id)

    def look(_: int) -> int:
        made = 0
        for _ in range(12):
            with db.write() as session:
                monitor = monitors.take(session)
                cause = None if monitor is None else monitors.cause_of(monitor, 1, now(session))
                if monitor is not None and cause is not None:
                    monitors.begun(session, monitor, *cause, 1, {"code": "x", "message": "x"})
                    made += 1
                if monitor is not None:
                    monitors.rest(session, monitor)
        return made

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(look, range(6))) == len(monitor_ids)
    assert [row(db, one).reevaluations for one in monitor_ids] == [1] * len(monitor_ids)
