"""The awaited client has every method of the other, and does the same against the real API."""

from __future__ import annotations

import asyncio
import inspect
import threading
from pathlib import Path
from typing import Any

import pytest
from live_service import SPEC, Service, artifacts, progress

from distillery import ApiError, AsyncClient, Client, Unreachable
from distillery.transport import Retry


def methods(kind: type) -> dict[str, Any]:
    return {
        name: getattr(kind, name) for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))
    }


def test_it_has_the_same_methods_with_the_same_words() -> None:
    waiting, awaited = methods(Client), methods(AsyncClient)
    assert set(waiting) <= {*awaited, *AsyncClient.__dict__}
    for name in set(waiting) & set(awaited) - {"close", "wait", "stream"}:
        assert inspect.getdoc(waiting[name]) == inspect.getdoc(awaited[name]), name


def test_a_job_is_submitted_followed_and_downloaded(service: Service, tmp_path: Path) -> None:
    contents = artifacts()

    async def use() -> tuple[str, list[str], dict[str, bytes]]:
        async with AsyncClient(service.url, service.key) as client:
            job = await client.submit(SPEC)
            lease = await asyncio.to_thread(service.claim)

            def work() -> None:
                for epoch in range(1, 4):
                    service.relay(lease, progress(epoch))
                service.publish(lease, contents)

            threading.Timer(0.3, work).start()
            heard = [event["type"] async for event in client.stream(job["id"])]
            last = await client.wait(job["id"])
            paths = await client.download(job["id"], tmp_path)
            return last["status"], heard, {path.name: path.read_bytes() for path in paths}

    status, heard, got = asyncio.run(use())
    assert (status, heard[-1], heard.count("progress")) == ("succeeded", "end", 3)
    assert got == contents


def test_lists_are_walked_over_their_pages_and_ended_early(service: Service) -> None:
    async def use() -> tuple[int, int]:
        async with AsyncClient(service.url, service.key) as client:
            for _ in range(5):
                job = await client.submit({**SPEC, "labels": {"walk": "async"}})
                await client.cancel(job["id"])
            every = [job["id"] async for job in client.jobs(labels={"walk": "async"})]
            some = [job["id"] async for job in client.jobs(labels={"walk": "async"}, limit=2)]
            return len(every), len(some)

    assert asyncio.run(use()) == (5, 2)


def test_refusals_and_silence_are_the_same_errors(service: Service) -> None:
    async def use() -> None:
        async with AsyncClient(service.url, service.key) as client:
            with pytest.raises(ApiError) as refused:
                await client.job("job_nothing")
            assert refused.value.status == 404
        async with AsyncClient("http://127.0.0.1:9", "dk_x", retry=Retry(attempts=2, base=0.01)) as nobody:
            with pytest.raises(Unreachable):
                await nobody.overview()

    asyncio.run(use())
