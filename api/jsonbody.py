"""JSON bodies read strictly: bounded size, depth and time, UTF-8 only, no duplicate key, no NaN."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Depends
from starlette.requests import ClientDisconnect, Request

from api import limits
from api.errors import Fault, Refused


async def _raw(request: Request, most: int) -> bytes:
    """The body, counted while it arrives: a declared length is only a hint."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise _too_large(most)
    chunks = bytearray()
    try:
        async with asyncio.timeout(limits.BODY_SECONDS):
            async for chunk in request.stream():
                chunks += chunk
                if len(chunks) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise Refused("request_timeout", f"the body took longer than {limits.BODY_SECONDS:.0f} s") from None
    except ClientDisconnect:
        raise Refused("bad_request", "the connection closed before the body was complete") from None
    return bytes(chunks)


def _too_large(most: int) -> Refused:
    return Refused("body_too_large", f"the body may have {most} bytes at most")


def _check_type(request: Request) -> None:
    given = request.headers.get("content-type", "")
    kind, _, parameters = given.partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        message = f"Content-Type must be application/json in UTF-8, not {given or 'absent'!r}"
        raise Refused("unsupported_media_type", message, headers={"Accept-Post": "application/json"})


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {name[:60]!r} appears twice in one object")
        found[name] = value
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _integer(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > limits.MAX_INTEGER:
        raise ValueError(f"the integer {text[:40]} is too large; the largest is {limits.MAX_INTEGER}")
    return int(text)


def decode(raw: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        Refused: ``invalid_json`` with the place, or ``invalid_request`` for text that no database can hold.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_pairs,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise Refused("invalid_json", f"the body is not UTF-8: {error.reason} at byte {error.start}") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise Refused("invalid_json", f"the body is not acceptable JSON: {error}") from None
    _check_depth(value)
    if b"\\u" in raw:  # only an escape can say NUL or half a pair
        _check_texts(value)
    return value


def _too_deep() -> Refused:
    return Refused("invalid_json", f"the body is nested deeper than {limits.MAX_JSON_DEPTH} levels")


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        if depth > limits.MAX_JSON_DEPTH:
            raise _too_deep()
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]


def _check_texts(value: Any) -> None:
    faults = list(islice(filter(None, _text_faults("", value)), 20))
    if faults:
        raise Refused("invalid_request", "a text holds characters that cannot be stored", errors=faults)


def _text_faults(pointer: str, value: Any) -> Iterator[Fault | None]:
    if isinstance(value, str):
        yield _bad_text(pointer, value)
    elif isinstance(value, dict):
        for key, child in value.items():
            yield _bad_text(pointer, key)
            escaped = key.replace("~", "~0").replace("/", "~1")
            yield from _text_faults(f"{pointer}/{escaped}", child)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _text_faults(f"{pointer}/{index}", child)


def _bad_text(pointer: str, text: str) -> Fault | None:
    if "\0" not in text and (text.isascii() or _encodes(text)):
        return None
    shown = pointer.encode("utf-8", "replace").decode()
    return Fault(pointer=shown, code="invalid_text", detail="NUL and lone surrogates cannot be stored")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def json_object(most: int) -> Callable[[Request], Awaitable[dict[str, Any]]]:
    """A dependency: the request's JSON object of ``most`` bytes; every other body is refused."""

    async def read(request: Request) -> dict[str, Any]:
        _check_type(request)
        raw = await _raw(request, most)
        # Large bodies take long enough to decode for others to notice.
        value = decode(raw) if len(raw) < limits.QUICK_BODY_BYTES else await to_thread.run_sync(decode, raw)
        if not isinstance(value, dict):
            fault = Fault(pointer="", code="invalid_type", detail="the body must be an object")
            raise Refused("invalid_request", "the body must be a JSON object", errors=[fault])
        return value

    return read


JsonObject = Annotated[dict[str, Any], Depends(json_object(limits.MAX_BODY_BYTES))]
SmallJsonObject = Annotated[dict[str, Any], Depends(json_object(limits.QUICK_BODY_BYTES))]
"""For bodies of callers whom we do not know yet."""
