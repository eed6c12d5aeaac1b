"""A worker whose clock is off by hours works as well as any: on Postgres the database's clock is the only one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from servers import unavailable, wait_until
from wrong_clock import compiler, wrong_clock

from store.jobs import pause_job, resume_job
from store.models import JobState

pytestmark = [pytest.mark.slow, pytest.mark.servers]


@pytest.mark.parametrize("hours", [-5, 5])
def test_its_job_is_paused_resumed_and_ends_with_the_same_bits_in_attempts_of_true_length(
    servers: Any, undisturbed: str, tmp_path: Path, hours: float
) -> None:
    if compiler() is None:
        unavailable("a C compiler is missing: apt install gcc")
    for worker in servers.workers:
        worker.end()
    worker = servers.start(*wrong_clock(tmp_path, hours))
    wait_until(lambda: worker.said("engine_warm") > 0 or not worker.up, "the worker", 180)
    job = servers.submit()
    servers.until_checkpoint(job)
    servers.act(job, pause_job)
    servers.until(job, JobState.PAUSED)
    servers.act(job, resume_job)
    servers.until(job, JobState.SUCCEEDED)
    assert servers.student(job) == undisturbed
    stopped, last = servers.attempts(job)
    assert (stopped.outcome, last.outcome) == ("stopped", "succeeded")
    assert all(0 <= (one.ended_at - one.started_at).total_seconds() < 600 for one in (stopped, last))
    assert worker.said("lease_lost") == 0
    worker.end()
