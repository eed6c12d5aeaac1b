"""How often somebody may ask: token buckets in this process's memory, bounded in number."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.errors import Refused

MOST_NAMES = 10_000
"""Buckets that are remembered; those that were asked for least lately are forgotten, which fills them."""


class Buckets:
    """A bucket of tokens for each name: ``burst`` at first and at most, ``per_second`` more as time goes by."""

    def __init__(
        self, per_second: float, burst: int, *, most: int = MOST_NAMES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second, self._burst, self._most, self._clock = per_second, burst, most, clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name: tokens, and when that was
        self._lock = threading.Lock()

    def take(self, name: str) -> float:
        """Takes a token: 0 when there was one, else the seconds until there is."""
        return self._look(name, 1)

    def wait(self, name: str) -> float:
        """Seconds until there is a token; takes none."""
        return self._look(name, 0)

    def _look(self, name: str, wanted: int) -> float:
        with self._lock:
            at = self._clock()
            tokens, since = self._levels.pop(name, (float(self._burst), at))
            tokens = min(self._burst, tokens + (at - since) * self._per_second)
            missing = max(0.0, 1 - tokens)
            self._levels[name] = (tokens if missing else tokens - wanted, at)
            while len(self._levels) > self._most:
                self._levels.popitem(last=False)
            return missing / self._per_second


class Places:
    """How many may do something at the same time; who comes when all are taken is sent away, not kept waiting."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place for the block.

        Raises:
            Refused: 503, all are taken.
        """
        if not self._free.acquire(blocking=False):
            raise Refused(
                "busy", "too many send files at once; try again", kind="unavailable", headers={"Retry-After": "2"}
            )
        try:
            yield
        finally:
            self._free.release()


def too_many(what: str, seconds: float) -> Refused:
    """The refusal of who asks too often."""
    wait = max(1, math.ceil(seconds))
    return Refused("rate_limited", f"{what}; ask again in {wait} s", headers={"Retry-After": str(wait)})
