"""Live events for any number of watchers: one query a poll, a short shared tail in memory, no session held."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

import structlog
from anyio import to_thread

from api import limits

log = structlog.stdlib.get_logger("api.hub")

HEARTBEAT = b"event: heartbeat\ndata: {}\n\n"
"""Has no id, so that a client's Last-Event-ID stays that of the last real event."""

OPENING = b"retry: 2000\n\n"


class Frame(NamedTuple):
    """One event, ready to send."""

    seq: int
    text: bytes
    ends: bool


ReadMany = Callable[[Mapping[str, int]], Mapping[str, Sequence[Frame]]]
"""Events of several jobs, each after its own sequence number, in one query."""

ReadOne = Callable[[str, int], Sequence[Frame]]
"""The next events of one job after a sequence number."""


class Watch:
    """A watched job: how far it was read, and its latest events.

    Sequence numbers of a job have no gaps, so the tail's first number says where everything in it lies.
    """

    def __init__(self, cursor: int) -> None:
        self.cursor = cursor
        self.readers = 0
        self.moved = asyncio.Event()
        self._tail: deque[Frame] = deque(maxlen=limits.TAIL_EVENTS)

    def extend(self, frames: Sequence[Frame]) -> None:
        """Take events in and wake the readers."""
        fresh = [frame for frame in frames if frame.seq > self.cursor]
        if fresh:
            if fresh[0].seq != self.cursor + 1:
                self._tail.clear()
            self._tail.extend(fresh)
            self.cursor = fresh[-1].seq
            self.wake()

    def wake(self) -> None:
        """Let every reader look again."""
        self.moved.set()
        self.moved = asyncio.Event()

    def after(self, seq: int) -> list[Frame] | None:
        """The next events after ``seq``; None when the tail does not reach back so far."""
        if seq >= self.cursor:
            return []
        if not self._tail or seq + 1 < self._tail[0].seq:
            return None
        start = seq + 1 - self._tail[0].seq
        return list(islice(self._tail, start, start + limits.STREAM_BATCH))


class Hub:
    """Every stream of this process, fed by one poller."""

    def __init__(self, read_many: ReadMany, read_one: ReadOne) -> None:
        self._read_many = read_many
        self._read_one = read_one
        self._watches: dict[str, Watch] = {}
        self._wanted = asyncio.Event()
        self.readers = 0
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def stopped(self) -> bool:
        """Whether the service is shutting down."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """End every stream; clients reconnect elsewhere with their Last-Event-ID."""
        self._stopping.set()
        self._wanted.set()
        for watch in self._watches.values():
            watch.wake()

    def stop_soon(self) -> None:
        """As ``stop``, from a signal handler."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.stop)

    async def run(self) -> None:
        """Poll while anybody watches."""
        self._loop = asyncio.get_running_loop()
        while not self.stopped:
            await self._wanted.wait()
            await _within(self._stopping, limits.POLL_SECONDS)
            try:
                await self._poll()
            except Exception:
                log.exception("events could not be read; trying again")
                await _within(self._stopping, 1)

    async def _poll(self) -> None:
        cursors = {job_id: watch.cursor for job_id, watch in self._watches.items()}
        if not cursors:
            return
        found = await to_thread.run_sync(self._read_many, cursors)
        for job_id, frames in found.items():
            if watch := self._watches.get(job_id):
                watch.extend(frames)

    @contextmanager
    def _watching(self, job_id: str, cursor: int) -> Iterator[Watch]:
        watch = self._watches.setdefault(job_id, Watch(cursor))
        watch.readers += 1
        self.readers += 1
        self._wanted.set()
        try:
            yield watch
        finally:
            watch.readers -= 1
            self.readers -= 1
            if not watch.readers:
                del self._watches[job_id]
            if not self._watches and not self.stopped:
                self._wanted.clear()

    async def stream(self, job_id: str, last: int, cursor: int) -> AsyncGenerator[bytes]:
        """Everything of a job after ``last`` as server-sent events, until its end event or shutdown.

        ``cursor`` is the job's latest sequence number when the watcher was let in.
        """
        yield OPENING
        with self._watching(job_id, cursor) as watch:
            while not self.stopped:
                moved = watch.moved
                frames: Sequence[Frame] | None = watch.after(last)
                if frames is None:
                    frames = await to_thread.run_sync(self._read_one, job_id, last)
                if frames:
                    last = frames[-1].seq
                    yield b"".join(frame.text for frame in frames)
                    if frames[-1].ends:
                        return
                elif not await _within(moved, limits.HEARTBEAT_SECONDS):
                    yield HEARTBEAT


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
