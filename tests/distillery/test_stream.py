"""A live stream gives every event once and in order, whatever happens to the connection."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distillery import ApiError, Client, Unreachable
from distillery.stream import Message, Parser

Connect = Callable[..., Client]


def frame(seq: int, kind: str = "log") -> bytes:
    event = {"object": "event", "id": f"evt_{seq}", "seq": seq, "type": kind, "created_at": "2026-01-01T00:00:00Z"}
    return f"id: {seq}\nevent: {kind}\ndata: {json.dumps(event | {'data': {'n': seq}})}\n\n".encode()


class Stream:
    """A job with five events; each connection carries two of them, repeats one, and breaks."""

    def __init__(self, total: int = 5, each: int = 2) -> None:
        self.total, self.each = total, each
        self.asked: list[str | None] = []

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        last = int(handler.headers.get("Last-Event-ID", 0))
        self.asked.append(handler.headers.get("Last-Event-ID"))
        if last >= self.total:
            handler.send_response(204)
            handler.end_headers()
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(b"retry: 2000\n\n: hello\n\nevent: heartbeat\ndata: {}\n\n")
        first = max(1, last)  # the last one again: at least once is what a network gives
        for seq in range(first, min(last + self.each, self.total) + 1):
            handler.wfile.write(frame(seq, "end" if seq == self.total else "log"))
        handler.wfile.write(b"id: 99\nevent: log\ndata: {")  # cut in the middle of a message
        handler.close_connection = True


def test_a_stream_that_breaks_is_taken_up_where_it_was(connect: Connect) -> None:
    stream = Stream()
    seen = [event["seq"] for event in connect(stream).stream("job_1")]
    assert seen == [1, 2, 3, 4, 5]
    assert stream.asked == ["0", "2", "4"]


def test_a_stream_can_begin_in_the_middle(connect: Connect) -> None:
    assert [event["seq"] for event in connect(Stream()).stream("job_1", after_seq=3)] == [4, 5]


def test_a_stream_that_was_read_to_its_end_is_over(connect: Connect) -> None:
    stream = Stream()
    assert list(connect(stream).stream("job_1", after_seq=5)) == []
    assert len(stream.asked) == 1


def test_a_job_that_does_not_exist_is_told_at_once(connect: Connect) -> None:
    def missing(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(404)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with pytest.raises(ApiError):
        next(connect(missing).stream("job_1"))


def test_a_service_that_never_comes_back_is_given_up(connect: Connect) -> None:
    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    with pytest.raises(Unreachable):
        list(connect(hang_up).stream("job_1", patience=0.2))


TEXT = 'id: 1\r\nevent: log\r\ndata: {"a": "x\u2028y"}\r\n\r\n: note\n\ndata: one\ndata: two\n\nevent: empty\n\n'


@given(st.lists(st.integers(0, len(TEXT.encode())), max_size=6))
def test_messages_do_not_depend_on_how_the_bytes_arrive(cuts: list[int]) -> None:
    raw = TEXT.encode()
    edges = [0, *sorted(cuts), len(raw)]
    parser = Parser()
    found = [message for a, b in pairwise(edges) for message in parser.feed(raw[a:b])]
    assert found == [Message("log", '{"a": "x\u2028y"}', "1"), Message("message", "one\ntwo", None)]
