"""The doorbell at the worker's end: heard at once, and heard again after the broker died."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import Redis, wait_until

from store.jobs import cancel_job
from store.models import JobState

pytestmark = pytest.mark.slow

# A worker that looks for work by itself so seldom that only a ring explains a quick start.
_SELDOM = {"CLAIM_SECONDS": "300", "SWEEP_SECONDS": "300"}
_SOON = 20


@pytest.fixture
def mortal_redis() -> Iterator[Redis]:
    """A Redis of this test's own."""
    server = Redis()
    try:
        server.start()
        yield server
    finally:
        server.close()


def test_a_ring_through_the_embedded_broker_is_heard_at_once(sqlite_url: str, tmp_path: Path, make_crew: Any) -> None:
    crew = make_crew(sqlite_url, f"sqla+sqlite:///{tmp_path / 'broker.sqlite'}", _SELDOM)
    crew.hire()
    _starts_soon(crew)


@pytest.mark.servers
def test_a_worker_outlives_its_broker_and_hears_it_again(sqlite_url: str, mortal_redis: Redis, make_crew: Any) -> None:
    crew = make_crew(sqlite_url, mortal_redis.url(), _SELDOM)
    worker = crew.hire()
    _starts_soon(crew)
    mortal_redis.kill()
    time.sleep(1)
    assert worker.up
    mortal_redis.start()
    wait_until(lambda: _listens(mortal_redis), "the worker at the new broker", 60)
    _starts_soon(crew)


def _starts_soon(crew: Any) -> None:
    time.sleep(1)  # the worker's first look at the queue is over
    job = crew.submit()
    crew.until(job, JobState.STARTING, JobState.RUNNING, seconds=_SOON)
    crew.act(job, cancel_job)
    crew.until(job, JobState.CANCELLED, seconds=30)
    wait_until(lambda: all(worker.said("engine_warm") > 1 for worker in crew.workers), "the next engine", 120)


def _listens(redis: Redis) -> bool:
    from redis import Redis as Client

    with Client.from_url(redis.url()) as client:
        return any(connection["cmd"] == "brpop" for connection in client.client_list())
