"""Streams lose nothing and double nothing, however slowly they are read, with one query a poll."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from api import limits
from api.hub import HEARTBEAT, OPENING, Frame, Hub


class Table:
    """Events of several jobs as the database would hold them, counting the queries."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Frame]] = {}
        self.polls = 0
        self.pages = 0
        self.broken = False

    def add(self, job: str, count: int = 1, *, ends: bool = False) -> None:
        rows = self.rows.setdefault(job, [])
        for _ in range(count):
            rows.append(Frame(len(rows) + 1, b"%d " % (len(rows) + 1), ends))

    def read_many(self, cursors: Mapping[str, int]) -> Mapping[str, Sequence[Frame]]:
        self.polls += 1
        if self.broken:
            raise OSError("database is away")
        return {job: self.rows.get(job, [])[seq : seq + 300] for job, seq in cursors.items()}

    def read_one(self, job: str, seq: int) -> Sequence[Frame]:
        self.pages += 1
        return self.rows[job][seq : seq + limits.STREAM_BATCH]


@asynccontextmanager
async def running(table: Table) -> AsyncIterator[Hub]:
    hub = Hub(table.read_many, table.read_one)
    task = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        hub.stop()
        await asyncio.wait_for(task, 5)


async def numbers(hub: Hub, job: str, last: int, cursor: int, pause: float = 0) -> list[int]:
    found: list[int] = []
    async for chunk in hub.stream(job, last, cursor):
        if chunk not in (OPENING, HEARTBEAT):
            found += map(int, chunk.split())
            await asyncio.sleep(pause)
    return found


def run(claim: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(claim(), 30)

    asyncio.run(bounded())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "POLL_SECONDS", 0.01)


def test_every_watcher_sees_every_event_once_from_wherever_it_starts() -> None:
    async def claim() -> None:
        table = Table()
        table.add("job", 450)
        async with running(table) as hub:
            watchers = [asyncio.create_task(numbers(hub, "job", last, 450)) for last in (0, 100, 449, 450)]
            for _ in range(60):
                table.add("job", 20)
                await asyncio.sleep(0.005)
            late = asyncio.create_task(numbers(hub, "job", 3, len(table.rows["job"])))
            await asyncio.sleep(0.05)
            table.add("job", ends=True)
            total = len(table.rows["job"])
            starts = [0, 100, 449, 450, 3]
            for start, found in zip(starts, await asyncio.gather(*watchers, late), strict=True):
                assert found == list(range(start + 1, total + 1))

    run(claim)


def test_a_slow_reader_falls_out_of_the_tail_and_still_gets_everything() -> None:
    async def claim() -> None:
        table = Table()
        table.add("job", 1)
        async with running(table) as hub:
            slow = asyncio.create_task(numbers(hub, "job", 0, 1, pause=0.03))
            quick = asyncio.create_task(numbers(hub, "job", 0, 1))
            for _ in range(40):
                table.add("job", 100)
                await asyncio.sleep(0.002)
            table.add("job", ends=True)
            expected = list(range(1, 4003))
            assert await quick == expected
            assert await slow == expected
            assert table.pages > 2

    run(claim)


def test_a_poll_is_one_query_for_any_number_of_watchers_and_none_without() -> None:
    async def claim() -> None:
        table = Table()
        jobs = [f"job{i}" for i in range(50)]
        for job in jobs:
            table.add(job)
        async with running(table) as hub:
            await asyncio.sleep(0.1)
            assert table.polls == 0
            tasks = [asyncio.create_task(numbers(hub, job, 1, 1)) for job in jobs for _ in range(4)]
            await asyncio.sleep(0.3)
            assert hub.readers == 200
            assert 1 <= table.polls <= 31
            assert table.pages == 0
            for job in jobs:
                table.add(job, ends=True)
            assert await asyncio.gather(*tasks) == [[2]] * 200
            assert hub.readers == 0
            quiet = table.polls
            await asyncio.sleep(0.1)
            assert table.polls <= quiet + 1

    run(claim)


def test_a_database_that_is_away_for_a_while_ends_no_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    async def claim() -> None:
        table = Table()
        table.add("job")
        async with running(table) as hub:
            table.broken = True
            watcher = asyncio.create_task(numbers(hub, "job", 1, 1))
            await asyncio.sleep(0.1)
            assert table.polls == 1
            assert not watcher.done()
            table.add("job", 3)
            table.add("job", ends=True)
            table.broken = False
            assert await watcher == [2, 3, 4, 5]

    run(claim)


def test_a_silent_stream_beats_and_ends_when_the_service_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEARTBEAT_SECONDS", 0.05)

    async def claim() -> None:
        table = Table()
        table.add("job")
        chunks: list[bytes] = []
        async with running(table) as hub:

            async def watch() -> None:
                async for chunk in hub.stream("job", 1, 1):
                    chunks[len(chunks) :] = [chunk]

            task = asyncio.create_task(watch())
            await asyncio.sleep(0.3)
            assert chunks[0] == OPENING
            assert chunks.count(HEARTBEAT) >= 3
            assert b"id:" not in HEARTBEAT
            hub.stop()
            await asyncio.wait_for(task, 1)

    run(claim)


def test_a_reader_that_leaves_is_forgotten() -> None:
    async def claim() -> None:
        table = Table()
        table.add("job")
        async with running(table) as hub:
            tasks = [asyncio.create_task(numbers(hub, "job", 1, 1)) for _ in range(3)]
            await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert hub.readers == 0
            assert hub._watches == {}

    run(claim)
