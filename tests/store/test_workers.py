"""A worker lives while it says so."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from store.database import Database, now
from store.models import Worker
from store.workers import forget, heartbeat, leave, live


def test_a_worker_is_known_by_what_it_last_said(db: Database) -> None:
    with db.write() as session:
        heartbeat(session, "worker-1", {"resource_classes": ["cpu"], "current_job": None})
    with db.read() as session:
        started = live(session, 60)[0].started_at
    with db.write() as session:
        heartbeat(session, "worker-1", {"resource_classes": ["cpu", "gpu"], "current_job": "job_1"})
    with db.read() as session:
        (found,) = live(session, 60)
    assert found.facts["current_job"] == "job_1"
    assert found.resource_classes == ["cpu", "gpu"]
    assert found.started_at == started


def test_a_silent_worker_is_not_live_and_is_forgotten_in_the_end(db: Database) -> None:
    with db.write() as session:
        for name in ("silent", "lively"):
            heartbeat(session, name, {})
        session.execute(
            update(Worker).where(Worker.id == "silent").values(heartbeat_at=now(session) - timedelta(seconds=90))
        )
        assert [worker.id for worker in live(session, 60)] == ["lively"]
        assert {worker.id for worker in live(session, 120)} == {"lively", "silent"}
        forget(session, 1 / 24 / 60)
        assert [worker.id for worker in live(session, 1000)] == ["lively"]


def test_a_worker_that_leaves_is_gone_at_once(db: Database) -> None:
    with db.write() as session:
        heartbeat(session, "worker-1", {})
        leave(session, "worker-1")
        assert live(session, 60) == []
