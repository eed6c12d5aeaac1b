"""Whatever is killed, frozen or lost: every job ends once, with one result, a story without gaps, and the same bits."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from servers import wait_until

from store.jobs import cancel_job, pause_job, resume_job
from store.models import JobState

pytestmark = pytest.mark.slow


def test_a_job_whose_ring_is_doubled_runs_once(crew: Any, undisturbed: str) -> None:
    crew.worker()
    job = crew.submit(rings=5)
    _ended_well(crew, job, undisturbed)
    assert [attempt.outcome for attempt in crew.attempts(job)] == ["succeeded"]


def test_a_job_whose_ring_is_lost_is_found_all_the_same(crew: Any) -> None:
    crew.worker()
    job = crew.submit(rings=0)
    crew.until(job, JobState.STARTING, JobState.RUNNING, seconds=15)
    crew.act(job, cancel_job)
    crew.until(job, JobState.CANCELLED, seconds=30)
    _story_is_whole(crew, job, "cancelled")


def test_a_killed_engine_is_replaced_and_its_job_goes_on(crew: Any, undisturbed: str) -> None:
    crew.worker()
    job = crew.submit()
    crew.until_checkpoint(job)
    os.kill(crew.engine_at_work(job), signal.SIGKILL)
    _ended_well(crew, job, undisturbed)
    first, *_, last = crew.attempts(job)
    assert first.outcome == "crashed"
    assert (first.error["code"], first.error["signal"]) == ("engine_killed", "SIGKILL")
    assert last.checkpoint_id is not None, "it began anew"


def test_a_cancel_ends_a_training_job_within_five_seconds(crew: Any) -> None:
    crew.worker()
    job = crew.submit()
    crew.until_checkpoint(job)
    engine = crew.engine_at_work(job)
    began = time.monotonic()
    crew.act(job, cancel_job)
    crew.until(job, JobState.CANCELLED, seconds=5)
    assert time.monotonic() - began < 5
    assert not _group_lives(engine)
    _story_is_whole(crew, job, "cancelled")


def test_a_cancel_ends_a_frozen_engine_within_five_seconds(crew: Any) -> None:
    crew.worker()
    job = crew.submit()
    crew.until_checkpoint(job)
    engine = crew.engine_at_work(job)
    os.kill(engine, signal.SIGSTOP)
    crew.act(job, cancel_job)
    crew.until(job, JobState.CANCELLED, seconds=5)
    assert not _group_lives(engine)
    _story_is_whole(crew, job, "cancelled")


def test_a_paused_job_holds_its_place_and_goes_on_with_the_same_bits(crew: Any, undisturbed: str) -> None:
    crew.worker()
    job = crew.submit()
    crew.until_checkpoint(job)
    engine = crew.engine_at_work(job)
    crew.act(job, pause_job)
    crew.until(job, JobState.PAUSED)
    assert not _group_lives(engine)
    time.sleep(1)
    assert crew.job(job).status is JobState.PAUSED
    crew.act(job, resume_job)
    crew.doorbell.ring("cpu")
    _ended_well(crew, job, undisturbed)
    assert [attempt.outcome for attempt in crew.attempts(job)] == ["stopped", "succeeded"]


def test_a_drained_worker_gives_its_job_back_with_a_checkpoint(crew: Any, undisturbed: str) -> None:
    worker = crew.worker()
    job = crew.submit()
    crew.until_checkpoint(job)
    engine = crew.engine_at_work(job)
    worker.send(signal.SIGTERM)
    assert worker.process.wait(30) == 0
    assert not _group_lives(engine)
    assert crew.job(job).status is JobState.QUEUED
    crew.hire()
    _ended_well(crew, job, undisturbed)
    first, second = crew.attempts(job)
    assert (first.outcome, second.outcome) == ("stopped", "succeeded")
    assert second.checkpoint_id is not None


def test_a_worker_frozen_past_its_lease_loses_its_job_and_can_do_no_harm_when_it_thaws(
    crew: Any, undisturbed: str
) -> None:
    frozen = crew.worker()
    job = crew.submit()
    crew.until_checkpoint(job)
    engine = crew.engine_at_work(job)
    heir = crew.start()
    crew.freeze(frozen, job)
    wait_until(lambda: not _lives(engine), "the end of the frozen worker's engine", seconds=10)
    wait_until(lambda: crew.job(job).attempt > 1, "the heir's attempt", seconds=120)
    frozen.send(signal.SIGCONT)
    _ended_well(crew, job, undisturbed)
    wait_until(lambda: frozen.said("attempt_discarded") == 1, "the thawed worker's insight", seconds=30)
    assert crew.attempts(job)[0].outcome == "lost"
    assert frozen.up
    assert heir.up
    frozen.send(signal.SIGTERM)
    assert frozen.process.wait(30) == 0


def test_a_killed_worker_takes_its_engines_along_and_another_worker_goes_on(crew: Any, undisturbed: str) -> None:
    worker = crew.worker()
    job = crew.submit()
    crew.until_checkpoint(job)
    engines = crew.engines_of(worker)
    assert engines
    worker.send(signal.SIGKILL)
    worker.process.wait()
    wait_until(lambda: not any(map(_lives, engines)), "the end of its engines", seconds=5)
    crew.hire()
    _ended_well(crew, job, undisturbed)
    assert crew.attempts(job)[0].outcome == "lost"


def _ended_well(crew: Any, job: str, undisturbed: str) -> None:
    crew.until(job, JobState.SUCCEEDED)
    _story_is_whole(crew, job, "succeeded")
    assert crew.student(job) == undisturbed
    outcomes = [attempt.outcome for attempt in crew.attempts(job)]
    assert outcomes.count("succeeded") == 1
    assert outcomes[-1] == "succeeded"


def _story_is_whole(crew: Any, job: str, end: str) -> None:
    events = crew.events(job)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.data["status"] for event in events if event.type == "end"] == [end]
    assert events[-1].type == "end"
    names = [event.data["name"] for event in events if event.type == "artifact"]
    assert len(names) == len(set(names))
    assert bool(names) == (end == "succeeded")
    assert all(attempt.ended_at for attempt in crew.attempts(job))
    for worker in crew.workers:
        # One may wait for the next job; none works.
        wait_until(lambda worker=worker: len(crew.engines_of(worker)) <= worker.up, "idle engines", seconds=10)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def _group_lives(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True
