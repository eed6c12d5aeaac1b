"""Stored bytes over HTTP keep to RFC 9110: ranges, preconditions, and what to ignore."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from starlette.datastructures import Headers

from api.content import Content, check_preconditions, content_headers, disposition, is_unmodified, wanted_range
from api.errors import Refused

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
MODIFIED = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
CONTENT = Content("student.onnx", SHA, 100, "application/octet-stream", MODIFIED)
TAG = f'"{SHA}"'


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-400", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-400", (0, 100)),
        ("", None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=a-b", None),
        ("bytes=0-1,5-6", None),
        ("pages=1-2", None),
        ("bytes=00000000000000000000001-2", None),
    ],
)
def test_one_range_is_served_and_what_is_malformed_is_ignored(asked: str, given: tuple[int, int] | None) -> None:
    assert wanted_range(Headers({"range": asked}), CONTENT) == given


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_behind_the_end_is_416_and_names_the_size(asked: str) -> None:
    with pytest.raises(Refused) as caught:
        wanted_range(Headers({"range": asked}), CONTENT)
    assert caught.value.kind.status == 416
    assert caught.value.headers["Content-Range"] == "bytes */100"


def test_an_empty_content_has_no_satisfiable_range() -> None:
    empty = Content("empty", SHA, 0, "text/plain", MODIFIED)
    with pytest.raises(Refused):
        wanted_range(Headers({"range": "bytes=0-"}), empty)


@pytest.mark.parametrize(
    ("condition", "applies"),
    [
        (TAG, True),
        ('"other"', False),
        (f"W/{TAG}", False),
        ("Fri, 02 Jan 2026 03:04:05 GMT", True),
        ("Fri, 02 Jan 2026 03:04:06 GMT", False),
        ("nonsense", False),
    ],
)
def test_if_range_needs_exactly_this_content(condition: str, applies: bool) -> None:
    headers = Headers({"range": "bytes=1-2", "if-range": condition})
    assert (wanted_range(headers, CONTENT) is not None) == applies


@pytest.mark.parametrize(
    ("headers", "unmodified"),
    [
        ({"if-none-match": TAG}, True),
        ({"if-none-match": f'"a, b", W/{TAG}'}, True),
        ({"if-none-match": "*"}, True),
        ({"if-none-match": '"other"'}, False),
        ({"if-none-match": '"other"', "if-modified-since": "Fri, 02 Jan 2026 03:04:05 GMT"}, False),
        ({"if-modified-since": "Fri, 02 Jan 2026 03:04:05 GMT"}, True),
        ({"if-modified-since": "Fri, 02 Jan 2026 03:04:04 GMT"}, False),
        ({"if-modified-since": "yesterday"}, False),
        ({}, False),
    ],
)
def test_what_the_client_has_is_not_sent_again(headers: dict[str, str], unmodified: bool) -> None:
    assert is_unmodified(Headers(headers), TAG, MODIFIED) == unmodified


@pytest.mark.parametrize(
    ("headers", "holds"),
    [
        ({"if-match": TAG}, True),
        ({"if-match": "*"}, True),
        ({"if-match": f'"other", {TAG}'}, True),
        ({"if-match": f"W/{TAG}"}, False),
        ({"if-match": '"other"'}, False),
        ({"if-unmodified-since": "Fri, 02 Jan 2026 03:04:05 GMT"}, True),
        ({"if-unmodified-since": "Fri, 02 Jan 2026 03:04:04 GMT"}, False),
        ({}, True),
    ],
)
def test_a_precondition_that_fails_is_412(headers: dict[str, str], holds: bool) -> None:
    if holds:
        check_preconditions(Headers(headers), TAG, MODIFIED)
    else:
        with pytest.raises(Refused) as caught:
            check_preconditions(Headers(headers), TAG, MODIFIED)
        assert caught.value.kind.status == 412


def test_the_digest_header_is_that_of_the_whole_content() -> None:
    headers = content_headers(CONTENT)
    assert headers["Repr-Digest"] == "sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:"
    assert headers["Last-Modified"] == "Fri, 02 Jan 2026 03:04:05 GMT"


@pytest.mark.parametrize("name", ['a"b.txt', "a\r\nSet-Cookie: x", "größe.bin", "a;b"])
def test_no_file_name_can_break_out_of_its_header(name: str) -> None:
    header = disposition(name)
    assert header.startswith("attachment; filename*=UTF-8''")
    assert not set('"\r\n;') & set(header.removeprefix("attachment; "))
    assert header.isascii()
