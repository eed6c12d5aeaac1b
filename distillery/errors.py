"""What can go wrong between a user and the service: each error names the field, the value and the remedy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

REMEDIES = {
    401: "Set DISTILLERY_API_KEY, or run `distill up` on this machine, which makes a key and stores it.",
    403: "This key lacks the scope: use another key, or ask for one with more rights.",
    413: "Send a smaller request.",
    429: "The service is busy: wait a moment and try again.",
}


class DistilleryError(Exception):
    """Anything that this package raises on purpose."""


class ConfigError(DistilleryError):
    """The client's own configuration cannot be read."""


class IntegrityError(DistilleryError):
    """Bytes that arrived are not the bytes that the service published."""


class ServiceError(DistilleryError):
    """The local service (`distill up`) cannot start or cannot go on."""


class Unreachable(DistilleryError):
    """No answer from the service, after every retry."""

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(
            f"Cannot reach {url}: {reason}. Start the service with `distill up`, "
            "or name another one with --url or DISTILLERY_URL."
        )


@dataclass(frozen=True)
class Problem:
    """One fault in a request: a JSON pointer into its body or the name of a parameter, a code, and a message."""

    pointer: str
    code: str
    message: str
    parameter: str = ""

    @property
    def field(self) -> str:
        """The pointer as a user writes it: `/student/width` is `student.width`."""
        return field_name(self.pointer) or self.parameter

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class ApiError(DistilleryError):
    """An answer of the service that is an error (RFC 9457): status, code, and the faults field by field."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        problems: Sequence[Problem] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status, self.code, self.detail = status, code, detail
        self.problems = tuple(problems)
        self.request_id, self.retry_after = request_id, retry_after
        super().__init__(detail)

    @property
    def remedy(self) -> str:
        return REMEDIES.get(self.status, "")

    def __str__(self) -> str:
        head = f"{self.detail} ({self.status} {self.code})"
        trace = f"request {self.request_id}" if self.request_id and self.status >= 500 else ""
        return "\n".join(filter(None, [head, *(f"  {p}" for p in self.problems), self.remedy, trace]))

    @classmethod
    def from_body(cls, status: int, body: Any, *, reason: str, retry_after: float | None = None) -> "ApiError":
        """From an `application/problem+json` body; a proxy's HTML page becomes a plain error too."""
        problem: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
        return cls(
            status,
            str(problem.get("code") or reason.lower().replace(" ", "_")),
            str(problem.get("detail") or problem.get("title") or reason),
            problems=[_problem(item) for item in problem.get("errors") or [] if isinstance(item, Mapping)],
            request_id=problem.get("request_id"),
            retry_after=retry_after,
        )


def field_name(pointer: str) -> str:
    """A JSON pointer (`/runs/0/name`, also with `#` before it) as a dotted path (`runs.0.name`)."""
    parts = pointer.lstrip("#").split("/")[1:]
    return ".".join(part.replace("~1", "/").replace("~0", "~") for part in parts)


def _problem(item: Mapping[str, Any]) -> Problem:
    message = item.get("detail") or item.get("message") or "is not valid"
    return Problem(
        pointer=str(item.get("pointer") or ""),
        code=str(item.get("code") or "invalid"),
        message=str(message),
        parameter=str(item.get("parameter") or ""),
    )
