"""Monitors and re-evaluations, as lists and their own pages show them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from api.monitor_orders import Action
from api.resources.base import AnyJson, Created, Document, ErrorJson, document, job_path
from kdcore.spec.reevaluation import DriftRule
from store.models import Cause, MonitorState, Outcome
from store.models import Monitor as MonitorRow
from store.models import Reevaluation as ReevaluationRow

FiguresJson = Annotated[
    Document,
    document(
        "ratio of the given data's distance to chance (w2, mmd) and own, that of the job's test split; limit, beyond "
        "which the data have drifted: threshold, times own where that is above 1; scores before "
        "and now with intervals, their change, and worst: the classes that lost beyond chance",
        distance="string", threshold="number", limit="number", ratio="object", own="object", before="object",
        now="object", change="object", examples="integer", known="integer",
    ),
]  # fmt: skip
ProposalJson = Annotated[
    Document,
    document(
        "spec: of a new distillation, ready for POST /v1/jobs; problems: what stands in its way; begins_with: the "
        "model whose weights its student begins with, null where the student was not kept as a model",
        spec="object", problems="array",
    ),
]  # fmt: skip


class Reevaluation(Created):
    """One measuring of a finished student on newly given data."""

    object: Literal["reevaluation"] = "reevaluation"
    id: str = Field(examples=["rev_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    monitor_id: str
    number: int
    status: Outcome = Field(description="unknown: measured, but the drift cannot be told; figures.reason says why")
    cause: Cause
    due_at: datetime
    dataset_version: int
    job_id: str | None = Field(description="that measures; null when it was deleted, or could not be made")
    figures: FiguresJson | None
    error: ErrorJson | None
    created_at: datetime
    ended_at: datetime | None
    urls: dict[str, str]

    @property
    def location(self) -> str:
        """Its path."""
        return self.urls["self"]

    _class: str | None = PrivateAttr(default=None)

    @property
    def rings(self) -> str | None:
        """Workers of the class of its job."""
        return self._class


class ReevaluationDetail(Reevaluation):
    """A re-evaluation with its document and what is proposed."""

    document: AnyJson | None = Field(description="everything that was measured; see docs/reevaluation.md")
    proposal: ProposalJson | None = Field(description="only of data that drifted, where the monitor was to propose")


class Monitor(Created):
    """A finished job whose student is measured anew when data come or time has passed."""

    collection = "/v1/monitors"
    object: Literal["monitor"] = "monitor"
    id: str = Field(examples=["mon_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    name: str
    job_id: str
    dataset_id: str
    every_hours: float | None
    on_new_version: bool
    drift: DriftRule
    then: Action
    status: MonitorState
    reason: str | None = Field(description="why it was stopped")
    waits_for: str | None = Field(description="what a due re-evaluation lacks, such as room for a further job")
    due_at: datetime | None = Field(description="the next time of its schedule")
    reevaluations: int
    last: Reevaluation | None
    version: int = Field(description="grows with each change of settings or status; also the ETag")
    created_at: datetime
    urls: dict[str, str]

    @property
    def etag(self) -> str:
        """Names this version of the monitor."""
        return f'"{self.version}"'


_SAME = (
    "id", "name", "job_id", "dataset_id", "every_hours", "on_new_version", "status", "reason", "waits_for", "due_at",
    "reevaluations", "version", "created_at",
)  # fmt: skip
_OF_ONE = (
    "id", "monitor_id", "number", "status", "cause", "due_at", "dataset_version", "job_id", "figures", "error",
    "created_at", "ended_at",
)  # fmt: skip


def monitor(row: MonitorRow, last: ReevaluationRow | None) -> Monitor:
    """The monitor of a row."""
    base = f"{Monitor.collection}/{row.id}"
    return Monitor(
        **{name: getattr(row, name) for name in _SAME},
        drift=DriftRule(distance=row.distance, threshold=row.threshold),
        then=row.action,
        last=None if last is None else reevaluation(last),
        urls={"self": base, "reevaluations": f"{base}/reevaluations", "job": job_path(row.job_id)},
    )


def reevaluation(row: ReevaluationRow, rings: str | None = None) -> Reevaluation:
    """The re-evaluation of a row; ``rings`` is the class of the workers that wait for it."""
    found = Reevaluation(**_of_one(row))
    found._class = rings
    return found


def reevaluation_detail(row: ReevaluationRow, proposal: Document | None) -> ReevaluationDetail:
    """The re-evaluation of a row with its document."""
    return ReevaluationDetail(**_of_one(row), document=row.document, proposal=proposal)


def _of_one(row: ReevaluationRow) -> dict[str, Any]:
    base = f"{Monitor.collection}/{row.monitor_id}"
    urls = {"self": f"{base}/reevaluations/{row.number}", "monitor": base}
    return {name: getattr(row, name) for name in _OF_ONE} | {"urls": urls}
