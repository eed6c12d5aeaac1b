"""The doorbell rings on every broker, and never makes anybody wait."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from kombu import Connection
from kombu.simple import SimpleQueue
from processes import run_together
from servers import free_port, wait_until

from store import broker
from store.doorbell import TASK, BackgroundDoorbell, Doorbell, make_app, queue_of


def rings(url: str, resource_class: str) -> int:
    """How many messages wait for the class; takes them all."""
    app = make_app(url, [resource_class])
    with app.connection_for_read() as connection:
        return _drain(connection, resource_class)


def _drain(connection: Connection, resource_class: str) -> int:
    queue = SimpleQueue(connection, queue_of(resource_class), no_ack=True)
    found = 0
    while True:
        try:
            message = queue.get(block=True, timeout=1)
        except queue.Empty:
            return found
        assert message.headers["task"] == TASK
        found += 1


def test_a_ring_reaches_the_class_that_it_is_for_and_no_other(broker_url: str) -> None:
    bell = Doorbell(broker_url)
    bell.ring("gpu")
    bell.ring("gpu")
    assert rings(broker_url, "cpu") == 0
    assert rings(broker_url, "gpu") == 2
    bell.close()


def test_a_celery_worker_hears_the_ring_within_two_seconds(broker_url: str) -> None:
    from celery.contrib.testing.worker import start_worker

    heard = threading.Event()
    app = make_app(broker_url, ["cpu"])

    @app.task(name=TASK, shared=False)
    def ring() -> None:
        heard.set()

    bell = Doorbell(broker_url)
    with start_worker(app, pool="threads", concurrency=1, perform_ping_check=False, loglevel="WARNING"):
        time.sleep(0.5)
        started = time.monotonic()
        bell.ring("cpu")
        assert heard.wait(10)
        assert time.monotonic() - started < 2
    bell.close()


def test_a_hundred_rings_in_a_moment_become_few_messages_and_cost_the_caller_nothing(broker_url: str) -> None:
    bell = BackgroundDoorbell(broker_url)
    started = time.monotonic()
    for _ in range(100):
        bell.ring("cpu")
    assert time.monotonic() - started < 0.2
    bell.close()
    assert 1 <= rings(broker_url, "cpu") < 100


def test_a_broker_that_is_down_costs_the_caller_nothing() -> None:
    bell = BackgroundDoorbell(f"redis://127.0.0.1:{free_port()}/0")
    started = time.monotonic()
    bell.ring("cpu")
    assert time.monotonic() - started < 0.2
    bell.close(timeout=0.1)
    wait_until(lambda: not bell._thread.is_alive(), "the end of the thread")


def test_a_broker_that_is_down_is_an_error_for_who_rings_directly() -> None:
    bell = Doorbell(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(Exception, match=r"refused|onnect"):
        bell.ring("cpu")


def test_four_processes_open_a_new_embedded_broker_at_once(tmp_path: Path) -> None:
    url = f"sqla+sqlite:///{tmp_path / 'new' / 'broker.sqlite'}"
    ring = "import sys; from store.doorbell import Doorbell; Doorbell(sys.argv[1]).ring('cpu')"
    run_together(ring, [[url]] * 4)
    assert rings(url, "cpu") == 4


def test_delivered_messages_leave_the_embedded_broker_and_waiting_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "broker.sqlite"
    url = f"sqla+sqlite:///{path}"
    assert broker.forget_delivered(url) == 0
    Doorbell(url).ring("cpu")
    assert rings(url, "cpu") == 1
    Doorbell(url).ring("cpu")
    assert broker.forget_delivered(url) == 1
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM kombu_message").fetchone() == (1,)
    wait_until(lambda: rings(url, "cpu") == 1, "the message that waited", 10)
