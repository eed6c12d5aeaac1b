"""A study, as lists and its own page show it, and its table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.resources.base import AnyJson, Created, Document, document
from api.study_stages import stage_of
from store.models import Study as StudyRow
from store.models import StudyState
from store.pilots import approval_of, decision_of

ArmJson = Annotated[
    Document,
    document(
        "an arm: what it changes, its runs by seed, mean, standard deviation and interval of its scores, its paired "
        "difference to the reference, and why it was stopped or is not compared",
        name="string", method="string", student="string", status="string", comparable="boolean", pareto="boolean",
        changes="object", runs="array",
    ),
]  # fmt: skip
BudgetJson = Annotated[Document, document("jobs_at_most and device_hours")]


class Study(Created):
    """A question that several jobs answer."""

    collection = "/v1/studies"
    object: Literal["study"] = "study"
    id: str = Field(examples=["std_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    kind: str = Field(examples=["comparison"])
    name: str
    question: str
    status: StudyState
    reason: str | None = Field(description="why it has ended, or is as it is")
    waits_for: str | None = Field(
        description="what it lacks to go on, such as room for further jobs; approval where a pilot has decided"
    )
    stage: str | None = Field(description="of a pilot: pilot, or the plan that was approved")
    outcome: str | None = Field(description="of a pilot that has decided: go or no-go")
    dataset: str
    reference: str = Field(description="the arm that the others are compared with")
    arms: int = Field(description="of a search: its trials, those not chosen yet, too")
    seeds: int
    jobs: dict[str, int] = Field(description="by status, and planned: at most so many, those of shared teachers too")
    budget: BudgetJson
    seconds: float = Field(description="of all jobs, as it was estimated")
    version: int = Field(description="grows with each change of state, name or question; also the ETag")
    created_at: datetime
    finished_at: datetime | None
    urls: dict[str, str]

    @property
    def etag(self) -> str:
        """Names this version of the study."""
        return f'"{self.version}"'


class StudyDetail(Study):
    """A study with its documents."""

    spec: AnyJson
    plan: AnyJson = Field(
        description="every arm with its job spec and cost, as shown before it began; a search adds trials"
    )
    stopped: AnyJson = Field(description="arms that get no more jobs, with code, reason and seeds")
    teachers: list[AnyJson] = Field(description="shared teachers: name, job_id, status, model_id")
    decision: AnyJson | None = Field(
        description="of a pilot: outcome, code, reason, paired gain with interval, and each plan with its cost"
    )
    approval: AnyJson | None = Field(description="the plan that was approved, by whom, its result, and what was kept")
    history: list[AnyJson] = Field(description="of a pilot: decided, approved, rolled_back ..., the oldest first")


class StudyResults(BaseModel):
    """The table of a study."""

    object: Literal["study_results"] = "study_results"
    study_id: str
    kind: str
    stage: str | None = Field(description="of a pilot: pilot, or the plan whose table this is")
    name: str
    question: str
    status: StudyState
    complete: bool = Field(description="whether every seed of every arm has a score")
    metric: AnyJson
    reference: str
    seeds: list[int]
    runs: dict[str, int] = Field(description="of arms, by status; planned: arms, or trials of a search, times seeds")
    arms: list[ArmJson]
    pareto: AnyJson = Field(description="axes, and the arms that no other beats in all of them")
    teachers: list[AnyJson]
    ranking: AnyJson | None = Field(
        description="of teachers: the best first, with scores, paired differences, gate and gap probe; and the answer"
    )
    search: AnyJson | None = Field(
        description="of a search: trials, how many are chosen, the best by the validation split, and what was skipped"
    )
    notes: list[str]


def study(row: StudyRow, counts: Mapping[str, int]) -> Study:
    """The study of a row."""
    return Study(**_columns(row, counts))


def study_detail(row: StudyRow, counts: Mapping[str, int], teachers: list[Document]) -> StudyDetail:
    """The study of a row with its documents."""
    documents = {name: getattr(row, name) for name in ("spec", "plan", "stopped")}
    pilot = row.pilot or {"decision": None, "approval": None, "history": []}
    return StudyDetail(**_columns(row, counts), **documents, teachers=teachers, **pilot)


def study_path(study_id: str, *parts: str) -> str:
    """The path of a study or of something under it."""
    return "/".join([Study.collection, study_id, *parts])


_NAMES = ("id", "kind", "name", "question", "status", "reason", "waits_for", "version", "created_at", "finished_at")


def _columns(row: StudyRow, counts: Mapping[str, int]) -> dict[str, Any]:
    first, approval, decision = row.plan, approval_of(row), decision_of(row)
    plan = first if approval is None else first["plans"][approval["plan"]]
    planned = first["jobs"] if approval is None else first["jobs"] + plan["jobs"]
    seconds = first["seconds"] if approval is None else first["seconds"] + plan["seconds"]
    base = study_path(row.id)
    return {
        **{name: getattr(row, name) for name in _NAMES},
        "dataset": plan["dataset"],
        "reference": plan["reference"],
        "arms": (plan.get("search") or {}).get("count", len(plan["arms"])),
        "seeds": len(plan["seeds"]),
        "stage": stage_of(row),
        "outcome": None if decision is None else decision["outcome"],
        "jobs": {"planned": max(planned, sum(counts.values())), **counts},
        "budget": plan["budget"],
        "seconds": seconds,
        "urls": {"self": base, "results": f"{base}/results", "jobs": f"/v1/jobs?study={row.id}"},
    }
