"""One request to the service, tried again while trying again is safe and may help; for both clients."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from distillery.calls.requests import Call, Pages, job_path, path_of
from distillery.config import Connection
from distillery.errors import ApiError, Unreachable

__all__ = ["BUSY", "AsyncTransport", "Retry", "Transport", "job_path", "path_of"]

BUSY = frozenset({429, 502, 503, 504})
# The first request with this Idempotency-Key is still being answered: its answer comes with the next try.
IN_FLIGHT = "idempotency_key_in_use"


@dataclass(frozen=True)
class Retry:
    """How often and how patiently: seconds, full jitter, doubled each time up to `cap`."""

    attempts: int = 6
    base: float = 0.25
    cap: float = 8.0
    longest_wait: float = 120.0  # a Retry-After beyond this is an answer, not a pause

    def delay(self, attempt: int, retry_after: float | None = None) -> float:
        """Seconds before try `attempt + 1`; what the server asks for is a floor."""
        jitter = random.uniform(0, min(self.cap, self.base * 2**attempt))  # noqa: S311 - spreading, not a secret
        return jitter if retry_after is None else retry_after + jitter


class Tries:
    """The tries of one request: what to do after each failure."""

    def __init__(self, url: str, retry: Retry) -> None:
        self._url, self._retry, self._failures = url, retry, 0

    def pause(self, error: Exception) -> float:
        """Seconds until the next try.

        Raises:
            ApiError, Unreachable: there is none.
        """
        if isinstance(error, ApiError) and not self._worth_another_try(error):
            raise error
        self._failures += 1
        if self._failures >= self._retry.attempts:
            raise failure(self._url, error) from error
        return self._retry.delay(self._failures - 1, getattr(error, "retry_after", None))

    def _worth_another_try(self, error: ApiError) -> bool:
        patient = error.retry_after is None or error.retry_after <= self._retry.longest_wait
        return patient and (error.status in BUSY or error.code == IN_FLIGHT)


class _Wire:
    """What both transports know of a connection."""

    def __init__(self, connection: Connection, *, retry: Retry, timeout: float, version: str) -> None:
        self.url, self.retry = connection.url, retry
        headers = {"User-Agent": f"distillery-client/{version}", "Accept": "application/json"}
        if connection.key:
            headers["Authorization"] = f"Bearer {connection.key}"
        self._options: dict[str, Any] = {
            "base_url": connection.url,
            "headers": headers,
            "timeout": httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            "follow_redirects": True,  # artifacts in an object store; httpx drops the key on another origin
            "trust_env": not is_loopback(connection.url),  # no proxy reaches this machine's loopback
        }

    def _answer(self, call: Call[Any], response: httpx.Response) -> Any:
        if call.is_text:
            return response.text
        try:
            answer = response.json() if response.content else None
        except ValueError as error:
            raise Unreachable(self.url, "what answers there does not speak JSON") from error
        return answer if call.part is None or answer is None else answer[call.part]

    def _timeout(self, silence: float | None) -> httpx.Timeout:
        usual: httpx.Timeout = self._options["timeout"]
        return usual if silence is None else httpx.Timeout(usual.connect, read=silence)

    def failure(self, error: Exception | None) -> Exception:
        """What to raise when no try is left."""
        return failure(self.url, error)


class Transport(_Wire):
    """An httpx client for one service that knows which failures are worth another try."""

    def __init__(self, connection: Connection, *, retry: Retry, timeout: float, version: str) -> None:
        super().__init__(connection, retry=retry, timeout=timeout, version=version)
        self._http = httpx.Client(**self._options)

    def close(self) -> None:
        self._http.close()

    def call(self, call: Call[Any]) -> Any:
        """The answer to a request."""
        return self._answer(call, self.request(call.method, call.path, **_parts(call)))

    def pages(self, pages: Pages[Any]) -> Iterator[Any]:
        """A list, one by one."""
        walk = _Walk(pages)
        while (call := walk.next()) is not None:
            yield from walk.take(self.call(call))

    def request(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The response to a request that may be repeated."""
        tries = Tries(self.url, self.retry)
        while True:
            try:
                return checked(self._http.request(method, path, **request))
            except (httpx.TransportError, ApiError) as error:
                time.sleep(tries.pause(error))

    @contextmanager
    def stream(
        self, path: str, *, headers: Mapping[str, str] | None = None, silence: float | None = None
    ) -> Iterator[httpx.Response]:
        """One GET whose body is read as it comes; errors raise as in `call`, without retries.

        `silence` is how many seconds the service may say nothing, when that is longer than usual.
        """
        with self._http.stream("GET", path, headers=headers, timeout=self._timeout(silence)) as response:
            if response.is_error:
                response.read()
            yield checked(response)


class AsyncTransport(_Wire):
    """The same for code that awaits."""

    def __init__(self, connection: Connection, *, retry: Retry, timeout: float, version: str) -> None:
        super().__init__(connection, retry=retry, timeout=timeout, version=version)
        self._http = httpx.AsyncClient(**self._options)

    async def close(self) -> None:
        await self._http.aclose()

    async def call(self, call: Call[Any]) -> Any:
        """The answer to a request."""
        return self._answer(call, await self._request(call.method, call.path, **_parts(call)))

    async def pages(self, pages: Pages[Any]) -> AsyncIterator[Any]:
        """A list, one by one."""
        walk = _Walk(pages)
        while (call := walk.next()) is not None:
            for item in walk.take(await self.call(call)):
                yield item

    async def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        tries = Tries(self.url, self.retry)
        while True:
            try:
                return checked(await self._http.request(method, path, **request))
            except (httpx.TransportError, ApiError) as error:
                await asyncio.sleep(tries.pause(error))

    @asynccontextmanager
    async def stream(
        self, path: str, *, headers: Mapping[str, str] | None = None, silence: float | None = None
    ) -> AsyncIterator[httpx.Response]:
        """See `Transport.stream`."""
        async with self._http.stream("GET", path, headers=headers, timeout=self._timeout(silence)) as response:
            if response.is_error:
                await response.aread()
            yield checked(response)


class _Walk:
    """Where a walk over pages is."""

    def __init__(self, pages: Pages[Any]) -> None:
        self._pages, self._left, self._over = pages, pages.limit, pages.limit == 0
        first = min(pages.page, pages.limit or pages.page)
        self._params: dict[str, Any] = {**pages.params, "limit": first}

    def next(self) -> Call[Any] | None:
        """The request for the next page, if there is one."""
        return None if self._over else Call("GET", self._pages.path, params=self._params)

    def take(self, answer: Any) -> list[Any]:
        """What of the page is wanted."""
        data: list[Any] = answer["data"] if self._left is None else answer["data"][: self._left]
        if self._left is not None:
            self._left -= len(data)
        self._over = not answer.get("has_more") or self._left == 0
        self._params = self._params | {"after": answer.get("next_cursor")}
        return data


def _parts(call: Call[Any]) -> dict[str, Any]:
    headers = {"Accept": "text/plain", **call.headers} if call.is_text else dict(call.headers)
    return {"params": dict(call.params), "json": call.body, "headers": headers}


def failure(url: str, error: Exception | None) -> Exception:
    """What to raise when no try is left."""
    return error if isinstance(error, ApiError) else Unreachable(url, reason(error))


def checked(response: httpx.Response) -> httpx.Response:
    """The response itself, or its problem as an ApiError."""
    if not response.is_error:
        return response
    try:
        body = response.json()
    except ValueError:
        body = None
    raise ApiError.from_body(
        response.status_code,
        body,
        reason=response.reason_phrase or f"HTTP {response.status_code}",
        retry_after=retry_after(response.headers.get("Retry-After")),
    )


def retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header; its date form counts as not given."""
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None


def reason(error: Exception | None) -> str:
    """A transport error in a few words; httpx's own text may be empty."""
    if isinstance(error, httpx.ConnectError):
        return "nothing accepts connections there" if "refused" in str(error) else str(error)
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
