"""A later attempt goes on from the newest sound checkpoint, and what it will write again is marked."""

from __future__ import annotations

from sqlalchemy import select
from storing import break_down, checkpoint, job, make_job, metric, must_take, say, story, wait_no_more

from store.database import Database
from store.leases import Claim, Lease
from store.models import Checkpoint, CheckpointFile, DeadFile, MetricPoint


def again(db: Database, lease: Lease, code: str = "engine_crashed") -> Claim:
    """Fails the attempt and claims the next one."""
    break_down(db, lease, code, retry=True)
    wait_no_more(db, lease.job_id)
    return must_take(db)


def series(db: Database, superseded: bool) -> list[tuple[str, int]]:
    """The points of all jobs, marked or not."""
    query = select(MetricPoint).where(MetricPoint.superseded == superseded).order_by(MetricPoint.step)
    with db.read() as session:
        return [(point.run, point.step) for point in session.scalars(query)]


def test_the_next_attempt_starts_from_the_newest_checkpoint_with_all_its_files(db: Database) -> None:
    make_job(db)
    lease = must_take(db).lease
    checkpoint(db, lease, 10)
    saved = checkpoint(db, lease, 20, run="distil")
    resume = again(db, lease).checkpoint
    assert resume is not None
    assert (resume.id, resume.step, resume.run, resume.epoch) == (saved, 20, "distil", 1)
    assert [file.path for file in resume.files] == ["checkpoint.json", "runs/teacher/weights"]
    assert all(file.key == f"sha256/{file.sha256[:2]}/{file.sha256}" for file in resume.files)


def test_the_last_two_are_kept_and_the_files_of_the_others_are_marked(db: Database) -> None:
    job_id = make_job(db)
    lease = must_take(db).lease
    for step in (10, 20, 30, 40):
        checkpoint(db, lease, step)
    with db.read() as session:
        assert list(session.scalars(select(Checkpoint.step).order_by(Checkpoint.step))) == [30, 40]
        kept = set(session.scalars(select(CheckpointFile.key)))
        dead = set(session.scalars(select(DeadFile.key)))
    assert len(kept) == 3  # the teacher's weights belong to both
    assert len(dead - kept) == 2
    assert len([event for event in story(db, job_id) if event.type == "checkpoint"]) == 4


def test_metrics_beyond_the_checkpoint_are_superseded_whatever_their_run(db: Database) -> None:
    job_id = make_job(db)
    lease = must_take(db).lease
    say(db, lease, metric(1), metric(2), metric(3, run="alone"))
    checkpoint(db, lease, 3, run="alone")
    say(db, lease, metric(4, run="alone"), metric(5, run="distil"))
    again(db, lease)
    assert series(db, False) == [("teacher", 1), ("teacher", 2), ("alone", 3)]
    assert series(db, True) == [("alone", 4), ("distil", 5)]
    assert list(job(db, job_id).metrics) == ["teacher.train"]


def test_without_a_checkpoint_everything_is_superseded(db: Database) -> None:
    job_id = make_job(db)
    lease = must_take(db).lease
    say(db, lease, metric(0), metric(1))
    assert again(db, lease).checkpoint is None
    assert series(db, False) == []
    assert job(db, job_id).metrics == {}


def test_a_damaged_checkpoint_is_never_used_again_and_the_one_before_it_is(db: Database) -> None:
    make_job(db)
    lease = must_take(db).lease
    first, second = checkpoint(db, lease, 10), checkpoint(db, lease, 20)
    claim = again(db, lease)
    assert claim.checkpoint is not None
    assert claim.checkpoint.id == second
    claim = again(db, claim.lease, "checkpoint_damaged")
    assert claim.checkpoint is not None
    assert claim.checkpoint.id == first
    assert again(db, claim.lease, "checkpoint_damaged").checkpoint is None


def test_a_new_checkpoint_does_not_push_out_a_sound_one_for_a_damaged_one(db: Database) -> None:
    make_job(db)
    lease = must_take(db).lease
    first = checkpoint(db, lease, 10)
    checkpoint(db, lease, 20)
    lease = again(db, again(db, lease).lease, "checkpoint_damaged").lease
    newest = checkpoint(db, lease, 20)
    with db.read() as session:
        assert list(session.scalars(select(Checkpoint.id).order_by(Checkpoint.step))) == [first, newest]


def test_the_newest_checkpoint_is_that_of_the_latest_attempt_even_if_its_worker_had_a_slow_clock(db: Database) -> None:
    make_job(db)
    lease = must_take(db).lease
    checkpoint(db, lease, 10)
    lease = again(db, lease).lease
    late = checkpoint(db, lease, 20)
    with db.write() as session:  # as if that worker's clock were a year behind
        row = session.get_one(Checkpoint, late)
        copy = Checkpoint(
            **{c.key: getattr(row, c.key) for c in Checkpoint.__table__.columns} | {"id": "ckpt_" + "0" * 26}
        )
        session.delete(row)
        session.add(copy)
    resume = again(db, lease).checkpoint
    assert resume is not None
    assert resume.step == 20
