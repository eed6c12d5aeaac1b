"""What can happen to a service; each fault leaves it able to recover by itself."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from chaos_service import PATIENT, Service
from crew import WorkerProcess
from servers import wait_until
from wrong_clock import compiler, wrong_clock

from distillery import ApiError, Client
from store.models import JobState
from store.states import FINAL

TINY_BYTES = 4096
"""No file may grow beyond this while the disk is "full"."""
FROZEN_SECONDS = 5.0
"""Longer than a lease of three seconds."""


class Faults:
    """What can happen to a service, by name. Each leaves it able to recover by itself."""

    def __init__(self, service: Service, random_: random.Random) -> None:
        self._service, self._random = service, random_
        self.done: Counter[str] = Counter()
        self.skipped: dict[str, str] = {}
        self._known: dict[str, Callable[[], bool]] = {
            "worker killed": self._kill_worker,
            "worker told to leave": self._drain_worker,
            "worker frozen past its lease": self._freeze_worker,
            "engine killed": self._kill_engine,
            "API killed": self._kill_api,
            "broker killed": self._kill_broker,
            "database restarted": self._restart_database,
            "messages dropped": self._drop_messages,
            "messages doubled": self._double_messages,
            "disk full for a while": self._fill_disk,
            "worker with a wrong clock": self._hire_with_wrong_clock,
            "job paused and resumed": self._pause_and_resume,
            "job cancelled": self._cancel,
        }

    def names(self) -> list[str]:
        """All of them."""
        return list(self._known)

    def commit(self, name: str) -> None:
        """Let it happen, if there is something for it to happen to."""
        if self._known[name]():
            self.done[name] += 1

    def _worker(self) -> WorkerProcess | None:
        alive = self._service.alive
        return self._random.choice(alive) if alive else None

    def _kill_worker(self) -> bool:
        worker = self._worker()
        if worker is not None:
            worker.send(signal.SIGKILL)
        return worker is not None

    def _drain_worker(self) -> bool:
        worker = self._worker()
        if worker is not None:
            worker.send(signal.SIGTERM)
        return worker is not None

    def _freeze_worker(self) -> bool:
        worker, jobs = self._worker(), [order.id for order in self._service.orders]
        if worker is None or not jobs:
            return False
        self._service.crew.freeze(worker, jobs[0])
        time.sleep(FROZEN_SECONDS)
        worker.send(signal.SIGCONT)
        return True

    def _kill_engine(self) -> bool:
        engines = self._service.engines()
        if not engines:
            return False
        with suppress(ProcessLookupError):
            os.kill(self._random.choice(engines), signal.SIGKILL)
        return True

    def _kill_api(self) -> bool:
        with self._service.lock:
            if self._service.api is not None:
                self._service.api.kill()
        return True

    def _kill_broker(self) -> bool:
        redis = self._service.redis
        if redis is None:
            self.skipped["broker killed"] = "the embedded broker is a file"
            return False
        redis.kill()
        time.sleep(self._random.uniform(0.1, 2))
        redis.start()
        return True

    def _restart_database(self) -> bool:
        postgres = self._service.postgres
        if postgres is None:
            self.skipped["database restarted"] = "the embedded database is a file"
            return False
        postgres._end(signal.SIGQUIT)  # at once, without good-byes: as a crash that its log recovers from
        time.sleep(self._random.uniform(0.1, 1))
        postgres.start()
        return True

    def _drop_messages(self) -> bool:
        redis = self._service.redis
        if redis is None:
            self.skipped["messages dropped"] = "rings of the embedded broker are not ours to delete"
            return False
        import redis as client

        with client.Redis.from_url(self._service.crew.broker_url) as connection, suppress(client.ConnectionError):
            for name in connection.scan_iter("ring.*"):
                connection.delete(name)
        return True

    def _double_messages(self) -> bool:
        for _ in range(5):
            with suppress(Exception):
                self._service.crew.doorbell.ring("cpu")
        return True

    def _fill_disk(self) -> bool:
        """No process of a worker can write a file larger than a few kilobytes."""
        full = [pid for worker in self._service.alive for pid in (worker.pid, *self._service.crew.engines_of(worker))]
        limits = [_limit(pid, TINY_BYTES) for pid in full]
        time.sleep(2)
        for pid, before in zip(full, limits, strict=True):
            if before is not None:
                _limit(pid, before)
        return any(before is not None for before in limits)

    def _hire_with_wrong_clock(self) -> bool:
        if self._service.postgres is None:
            self.skipped["worker with a wrong clock"] = "workers of one machine share its clock, and SQLite is on one"
            return False
        if compiler() is None:
            self.skipped["worker with a wrong clock"] = "a C compiler is missing: apt install gcc"
            return False
        crew = self._service.crew
        with self._service.lock:
            worker = crew.start(*wrong_clock(crew.home, self._random.choice([-5, 5])))
            victims = self._service.alive[:-1]
            if len(victims) >= self._service.workers:
                self._random.choice(victims).send(signal.SIGTERM)
        with suppress(TimeoutError):  # it counts when it could have taken a job
            wait_until(lambda: worker.said("engine_warm") > 0 or not worker.up, "the worker", 30)
        return worker.said("engine_warm") > 0

    def _pause_and_resume(self) -> bool:
        return self._on_a_job("pause") and self._eventually("resume")

    def _cancel(self) -> bool:
        if self.done["job cancelled"] >= max(1, len(self._service.orders) // 4):
            return False  # the others shall show that they end well
        return self._on_a_job("cancel")

    def _on_a_job(self, action: str) -> bool:
        going = [order for order in self._service.orders if order.wanted is JobState.SUCCEEDED]
        if not going:
            return False
        order = self._random.choice(going)
        self._last = order
        with Client(self._service.url, self._service.key, retry=PATIENT) as client:
            try:
                getattr(client, action)(order.id)
            except ApiError:
                return False  # it has ended
            if action == "cancel":
                order.wanted = JobState.CANCELLED
        return True

    def _eventually(self, action: str) -> bool:
        until = time.monotonic() + 30
        with Client(self._service.url, self._service.key, retry=PATIENT) as client:
            while time.monotonic() < until:
                with suppress(ApiError):
                    getattr(client, action)(self._last.id)
                    return True
                if client.job(self._last.id)["status"] in FINAL:
                    return True
                time.sleep(0.2)
        return False


def _limit(pid: int, size: int) -> int | None:
    """Bound the files that a process may write; the bound it had, or None when it is gone."""
    try:
        before, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        # An engine that looks at what was brought bounds itself for good, perhaps since we bounded it.
        bounded = most != resource.RLIM_INFINITY and not 0 <= size <= most
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most if bounded else size, most))
    except (ProcessLookupError, PermissionError):
        return None
    return before
