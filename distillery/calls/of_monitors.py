"""Monitors of finished jobs, and what they have measured."""

from collections.abc import Mapping
from typing import Any

from distillery.calls.requests import Call, Json, Pages, creating, given, path_of


def create_monitor(
    job_id: str,
    dataset_id: str,
    *,
    name: str | None = None,
    every_hours: float | None = None,
    on_new_version: bool | None = None,
    drift: Mapping[str, Any] | None = None,
    then: str | None = None,
    idempotency_key: str | None = None,
) -> Call[Json]:
    """Measure the student of a finished job anew on a dataset: whenever a new version is ready, or every so many hours.

    `drift` is `{"distance": "mmd" or "w2", "threshold": multiples of chance}`; `then` is `measure` or `propose`.
    """
    told = {"name": name, "every_hours": every_hours, "on_new_version": on_new_version, "drift": drift, "then": then}
    return creating("/v1/monitors", {"job": job_id, "dataset": dataset_id, **given(told)}, idempotency_key)


def monitors(
    *, job: str | None = None, dataset: str | None = None, status: str | None = None, limit: int | None = None
) -> Pages[Json]:
    """Monitors with the last re-evaluation of each, the newest first; `limit` ends early."""
    return Pages("/v1/monitors", given({"job": job, "dataset": dataset, "status": status}), limit)


def monitor(monitor_id: str) -> Call[Json]:
    """One monitor."""
    return Call("GET", path_of("monitors", monitor_id))


def change_monitor(monitor_id: str, **changes: Any) -> Call[Json]:
    """Another `name`, `every_hours`, `on_new_version`, `drift` or `then`; `enabled=False` stops it."""
    return Call("PATCH", path_of("monitors", monitor_id), body=changes)


def delete_monitor(monitor_id: str) -> Call[None]:
    """Forget a monitor and what it has measured; its jobs stay."""
    return Call("DELETE", path_of("monitors", monitor_id))


def run_monitor(monitor_id: str, *, idempotency_key: str | None = None) -> Call[Json]:
    """Re-evaluate now, on the newest ready version."""
    return creating(path_of("monitors", monitor_id, "run"), None, idempotency_key)


def reevaluations(monitor_id: str, *, limit: int | None = None) -> Pages[Json]:
    """What was measured, the newest first; `limit` ends early."""
    return Pages(path_of("monitors", monitor_id, "reevaluations"), {}, limit)


def reevaluation(monitor_id: str, number: int) -> Call[Json]:
    """One re-evaluation with its document, and the new distillation that it proposes."""
    return Call("GET", path_of("monitors", monitor_id, "reevaluations", str(number)))
