"""What an attempt leaves behind, and what it makes of damaged files, full disks, silent engines and hopeless plans."""

from __future__ import annotations

import os
import resource
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from servers import wait_until
from sqlalchemy import select

from store.jobs import cancel_job, pause_job, resume_job
from store.localfiles import LocalFiles
from store.models import Attempt, Checkpoint, CheckpointFile, JobState
from store.workers import live

pytestmark = pytest.mark.slow


def test_a_finished_job_leaves_its_log_and_no_folder(embedded: Any) -> None:
    embedded.worker()
    job = embedded.submit()
    embedded.until(job, JobState.SUCCEEDED)
    (attempt,) = embedded.attempts(job)
    assert len(_log_of(embedded, attempt).encode()) == attempt.log_bytes
    wait_until(lambda: not (embedded.home / "work" / job).exists(), "the folder's end", 10)


def test_the_jobs_of_a_project_share_what_their_teacher_says(embedded: Any, undisturbed: str) -> None:
    embedded.worker()
    first = embedded.submit()
    embedded.until(first, JobState.SUCCEEDED)
    kept = embedded.home / "work" / "kept" / embedded.project
    (entry,) = {path.parent for path in kept.glob("*/manifest.json")}
    written = (entry / "0.bin").stat().st_mtime_ns
    second = embedded.submit()
    embedded.until(second, JobState.SUCCEEDED)
    assert {path.parent for path in kept.glob("*/manifest.json")} == {entry}
    assert (entry / "0.bin").stat().st_mtime_ns == written
    assert embedded.student(first) == embedded.student(second) == undisturbed


def test_a_damaged_checkpoint_is_told_and_the_one_before_is_used(embedded: Any, undisturbed: str) -> None:
    embedded.worker()
    job = embedded.submit()
    embedded.until_checkpoint(job, count=3)
    embedded.act(job, pause_job)
    embedded.until(job, JobState.PAUSED)
    damaged = _truncate_newest_checkpoint(embedded, job)
    embedded.act(job, resume_job)
    embedded.until(job, JobState.SUCCEEDED)
    _, failed, last = embedded.attempts(job)
    assert failed.error["code"] == "checkpoint_damaged"
    assert failed.checkpoint_id == damaged
    assert last.checkpoint_id not in (None, damaged)
    assert embedded.student(job) == undisturbed


def test_a_full_work_disk_costs_an_attempt_and_nothing_else(embedded: Any, undisturbed: str) -> None:
    embedded.worker()
    job = embedded.submit()
    embedded.until_checkpoint(job)
    # The kernel refuses the engine every file of more than this, as a full disk would.
    resource.prlimit(embedded.engine_at_work(job), resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    embedded.until(job, JobState.SUCCEEDED)
    first, *_, last = embedded.attempts(job)
    assert first.error["code"] == "disk_full"
    assert last.checkpoint_id is not None
    assert embedded.student(job) == undisturbed


@pytest.mark.servers
def test_a_full_file_store_is_told_and_survived(servers: Any, undisturbed: str) -> None:
    worker = servers.worker()
    job = servers.submit()
    servers.until_checkpoint(job)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
    wait_until(lambda: "is not stored" in _log_lines(servers, job), "the warning", 60)
    wait_until(lambda: len(servers.attempts(job)) > 1, "the next attempt", 180)
    for pid in [worker.pid, *servers.engines_of(worker)]:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    servers.until(job, JobState.SUCCEEDED)
    assert servers.attempts(job)[0].error["code"] == "disk_full"
    assert servers.student(job) == undisturbed


def test_a_plan_that_the_engine_refuses_fails_once_with_its_reason_and_its_log(embedded: Any) -> None:
    embedded.worker()
    job = embedded.submit(break_plan=True)
    failed = embedded.until(job, JobState.FAILED)
    assert len(embedded.attempts(job)) == 1
    assert failed.error["code"] == "internal"
    assert "submit the job's spec again" in failed.error["message"]
    assert any("ValidationError" in line for line in failed.error["log_tail"])
    assert str(embedded.home) not in str(failed.error)


def test_an_engine_that_falls_silent_is_reported_and_left_alone(
    sqlite_url: str, tmp_path: Path, make_crew: Any
) -> None:
    patient = {"LEASE_SECONDS": "600", "STALL_SECONDS": "3"}
    crew = make_crew(sqlite_url, f"sqla+sqlite:///{tmp_path / 'broker.sqlite'}", patient)
    crew.hire()
    job = crew.submit()
    crew.until_checkpoint(job)
    engine = crew.engine_at_work(job)
    os.kill(engine, signal.SIGSTOP)
    reports = _log_lines(crew, job).count("has said nothing")
    wait_until(lambda: _log_lines(crew, job).count("has said nothing") > reports, "the report", 30)
    assert crew.job(job).status is JobState.RUNNING
    os.kill(engine, signal.SIGCONT)
    crew.act(job, cancel_job)
    crew.until(job, JobState.CANCELLED)
    (attempt,) = crew.attempts(job)
    assert "most recent call first" in _log_of(crew, attempt)


def test_a_worker_says_what_it_is_and_does(embedded: Any) -> None:
    worker = embedded.worker()
    wait_until(lambda: _standby(embedded, worker.pid) == ["warm"], "the worker's word", 60)
    facts = _facts(embedded, worker.pid)
    assert facts["resource_classes"][0] == "cpu"
    assert all(name.startswith("cpu-") for name in facts["resource_classes"][1:])
    assert facts["disk_free"] > 0
    assert facts["device"]["cpus"] >= 1
    assert facts["memory"]["total"] > facts["memory"]["worker"] > 0
    assert facts["memory"]["engines"] > 0
    assert facts["versions"]["torch"]


def test_a_job_that_has_used_up_its_time_ends_and_keeps_where_it_was(embedded: Any, undisturbed: str) -> None:
    embedded.worker()
    job = embedded.submit(hours=1.5 / 3600)
    failed = embedded.until(job, JobState.FAILED)
    assert (failed.error["code"], failed.termination_reason) == ("time_limit", "time_limit")
    assert "resources.hours" in failed.error["message"]
    (attempt,) = embedded.attempts(job)
    assert (attempt.ended_at - attempt.started_at).total_seconds() < 30
    checkpoints = select(Checkpoint.step).where(Checkpoint.job_id == job)
    assert embedded.read(lambda session: session.scalars(checkpoints).all())


def test_time_is_counted_over_attempts(embedded: Any) -> None:
    embedded.worker()
    job = embedded.submit(hours=3000 / 3600)
    embedded.until_checkpoint(job)
    embedded.act(job, pause_job)
    embedded.until(job, JobState.PAUSED)
    with embedded.database.write() as session:
        (attempt,) = session.scalars(select(Attempt).where(Attempt.job_id == job))
        attempt.started_at -= timedelta(seconds=3600)
    embedded.act(job, resume_job)
    assert embedded.until(job, JobState.FAILED).error["code"] == "time_limit"


def test_a_worker_without_room_claims_nothing_until_there_is_some(
    sqlite_url: str, tmp_path: Path, make_crew: Any
) -> None:
    broker = f"sqla+sqlite:///{tmp_path / 'broker.sqlite'}"
    crew = make_crew(sqlite_url, broker, {"DISK_FREE_BYTES": str(10**18)})
    full = crew.hire()
    job = crew.submit()
    wait_until(lambda: full.said("disk_full") > 0, "the worker's word", 30)
    time.sleep(3)
    assert (crew.job(job).status, full.said("disk_full")) == (JobState.QUEUED, 1)
    crew.settings = {"DISK_FREE_BYTES": "1"}
    crew.hire()
    crew.until(job, JobState.SUCCEEDED)


def test_a_job_waits_for_a_worker_with_the_memory_that_it_needs(
    sqlite_url: str, tmp_path: Path, make_crew: Any
) -> None:
    broker = f"sqla+sqlite:///{tmp_path / 'broker.sqlite'}"
    crew = make_crew(sqlite_url, broker, {"MEMORY_GB": "20"})
    crew.hire()
    large, small = crew.submit(needs_gb=50), crew.submit(needs_gb=12)
    crew.until(small, JobState.SUCCEEDED)
    assert crew.job(large).status is JobState.QUEUED
    crew.settings = {"MEMORY_GB": "64"}
    crew.hire()
    crew.until(large, JobState.SUCCEEDED)


def test_a_worker_that_leaves_signs_off(embedded: Any) -> None:
    worker = embedded.hire()
    worker.send(signal.SIGINT)
    assert worker.process.wait(30) == 0
    assert _facts(embedded, worker.pid) == {}


def _facts(crew: Any, pid: int) -> dict[str, Any]:
    rows = crew.read(lambda session: live(session, 3600))
    return next((row.facts for row in rows if row.facts["pid"] == pid), {})


def _standby(crew: Any, pid: int) -> list[str]:
    return [slot["standby"] for slot in _facts(crew, pid).get("slots", [])]


def _log_of(crew: Any, attempt: Attempt) -> str:
    return b"".join(LocalFiles(crew.home / "files").open(attempt.log_key)).decode()


def _log_lines(crew: Any, job: str) -> str:
    events = [event for event in crew.events(job) if event.type == "log"]
    return "\n".join(line["message"] for event in events for line in event.data["lines"])


def _truncate_newest_checkpoint(crew: Any, job: str) -> str:
    """Damage a file that the checkpoint before does not share: its state, or between two runs its manifest."""
    query = select(Checkpoint.id).where(Checkpoint.job_id == job).order_by(Checkpoint.id.desc()).limit(2)
    newest, before = crew.read(lambda session: session.scalars(query).all())
    files = select(CheckpointFile.path, CheckpointFile.key)
    shared = crew.read(
        lambda session: set(session.scalars(select(CheckpointFile.key).where(CheckpointFile.checkpoint_id == before)))
    )
    found = crew.read(lambda session: session.execute(files.where(CheckpointFile.checkpoint_id == newest)).all())
    key = next(key for path, key in sorted(found, key=lambda row: "state-" not in row.path) if key not in shared)
    os.truncate(crew.home / "files" / key, 100)
    return str(newest)
