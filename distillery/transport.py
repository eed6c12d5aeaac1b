"""One request to the service, tried again while trying again is safe and may help."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from distillery.config import Connection
from distillery.errors import ApiError, Unreachable

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


class Transport:
    """An httpx client for one service that knows which failures are worth another try."""

    def __init__(self, connection: Connection, *, retry: Retry, timeout: float, version: str) -> None:
        self.url, self.retry = connection.url, retry
        headers = {"User-Agent": f"distillery-client/{version}", "Accept": "application/json"}
        if connection.key:
            headers["Authorization"] = f"Bearer {connection.key}"
        self._http = httpx.Client(
            base_url=connection.url,
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            follow_redirects=True,  # artifacts in an object store; httpx drops the key on another origin
            trust_env=not is_loopback(connection.url),  # no proxy reaches this machine's loopback
        )

    def close(self) -> None:
        self._http.close()

    def json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The parsed answer. Every request that comes here may be repeated: it reads, carries an
        Idempotency-Key, or asks for a state (cancelled twice is cancelled)."""
        response = self._persistently(method, path, params=params, json=body, headers=headers)
        try:
            return response.json() if response.content else None
        except ValueError as error:
            raise Unreachable(self.url, "what answers there does not speak JSON") from error

    def text(self, path: str, *, params: Mapping[str, Any] | None = None) -> str:
        """A readable answer, with the same retries."""
        return self._persistently("GET", path, params=params, headers={"Accept": "text/plain"}).text

    def _persistently(self, method: str, path: str, **request: Any) -> httpx.Response:
        last: Exception | None = None
        for attempt in range(self.retry.attempts):
            if last is not None:
                time.sleep(self._pause(attempt - 1, last))
            try:
                return checked(self._http.request(method, path, **request))
            except httpx.TransportError as error:
                last = error
            except ApiError as error:
                last = error
                if not self._worth_another_try(error):
                    raise
        raise self.failure(last)

    @contextmanager
    def stream(
        self, path: str, *, headers: Mapping[str, str] | None = None, silence: float | None = None
    ) -> Iterator[httpx.Response]:
        """One GET whose body is read as it comes; errors raise as in `json`, without retries.

        `silence` is how many seconds the service may say nothing, when that is longer than usual.
        """
        timeout = self._http.timeout if silence is None else httpx.Timeout(self._http.timeout.connect, read=silence)
        with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
            if response.is_error:
                response.read()
            yield checked(response)

    def failure(self, error: Exception | None) -> Exception:
        """What to raise when no try is left."""
        return error if isinstance(error, ApiError) else Unreachable(self.url, reason(error))

    def _worth_another_try(self, error: ApiError) -> bool:
        patient = error.retry_after is None or error.retry_after <= self.retry.longest_wait
        return patient and (error.status in BUSY or error.code == IN_FLIGHT)

    def _pause(self, attempt: int, error: Exception) -> float:
        return self.retry.delay(attempt, getattr(error, "retry_after", None))


def job_path(job_id: str, *parts: str) -> str:
    """`/v1/jobs/ID/...`, with whatever a user typed as an id kept inside its place."""
    return path_of("jobs", job_id, *parts)


def path_of(*parts: str) -> str:
    """`/v1/...` of these parts."""
    return "/".join(["/v1", *(quote(part, safe="") for part in parts)])


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
