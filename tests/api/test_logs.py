"""Logs are one line a request, can be followed by id, and show no key."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from api_client import Api


@pytest.fixture
def written(api: Api) -> Iterator[io.StringIO]:
    """What the log's own handler writes."""
    handler = next(h for h in logging.getLogger().handlers if isinstance(h, logging.StreamHandler) and h.formatter)
    stream = io.StringIO()
    before = handler.setStream(stream)
    yield stream
    handler.setStream(before)


def lines(stream: io.StringIO, event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in found if line["event"] == event]


def test_a_request_is_one_line_with_its_id(api: Api, written: io.StringIO) -> None:
    answer = api.get("/v1/jobs?q=private", headers={"X-Request-Id": "trace-12345678"})
    assert answer.headers["x-request-id"] == "trace-12345678"
    (line,) = lines(written, "request")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/jobs", 200)
    assert line["request_id"] == "trace-12345678"
    assert "private" not in json.dumps(line)


@pytest.mark.parametrize("given", ["short", "a" * 65, "has space in it", "x\u00e9" * 8])
def test_an_id_that_could_forge_lines_is_replaced(api: Api, given: str) -> None:
    answer = api.request("GET", "/healthz", headers={"X-Request-Id": given.encode()})  # type: ignore[dict-item]
    assert answer.headers["x-request-id"].startswith("req_")


def test_a_path_cannot_add_a_line(api: Api, written: io.StringIO) -> None:
    api.get('/v1/x%0a{"event": "request", "status": 200}')
    (line,) = lines(written, "request")
    assert line["status"] == 404


def test_a_fault_of_ours_is_500_with_an_id_and_its_reason_is_only_in_the_log(
    api: Api, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"cannot use {api.key} at /srv/distillery")

    monkeypatch.setattr("store.jobs.list_jobs", broken)
    answer = api.get("/v1/jobs")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "srv" not in answer.text
    (line,) = lines(written, "request failed")
    assert line["request_id"] == answer.json()["request_id"]
    assert "RuntimeError" in line["exception"]
    assert "/srv/distillery" in line["exception"]
    assert api.key is not None
    assert api.key not in written.getvalue()
    assert api.key[3:20] not in written.getvalue()
