"""Studies: questions that several jobs answer, and their tables."""

from collections.abc import Iterable, Mapping
from typing import Any

from distillery.calls.requests import Call, Json, Pages, creating, given, path_of
from distillery.types import Study


def plan_study(spec: Mapping[str, Any]) -> Call[Json]:
    """What a study would run: its arms, how many jobs, what they cost, and what stands in its way. Makes nothing."""
    return Call("POST", "/v1/studies:plan", body=dict(spec))


def create_study(spec: Mapping[str, Any], *, idempotency_key: str | None = None) -> Call[Study]:
    """Begin a study; its jobs are made one after the other by the service."""
    return creating("/v1/studies", spec, idempotency_key)


def study(study_id: str) -> Call[Study]:
    """A study with its spec, its plan and its shared teachers."""
    return Call("GET", path_of("studies", study_id))


def studies(*, status: Iterable[str] | None = None, q: str | None = None, limit: int | None = None) -> Pages[Study]:
    """Studies, newest first, over all pages; `q` is the start of an id or name; `limit` ends early."""
    return Pages("/v1/studies", given({"status": None if status is None else list(status), "q": q}), limit)


def study_results(study_id: str) -> Call[Json]:
    """The table so far: every run, means with intervals, paired differences to the reference, the Pareto front."""
    return Call("GET", path_of("studies", study_id, "results"))


def study_csv(study_id: str) -> Call[str]:
    """The runs of the table as comma-separated values."""
    return Call("GET", path_of("studies", study_id, "results"), params={"format": "csv"}, is_text=True)


def change_study(study_id: str, *, name: str | None = None, question: str | None = None) -> Call[Study]:
    """Another name or question; the plan of a study never changes."""
    return Call("PATCH", path_of("studies", study_id), body=given({"name": name, "question": question}))


def cancel_study(study_id: str) -> Call[Study]:
    """Begin no further job, and cancel those that have not ended."""
    return Call("POST", path_of("studies", study_id, "cancel"))


def retry_study(study_id: str) -> Call[Study]:
    """Begin failed and cancelled jobs of the table again, a shared teacher's too; nothing else is touched."""
    return Call("POST", path_of("studies", study_id, "retry"))


def approve_study(study_id: str, plan: str, *, despite_no_go: bool = False) -> Call[Study]:
    """Have one of a pilot's plans run: `quick`, `standard` or `thorough`."""
    return Call("POST", path_of("studies", study_id, "approve"), body={"plan": plan, "despite_no_go": despite_no_go})


def reject_study(study_id: str) -> Call[Study]:
    """End a study whose pilot was enough."""
    return Call("POST", path_of("studies", study_id, "reject"))


def roll_back_study(study_id: str) -> Call[Study]:
    """Return a pilot to the state before its approval: jobs are cancelled, a moved alias goes back."""
    return Call("POST", path_of("studies", study_id, "rollback"))


def delete_study(study_id: str) -> Call[None]:
    """Forget a study that has ended, with its table; its jobs stay."""
    return Call("DELETE", path_of("studies", study_id))
