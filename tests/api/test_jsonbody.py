"""JSON bodies are read strictly, and each refusal says why."""

from __future__ import annotations

import pytest

from api import limits
from api.errors import Refused
from api.jsonbody import decode


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "Expecting value"),
        (b'{"a": 1', "delimiter"),
        (b"{'a': 1}", "double quotes"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a": 1e999}', "1e999 is too large"),
        (b'{"a": 123456789012345678901234567890}', "too large"),
        (b'{"a": 9223372036854775808}', "the largest is 9223372036854775807"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' appears twice"),
        (b'{"a": "\xff"}', "not UTF-8"),
        ("\ufeff{}".encode(), "BOM"),
        (b"[" * 100_000, "nested deeper than 32"),
        (b"[" * 40 + b"]" * 40, "nested deeper than 32"),
    ],
)
def test_what_is_not_acceptable_json_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        decode(raw)
    assert caught.value.kind.status == 400
    assert reason in caught.value.detail


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (rb'{"a": {"b~/": ["x", "\u0000"]}}', "/a/b~0~1/1"),
        (rb'{"name": "\ud800"}', "/name"),
        (rb'{"bad\u0000key": 1}', ""),
    ],
)
def test_text_that_no_database_can_hold_is_refused_at_its_place(raw: bytes, pointer: str) -> None:
    with pytest.raises(Refused) as caught:
        decode(raw)
    assert caught.value.kind.status == 422
    assert [fault.pointer for fault in caught.value.errors] == [pointer]


def test_the_widest_acceptable_values_are_accepted() -> None:
    deepest = b"[" * limits.MAX_JSON_DEPTH + b"1" + b"]" * limits.MAX_JSON_DEPTH
    assert decode(deepest)
    assert decode(b'{"a": -9223372036854775807, "b": 1.7e308, "c": "\\ud83d\\ude00"}') == {
        "a": -9223372036854775807,
        "b": 1.7e308,
        "c": "😀",
    }
