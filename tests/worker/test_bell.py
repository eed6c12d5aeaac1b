"""The bell inside a worker."""

from __future__ import annotations

import threading
import time

from worker.bell import Bell


def test_a_ring_before_the_wait_is_not_missed() -> None:
    bell = Bell()
    heard = bell.rings
    bell.ring()
    began = time.monotonic()
    bell.wait(heard, 30)
    assert time.monotonic() - began < 5


def test_one_ring_wakes_every_slot() -> None:
    bell, woken = Bell(), []
    heard = bell.rings
    threads = [threading.Thread(target=lambda: woken.append(bell.wait(heard, 30))) for _ in range(3)]
    for thread in threads:
        thread.start()
    bell.ring()
    for thread in threads:
        thread.join(10)
    assert len(woken) == 3


def test_without_a_ring_the_wait_ends_by_itself() -> None:
    began = time.monotonic()
    Bell().wait(0, 0.05)
    assert 0.04 < time.monotonic() - began < 5
