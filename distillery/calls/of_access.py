"""Keys, projects and what they used, for who may do everything there."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from distillery.calls.requests import Call, Json, Pages, creating, given, path_of, rfc3339


def api_keys() -> Pages[Json]:
    """The project's keys, newest first, those that have ended too."""
    return Pages("/v1/api_keys")


def create_api_key(name: str, scopes: Iterable[str], *, expires_in_days: int | None = None) -> Call[Json]:
    """A new key; `key` in the answer is what it opens with, and nobody can read it again."""
    body = given({"name": name, "scopes": list(scopes), "expires_in_days": expires_in_days})
    return creating("/v1/api_keys", body)


def rotate_api_key(key_id: str, *, overlap_hours: float = 24) -> Call[Json]:
    """A new key that may do the same; the old one works for some hours yet."""
    return creating(path_of("api_keys", key_id, "rotate"), {"overlap_hours": overlap_hours})


def revoke_api_key(key_id: str) -> Call[None]:
    """End a key at once."""
    return Call("DELETE", path_of("api_keys", key_id))


def audit_log(
    *,
    action: str | None = None,
    target: str | None = None,
    key_id: str | None = None,
    created_after: datetime | str | None = None,
    created_before: datetime | str | None = None,
    limit: int | None = None,
) -> Pages[Json]:
    """Who changed what, newest first, over all pages; `limit` ends early."""
    filters: Json = {"action": action, "target": target, "key_id": key_id}
    filters |= {"created_after": rfc3339(created_after), "created_before": rfc3339(created_before)}
    return Pages("/v1/audit_logs", given(filters), limit)


def projects() -> Pages[Json]:
    """The projects that the key may see: its own, or all for who operates the service."""
    return Pages("/v1/projects")


def create_project(name: str, **quotas: float | None) -> Call[Json]:
    """A new project; quotas are `concurrency`, `jobs_in_flight` and `month_hours`."""
    return creating("/v1/projects", {"name": name, **quotas})


def change_project(project_id: str, **changes: Any) -> Call[Json]:
    """Another name or other quotas; None bounds nothing, what is not named stays."""
    return Call("PATCH", path_of("projects", project_id), body=changes)


def create_project_key(project_id: str, name: str, scopes: Iterable[str]) -> Call[Json]:
    """A key of any project; `key` in the answer is what it opens with."""
    return creating(path_of("projects", project_id, "api_keys"), {"name": name, "scopes": list(scopes)})


def usage(project_id: str, *, since: str | None = None, until: str | None = None) -> Call[Json]:
    """Hours of engines by day (as 2026-11-27), jobs in flight and bytes stored."""
    return Call("GET", path_of("projects", project_id, "usage"), params=given({"since": since, "until": until}))
