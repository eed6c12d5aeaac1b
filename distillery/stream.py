"""A job's live events: server-sent events that survive lost connections and restarted servers."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import httpx

from distillery.errors import ApiError
from distillery.transport import BUSY, Transport, job_path
from distillery.types import Event

SILENCE_SECONDS = 45.0  # three of the service's heartbeats


@dataclass(frozen=True)
class Message:
    """One dispatched server-sent event."""

    event: str
    data: str
    id: str | None


def messages(chunks: Iterable[bytes]) -> Iterator[Message]:
    """Parse an event stream; comments (`: heartbeat`) and messages without data are left out."""
    fields: dict[str, list[str]] = {}
    for line in _lines(chunks):
        if not line:
            if fields.get("data"):
                yield Message(_last(fields, "event") or "message", "\n".join(fields["data"]), _last(fields, "id"))
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))


def follow(transport: Transport, job_id: str, after_seq: int = 0, *, patience: float = 300.0) -> Iterator[Event]:
    """Every event of a job after `after_seq`, each once and in order, until the job's `end`.

    A lost connection is taken up again with Last-Event-ID; only `patience` seconds without one sign of
    life raise `Unreachable`.
    """
    heard, attempt = time.monotonic(), 0
    while True:
        error: Exception
        try:
            headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after_seq)}
            with transport.stream(job_path(job_id, "stream"), headers=headers, silence=SILENCE_SECONDS) as response:
                if response.status_code == 204:
                    return
                for message in messages(response.iter_bytes()):
                    heard, attempt = time.monotonic(), 0
                    event = _event(message)
                    if event is None or event["seq"] <= after_seq:
                        continue
                    after_seq = event["seq"]
                    yield event
                    if event["type"] == "end":
                        return
            error = httpx.RemoteProtocolError("the stream ended early")
        except httpx.TransportError as lost:
            error = lost
        except ApiError as refused:
            if refused.status not in BUSY:
                raise
            error = refused
        if time.monotonic() - heard > patience:
            raise transport.failure(error)
        time.sleep(transport.retry.delay(attempt, getattr(error, "retry_after", None)))
        attempt = min(attempt + 1, 10)


def _event(message: Message) -> Event | None:
    """The service's event, or nothing for a message that is no event of the job (a heartbeat)."""
    if message.event == "heartbeat" or not (message.id or "").isdigit():
        return None
    body = json.loads(message.data)
    if body.get("object") == "event":
        return cast(Event, body)
    return {"object": "event", "seq": int(message.id or 0), "type": message.event, "data": body}


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines ended by LF or CRLF only: a log line may hold U+2028, which `str.splitlines` would cut at."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r").decode("utf-8", errors="replace")


def _last(fields: dict[str, list[str]], name: str) -> str | None:
    return fields[name][-1] if fields.get(name) else None
