"""Streams from a real server: nothing lost, nothing doubled, no session held, ended in good order."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from api_client import Served, Truth

Message = dict[str, str]


def messages(response: httpx.Response) -> Iterator[Message]:
    message: Message = {}
    for line in response.iter_lines():
        if not line and message:
            yield message
            message = {}
        elif line:
            name, _, value = line.partition(": ")
            message[name] = value


def events(response: httpx.Response) -> Iterator[Message]:
    return (message for message in messages(response) if "id" in message)


@pytest.fixture
def client(served: Served, truth: Truth) -> Iterator[httpx.Client]:
    with served.client(truth.key()) as found:
        yield found


@pytest.fixture
def job(client: httpx.Client, spec: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json=spec)
    found: dict[str, Any] = answer.json()
    return found


def test_a_watcher_that_is_cut_off_again_and_again_misses_nothing(
    client: httpx.Client, truth: Truth, job: dict[str, Any]
) -> None:
    lease, dice = truth.claim(), random.Random(7)

    def write() -> None:
        for i in range(150):
            truth.log(lease, *[f"line {i}"] * dice.choice([1, 1, 3]))
            time.sleep(0.01)
        truth.fail(lease)

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[int] = []
    connections = 0
    while True:
        headers = {"Last-Event-ID": str(seen[-1])} if seen else {}
        with client.stream("GET", job["urls"]["stream"], headers=headers) as response:
            if response.status_code == 204:
                break
            assert response.headers["content-type"].startswith("text/event-stream")
            patience = random.Random(connections).randint(1, 40)
            connections += 1
            for message in events(response):
                seen.append(int(message["id"]))
                body = json.loads(message["data"])
                assert (body["seq"], body["type"]) == (seen[-1], message["event"])
                if len(seen) % patience == 0:
                    break
    writer.join()
    assert connections > 5
    assert message["event"] == "end"
    assert seen == list(range(1, len(seen) + 1))
    listed = client.get(job["urls"]["events"], params={"limit": 1000}).json()["data"]
    assert [event["seq"] for event in listed] == seen


def test_thirty_streams_leave_the_service_free_and_all_hear_the_end(
    client: httpx.Client, truth: Truth, job: dict[str, Any]
) -> None:
    lease = truth.claim()
    with ExitStack() as stack:
        streams = [stack.enter_context(client.stream("GET", job["urls"]["stream"])) for _ in range(30)]
        readers = [events(stream) for stream in streams]
        assert [next(reader)["id"] for reader in readers] == ["1"] * 30
        began = time.monotonic()
        for _ in range(20):
            assert client.get("/v1/jobs").status_code == 200
        assert time.monotonic() - began < 10
        truth.log(lease, "hello")
        truth.fail(lease)
        for reader in readers:
            rest = list(reader)
            assert rest[-1]["event"] == "end"
            assert [int(message["id"]) for message in rest] == list(range(2, int(rest[-1]["id"]) + 1))


def test_an_event_is_heard_within_a_second(client: httpx.Client, truth: Truth, job: dict[str, Any]) -> None:
    lease = truth.claim()
    delays = []
    with client.stream("GET", job["urls"]["stream"], params={"after_seq": 2}) as response:
        reader = messages(response)
        assert "retry" in next(reader)
        for _ in range(5):
            said = time.monotonic()
            truth.log(lease, "now")
            while next(reader).get("event") != "log":
                pass
            delays.append(time.monotonic() - said)
    assert sorted(delays)[2] < 1


def test_after_seq_is_where_a_new_stream_begins_and_last_event_id_goes_before_it(
    client: httpx.Client, truth: Truth, job: dict[str, Any]
) -> None:
    lease = truth.claim()
    truth.log(lease, "a", "b")
    truth.fail(lease)
    for params, headers, first in (
        ({}, {}, 1),
        ({"after_seq": 3}, {}, 4),
        ({"after_seq": 1}, {"Last-Event-ID": "4"}, 5),
    ):
        with client.stream("GET", job["urls"]["stream"], params=params, headers=headers) as response:
            assert int(next(events(response))["id"]) == first
    for bad in ({"after_seq": "x"}, {"after_seq": -1}, {"from": 2}):
        assert client.get(job["urls"]["stream"], params=bad).status_code == 422
    assert client.get(job["urls"]["stream"], headers={"Last-Event-ID": "x"}).status_code == 422


def test_a_stop_ends_open_streams_at_once_and_the_process_in_good_order(
    served: Served, client: httpx.Client, truth: Truth, job: dict[str, Any]
) -> None:
    truth.claim()
    with ExitStack() as stack:
        streams = [stack.enter_context(client.stream("GET", job["urls"]["stream"])) for _ in range(5)]
        readers = [events(stream) for stream in streams]
        for reader in readers:
            next(reader)
        began = time.monotonic()
        served.process.terminate()
        last = [list(reader)[-1:] for reader in readers]
        assert all(message[0]["event"] != "end" for message in last if message)
        assert served.process.wait(10) == 0
    assert time.monotonic() - began < 4
    assert "Traceback" not in served.log.read_text()
