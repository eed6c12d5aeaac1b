"""A job's live events: server-sent events that survive lost connections and restarted servers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import cast

import httpx

from distillery.errors import ApiError
from distillery.transport import BUSY, AsyncTransport, Retry, Transport, failure, job_path
from distillery.types import Event

SILENCE_SECONDS = 45.0  # three of the service's heartbeats


@dataclass(frozen=True)
class Message:
    """One dispatched server-sent event."""

    event: str
    data: str
    id: str | None


class Parser:
    """Messages out of bytes as they come; comments (`: heartbeat`) and messages without data are left out.

    Lines end by LF or CRLF only: a log line may hold U+2028, which `str.splitlines` would cut at.
    """

    def __init__(self) -> None:
        self._rest, self._fields = b"", dict[str, list[str]]()

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The messages that this chunk completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            text = line.removesuffix(b"\r").decode("utf-8", errors="replace")
            if not text:
                yield from self._dispatch()
            elif not text.startswith(":"):
                name, _, value = text.partition(":")
                self._fields.setdefault(name, []).append(value.removeprefix(" "))

    def _dispatch(self) -> Iterator[Message]:
        fields, self._fields = self._fields, {}
        if fields.get("data"):
            yield Message(_last(fields, "event") or "message", "\n".join(fields["data"]), _last(fields, "id"))


class Follower:
    """Where the watching of one job is: what was heard, and how long nothing was."""

    def __init__(self, url: str, retry: Retry, job_id: str, after_seq: int, patience: float) -> None:
        self.path = job_path(job_id, "stream")
        self.ended = False
        self._url, self._retry, self._after, self._patience = url, retry, after_seq, patience
        self._heard, self._attempt, self._parser = time.monotonic(), 0, Parser()

    def headers(self) -> dict[str, str]:
        """Of the next request, which goes on after the last event."""
        self._parser = Parser()
        return {"Accept": "text/event-stream", "Last-Event-ID": str(self._after)}

    def take(self, chunk: bytes) -> Iterator[Event]:
        """The events that a chunk brings and that were not there yet."""
        for message in self._parser.feed(chunk):
            self._heard, self._attempt = time.monotonic(), 0
            event = _event(message)
            if event is None or event["seq"] <= self._after or self.ended:
                continue
            self._after, self.ended = event["seq"], event["type"] == "end"
            yield event

    def pause(self, error: Exception) -> float:
        """Seconds until the connection is taken up again.

        Raises:
            ApiError, Unreachable: it is not.
        """
        if isinstance(error, ApiError) and error.status not in BUSY:
            raise error
        if time.monotonic() - self._heard > self._patience:
            raise failure(self._url, error)
        seconds = self._retry.delay(self._attempt, getattr(error, "retry_after", None))
        self._attempt = min(self._attempt + 1, 10)
        return seconds


def follow(transport: Transport, job_id: str, after_seq: int = 0, *, patience: float = 300.0) -> Iterator[Event]:
    """Every event of a job after `after_seq`, each once and in order, until the job's `end`.

    A lost connection is taken up again with Last-Event-ID; only `patience` seconds without one sign of
    life raise `Unreachable`.
    """
    follower = Follower(transport.url, transport.retry, job_id, after_seq, patience)
    while not follower.ended:
        try:
            with transport.stream(follower.path, headers=follower.headers(), silence=SILENCE_SECONDS) as response:
                if response.status_code == 204:
                    return
                for chunk in response.iter_bytes():
                    yield from follower.take(chunk)
                    if follower.ended:
                        return
            raise httpx.RemoteProtocolError("the stream ended early")
        except (httpx.TransportError, ApiError) as error:
            time.sleep(follower.pause(error))


async def afollow(
    transport: AsyncTransport, job_id: str, after_seq: int = 0, *, patience: float = 300.0
) -> AsyncIterator[Event]:
    """The same for code that awaits."""
    follower = Follower(transport.url, transport.retry, job_id, after_seq, patience)
    while not follower.ended:
        try:
            async with transport.stream(follower.path, headers=follower.headers(), silence=SILENCE_SECONDS) as response:
                if response.status_code == 204:
                    return
                async for chunk in response.aiter_bytes():
                    for event in follower.take(chunk):
                        yield event
                    if follower.ended:
                        return
            raise httpx.RemoteProtocolError("the stream ended early")
        except (httpx.TransportError, ApiError) as error:
            await asyncio.sleep(follower.pause(error))


def _event(message: Message) -> Event | None:
    """The service's event, or nothing for a message that is no event of the job (a heartbeat)."""
    if message.event == "heartbeat" or not (message.id or "").isdigit():
        return None
    body = json.loads(message.data)
    if body.get("object") == "event":
        return cast(Event, body)
    return {"object": "event", "seq": int(message.id or 0), "type": message.event, "data": body}


def _last(fields: dict[str, list[str]], name: str) -> str | None:
    return fields[name][-1] if fields.get(name) else None
