"""A request as data: one that is answered at once, or a list that comes page by page."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

T = TypeVar("T")
Json = dict[str, Any]


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request. It may be repeated: it reads, carries an Idempotency-Key, or asks for a state (cancelled twice is
    cancelled)."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_text: bool = False
    part: str | None = None  # the field of the answer that is wanted


@dataclass(frozen=True)
class Pages(Generic[T]):
    """A list, page by page; `limit` ends it early."""

    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None
    page: int = 100


def job_path(job_id: str, *parts: str) -> str:
    """`/v1/jobs/ID/...`, with whatever a user typed as an id kept inside its place."""
    return path_of("jobs", job_id, *parts)


def path_of(*parts: str) -> str:
    """`/v1/...` of these parts."""
    return "/".join(["/v1", *(quote(part, safe="") for part in parts)])


def version_path(things: str, thing_id: str, number: int, *parts: str) -> str:
    """`/v1/THINGS/ID/versions/NUMBER/...`, of datasets or models."""
    return path_of(things, thing_id, "versions", str(number), *parts)


def rfc3339(value: datetime | str | None) -> str | None:
    """A time as the service reads it; one without a zone is the caller's own."""
    return value.astimezone().isoformat() if isinstance(value, datetime) else value


def given(params: Mapping[str, Any]) -> Json:
    """What is not None."""
    return {name: value for name, value in params.items() if value is not None}


def creating(path: str, body: Mapping[str, Any] | None, idempotency_key: str | None = None) -> Call[Any]:
    """A POST that makes something once: the key is made here, outside the retries, so that the service answers every
    repetition with what the first one made."""
    headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
    return Call("POST", path, body=None if body is None else dict(body), headers=headers)
