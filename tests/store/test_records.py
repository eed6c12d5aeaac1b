"""What an engine reports becomes the job's row, its metrics and a few events; a result counts once and whole."""

from __future__ import annotations

import math

import pytest
from sqlalchemy import func, select
from storing import RESULT, artifact, checkpoint, finish, job, make_job, metric, must_take, say, statuses, stored, story

from store import records
from store.database import Database
from store.jobs import cancel_job, documents, pause_job
from store.leases import Lease
from store.models import Artifact, Attempt, Job, JobState, MetricPoint


@pytest.fixture
def lease(db: Database) -> Lease:
    """A claimed job."""
    make_job(db)
    return must_take(db).lease


def test_the_first_record_makes_the_job_running(db: Database, lease: Lease) -> None:
    assert job(db, lease.job_id).status is JobState.STARTING
    say(db, lease, {"type": "log", "level": "info", "message": "hello"})
    found = job(db, lease.job_id)
    assert found.status is JobState.RUNNING
    assert found.started_at is not None
    say(db, lease, {"type": "log", "level": "info", "message": "again"})
    assert statuses(db, lease.job_id) == ["queued", "starting", "running"]


def test_a_batch_makes_one_event_of_each_kind_and_the_row_shows_the_newest(db: Database, lease: Lease) -> None:
    progress = {"phase": "teacher", "run": "teacher", "stage": "s", "epoch": 1, "step": 3, "percent": 1.5}
    say(
        db,
        lease,
        {"type": "phase", "phase": "prepare", "run": None},
        {"type": "phase", "phase": "teacher", "run": "teacher"},
        {"type": "progress", **progress, "step": 1},
        {"type": "progress", **progress},
        metric(1, loss=3.0),
        metric(2, loss=2.0),
        metric(2, split="validation", accuracy=0.5),
        {"type": "log", "level": "info", "message": "one"},
        {"type": "log", "level": "warning", "message": "two"},
    )
    new = [event for event in story(db, lease.job_id) if event.type not in ("status", "end")]
    assert [event.type for event in new] == ["phase", "phase", "progress", "metric", "log"]
    assert new[2].data == progress
    assert [point["values"] for point in new[3].data["points"]] == [{"loss": 3.0}, {"loss": 2.0}, {"accuracy": 0.5}]
    assert [line["message"] for line in new[4].data["lines"]] == ["one", "two"]
    found = job(db, lease.job_id)
    assert (found.phase, found.progress) == ("teacher", progress)
    assert found.metrics == {
        "teacher.train": {"step": 2, "epoch": 0.5, "values": {"loss": 2.0}},
        "teacher.validation": {"step": 2, "epoch": 0.5, "values": {"accuracy": 0.5}},
    }
    assert "prepare" in found.durations


def test_metrics_are_kept_as_a_series(db: Database, lease: Lease) -> None:
    say(db, lease, *(metric(step) for step in range(5)))
    say(db, lease, *(metric(step, run="distil") for step in range(5, 9)))
    with db.read() as session:
        query = select(MetricPoint).where(MetricPoint.job_id == lease.job_id, MetricPoint.run == "distil")
        points = list(session.scalars(query.order_by(MetricPoint.step)))
    assert [(point.step, point.attempt, point.superseded) for point in points] == [(n, 1, False) for n in range(5, 9)]
    assert points[0].values == {"loss": 1 / 6}


def test_a_loss_that_is_no_number_is_kept_as_null(db: Database, lease: Lease) -> None:
    say(db, lease, metric(1, loss=math.nan, term=math.inf))
    assert job(db, lease.job_id).metrics["teacher.train"]["values"] == {"loss": None, "term": None}


def test_a_flood_of_log_lines_is_cut_for_watchers_and_says_so(db: Database, lease: Lease) -> None:
    say(db, lease, *({"type": "log", "message": f"{number} " + "x" * 5000} for number in range(1000)))
    data = story(db, lease.job_id)[-1].data
    assert (len(data["lines"]), data["left_out"]) == (200, 800)
    assert data["lines"][-1]["message"].startswith("999 ")
    assert max(len(line["message"]) for line in data["lines"]) == 2000


def test_the_resolution_is_kept_with_the_plan(db: Database, lease: Lease) -> None:
    say(db, lease, {"type": "resolved", "resolved": {"precision": "float32"}})
    with db.read() as session:
        assert documents(session, session.get_one(Job, lease.job_id)).resolved == {"precision": "float32"}


def test_a_result_its_artifacts_and_the_final_state_come_together(db: Database, lease: Lease) -> None:
    checkpoint(db, lease, 10)
    assert finish(db, lease) is JobState.SUCCEEDED
    found = job(db, lease.job_id)
    assert (found.status, found.termination_reason, found.verdict) == ("succeeded", "completed", RESULT["verdict"])
    assert (found.lease_owner, found.error) == (None, None)
    assert found.finished_at is not None
    with db.read() as session:
        assert documents(session, found).result == RESULT
        assert [row.name for row in session.scalars(select(Artifact))] == ["student.onnx"]
        assert session.get_one(Attempt, (lease.job_id, 1)).outcome == "succeeded"
    assert [event.type for event in story(db, lease.job_id)][-3:] == ["artifact", "status", "end"]


def test_a_job_that_succeeded_says_in_its_row_what_lists_show_of_its_result(db: Database, lease: Lease) -> None:
    network = {"score": 0.9, "parameters": 100, "bytes": 400, "macs": 7, "per_class": []}
    figures = {"score": 0.9, "parameters": 100, "bytes": 400}
    models = {"teacher": network, "alone": None, "student": network}
    told = {"metric": {"name": "accuracy"}, "score_kept": 1.0, "gap_closed": None}
    with db.write() as session:
        records.publish(session, lease, {**RESULT, **told, "models": models}, [])
    assert job(db, lease.job_id).headline == {**told, "models": {"teacher": figures, "student": figures}}


def test_a_result_that_cannot_be_written_whole_is_not_written_at_all(db: Database, lease: Lease) -> None:
    say(db, lease, metric(1))
    twice = [artifact("a"), artifact("a")]
    with pytest.raises(Exception, match=r"(?i)unique"), db.write() as session:
        records.publish(session, lease, RESULT, twice)
    assert job(db, lease.job_id).status is JobState.RUNNING
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Artifact)) == 0
    assert finish(db, lease) is JobState.SUCCEEDED


def test_a_result_that_comes_after_the_cancel_is_not_published(db: Database, lease: Lease) -> None:
    say(db, lease, metric(1))
    with db.write() as session:
        cancel_job(session, session.get_one(Job, lease.job_id))
    assert finish(db, lease) is JobState.CANCELLED
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Artifact)) == 0
    assert statuses(db, lease.job_id)[-2:] == ["cancelling", "cancelled"]


def test_a_result_that_comes_before_the_pause_took_effect_is_published(db: Database, lease: Lease) -> None:
    say(db, lease, metric(1))
    with db.write() as session:
        pause_job(session, session.get_one(Job, lease.job_id))
    assert finish(db, lease) is JobState.SUCCEEDED


def test_the_log_of_an_attempt_is_found_even_when_it_came_after_its_end(db: Database, lease: Lease) -> None:
    finish(db, lease)
    log = stored("log")
    stranger = Lease(lease.job_id, lease.fence + 1, lease.attempt, lease.owner)
    with db.write() as session:
        records.attach_log(session, stranger, "sha256/wrong", 1)
        records.attach_log(session, lease, log.key, log.bytes)
    with db.read() as session:
        attempt = session.get_one(Attempt, (lease.job_id, 1))
    assert (attempt.log_key, attempt.log_bytes) == (log.key, 3)
    assert story(db, lease.job_id)[-1].type == "end"
