"""The client against servers that drop connections, stall, refuse and recover: one call has one effect."""

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from distillery import ApiError, Client, Retry, Unreachable
from distillery.transport import retry_after

Connect = Callable[..., Client]
Handler = BaseHTTPRequestHandler


def send(handler: Handler, status: int, body: Any, **headers: str) -> None:
    raw = json.dumps(body).encode()
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(raw)))
    handler.end_headers()
    handler.wfile.write(raw)


def body_of(handler: Handler) -> Any:
    return json.loads(handler.rfile.read(int(handler.headers.get("Content-Length", 0))) or "null")


def hang_up(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


class Jobs:
    """A service in miniature that keeps its promise about Idempotency-Key."""

    def __init__(self, drop_before: int = 0, drop_after: int = 0) -> None:
        self.made: dict[str, str] = {}
        self.keys: list[str | None] = []
        self.drop_before, self.drop_after = drop_before, drop_after

    def __call__(self, handler: Handler) -> None:
        body_of(handler)
        key = handler.headers.get("Idempotency-Key")
        self.keys.append(key)
        if self.drop_before:
            self.drop_before -= 1
            return hang_up(handler)
        job = self.made.setdefault(key or f"none-{len(self.keys)}", f"job_{len(self.made)}")
        if self.drop_after:
            self.drop_after -= 1
            return hang_up(handler)
        return send(handler, 201, {"object": "job", "id": job, "status": "queued"})


@pytest.mark.parametrize("jobs", [Jobs(drop_before=2), Jobs(drop_after=2), Jobs(1, 1)], ids=["before", "after", "both"])
def test_a_submit_whose_connection_drops_makes_one_job(connect: Connect, jobs: Jobs) -> None:
    assert connect(jobs).submit({"name": "a"})["id"] == "job_0"
    assert len(jobs.made) == 1
    assert len(jobs.keys) == 3
    assert len(set(jobs.keys)) == 1


def test_two_submits_make_two_jobs_unless_the_caller_names_the_key(connect: Connect) -> None:
    client = connect(Jobs())
    assert client.submit({})["id"] != client.submit({})["id"]
    assert client.submit({}, idempotency_key="mine")["id"] == client.submit({}, idempotency_key="mine")["id"]


def test_a_retry_of_a_job_is_repeatable_too(connect: Connect) -> None:
    jobs = Jobs(drop_after=1)
    connect(jobs).retry("job_1")
    assert len(jobs.made) == 1


def test_a_busy_service_is_asked_again_after_the_time_it_names(connect: Connect) -> None:
    times: list[float] = []

    def busy_once(handler: Handler) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            return send(handler, 503, {"code": "unavailable"}, Retry_After="0.2")
        return send(handler, 200, {"jobs": {}})

    assert connect(busy_once).overview() == {"jobs": {}}
    assert times[1] - times[0] >= 0.2


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_trouble_that_lasts_is_reported_after_every_try(connect: Connect, status: int) -> None:
    asked: list[str] = []

    def busy(handler: Handler) -> None:
        asked.append(handler.path)
        send(handler, status, {"code": "busy", "detail": "come back later"})

    with pytest.raises(ApiError) as refused:
        connect(busy).overview()
    assert refused.value.status == status
    assert len(asked) == 4


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500])
def test_an_answer_that_will_not_change_is_not_asked_for_again(connect: Connect, status: int) -> None:
    asked: list[str] = []

    def refuse(handler: Handler) -> None:
        asked.append(handler.path)
        body_of(handler)
        send(handler, status, {"code": "no", "detail": "not so"})

    with pytest.raises(ApiError):
        connect(refuse).submit({})
    assert len(asked) == 1


def test_a_very_long_retry_after_is_an_answer(connect: Connect) -> None:
    began = time.monotonic()
    with pytest.raises(ApiError):
        connect(lambda handler: send(handler, 429, {}, Retry_After="86400")).overview()
    assert time.monotonic() - began < 2


def test_an_error_shows_field_message_and_request() -> None:
    body = {
        "code": "invalid_spec",
        "detail": "the spec has 2 problems",
        "errors": [
            {"pointer": "/student/architecture", "code": "unknown_architecture", "detail": "no 'resnt8'; try resnet8"},
            {"parameter": "limit", "code": "too_large", "detail": "at most 100"},
        ],
    }
    error = ApiError.from_body(422, body, reason="Unprocessable")
    assert str(error).splitlines() == [
        "the spec has 2 problems (422 invalid_spec)",
        "  student.architecture: no 'resnt8'; try resnet8",
        "  limit: at most 100",
    ]
    assert "req_1" in str(ApiError.from_body(500, {"request_id": "req_1"}, reason="Internal"))


def test_a_proxys_html_error_is_an_api_error_too(connect: Connect) -> None:
    def html(handler: Handler) -> None:
        handler.send_response(404)
        handler.send_header("Content-Length", "6")
        handler.end_headers()
        handler.wfile.write(b"<html>")

    with pytest.raises(ApiError, match="Not Found"):
        connect(html).job("job_1")


def test_a_page_that_is_no_json_is_not_taken_for_the_service(connect: Connect) -> None:
    def page(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "6")
        handler.end_headers()
        handler.wfile.write(b"<html>")

    with pytest.raises(Unreachable, match="does not speak JSON"):
        connect(page).overview()


def test_nobody_listening_is_said_with_the_remedy() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        with Client(url, retry=Retry(attempts=2, base=0.001)) as client, pytest.raises(Unreachable) as failed:
            client.overview()
    assert url in str(failed.value)
    assert "distill up" in str(failed.value)


def test_a_company_proxy_is_not_asked_for_this_machine(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert connect(lambda handler: send(handler, 200, {"jobs": {}})).overview() == {"jobs": {}}


def test_lists_are_walked_over_all_pages_and_end_at_the_limit(connect: Connect) -> None:
    paths: list[str] = []

    def pages(handler: Handler) -> None:
        paths.append(handler.path)
        first = "after=" not in handler.path
        data = [{"id": "a"}, {"id": "b"}] if first else [{"id": "c"}]
        send(handler, 200, {"object": "list", "data": data, "has_more": first, "next_cursor": "b" if first else None})

    client = connect(pages)
    assert [job["id"] for job in client.jobs(status="queued", labels={"team": "x y"})] == ["a", "b", "c"]
    assert "status=queued" in paths[1]
    assert "label.team=x" in paths[1]
    assert "after=b" in paths[1]
    assert [job["id"] for job in client.jobs(limit=2)] == ["a", "b"]
    assert len(paths) == 3


def test_the_key_travels_as_a_bearer_token(connect: Connect) -> None:
    seen: list[str | None] = []

    def note(handler: Handler) -> None:
        seen.append(handler.headers.get("Authorization"))
        send(handler, 200, {})

    connect(note).overview()
    assert seen == ["Bearer dk_test"]


def test_an_id_with_a_slash_stays_one_part_of_the_path(connect: Connect) -> None:
    paths: list[str] = []

    def note(handler: Handler) -> None:
        paths.append(handler.path)
        send(handler, 404, {"code": "not_found"})

    with pytest.raises(ApiError):
        connect(note).job("../x?y")
    assert paths == ["/v1/jobs/..%2Fx%3Fy"]


def test_one_client_serves_many_threads(connect: Connect) -> None:
    jobs = Jobs()
    client = connect(jobs)
    threads = [threading.Thread(target=client.submit, args=({},)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(jobs.keys)) == 8


@pytest.mark.parametrize(("value", "seconds"), [("3", 3.0), ("0.5", 0.5), ("-1", 0.0), (None, None), ("Wed, 21", None)])
def test_retry_after_in_seconds_is_understood(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds
