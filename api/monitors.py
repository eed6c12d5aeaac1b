"""Monitors: make, list, change and forget them, re-evaluate by hand, and read what was measured."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api import resources
from api.auth import Reader, Writer
from api.docs import MONITOR_BODY, MONITOR_CHANGE_BODY, problems
from api.errors import Refused
from api.idempotency import IdempotencyKey, Once
from api.jsonbody import SmallJsonObject
from api.limits import MAX_INTEGER
from api.monitor_orders import MonitorChange, MonitorOrder
from api.paging import PageQuery, Paging
from api.reevaluating import Gone, begin, given, proposed, subject
from api.resources import Monitor, Page, Reevaluation, ReevaluationDetail
from api.services import AppServices
from api.versions import IfMatch, check_version
from store import audit, monitors
from store.database import now
from store.errors import Conflict
from store.models import Cause, MonitorState
from store.models import Monitor as MonitorRow

router = APIRouter(prefix="/v1/monitors", tags=["monitors"])

Number = Annotated[int, Path(ge=1, le=MAX_INTEGER, description="of the re-evaluation, from 1 on")]


class MonitorsQuery(PageQuery):
    """Filters of the list."""

    job: str | None = Field(None, max_length=40, description="only monitors of this job")
    dataset: str | None = Field(None, max_length=40, description="only monitors of this dataset")
    status: MonitorState | None = None


@router.post(
    "",
    operation_id="createMonitor",
    status_code=201,
    response_model=Monitor,
    responses=problems(404, 409, 413, 415, 422),
    openapi_extra=MONITOR_BODY,
)
def create_monitor(
    caller: Writer, services: AppServices, request: Request, body: SmallJsonObject, key: IdempotencyKey = None
) -> Response:
    """Monitor a finished job: its student is measured anew when a new version of the dataset is ready, or by time."""
    once = Once(services, caller, request, key, body, action="monitor.create", kind=Monitor)
    if (first := once.replayed()) is not None:
        return first
    order = MonitorOrder.of(body)
    job_id, dataset_id = order.pop("job"), order.pop("dataset")

    def make(session: Session) -> Monitor:
        try:
            found = subject(session, caller.project_id, job_id)
        except Gone as error:
            raise Refused("input_gone", f"{error}: monitor another job", kind="conflict") from None
        given(session, caller.project_id, dataset_id, found)
        learnt = found.plan.dataset
        seen = learnt.version if learnt.id == dataset_id else None
        fields = {**order, "job_id": job_id, "dataset_id": dataset_id, "seen": seen}
        return resources.monitor(monitors.create_monitor(session, caller.project_id, **fields), None)

    return once.create(make)


@router.get("", operation_id="listMonitors", responses=problems(422))
def list_monitors(caller: Reader, services: AppServices, query: Annotated[MonitorsQuery, Query()]) -> Page[Monitor]:
    """The project's monitors with the last re-evaluation of each, the newest first."""
    with services.database.read() as session:
        page = monitors.list_monitors(session, caller.project_id, **query.model_dump())
        last = monitors.last_ones(session, [row.id for row in page.items])
        data = [resources.monitor(row, last.get(row.id)) for row in page.items]
    return Page(data=data, has_more=page.has_more, next_cursor=page.next_cursor)


@router.get("/{monitor_id}", operation_id="getMonitor", responses=problems(404))
def get_monitor(caller: Reader, services: AppServices, monitor_id: str, response: Response) -> Monitor:
    """One monitor."""
    with services.database.read() as session:
        shown = _shown(session, monitors.get_monitor(session, caller.project_id, monitor_id))
    response.headers["ETag"] = shown.etag
    return shown


@router.patch(
    "/{monitor_id}",
    operation_id="changeMonitor",
    responses=problems(404, 409, 412, 413, 415, 422),
    openapi_extra=MONITOR_CHANGE_BODY,
)
def change_monitor(
    caller: Writer,
    services: AppServices,
    monitor_id: str,
    response: Response,
    body: SmallJsonObject,
    version: IfMatch = None,
) -> Monitor:
    """Change name, schedule, drift or what follows; stop it, or look after it again."""
    fields = MonitorChange.of(body)
    with services.database.write() as session:
        row = monitors.get_monitor(session, caller.project_id, monitor_id)
        check_version(session, row, version)
        before = row.version
        row = monitors.change_monitor(session, row, fields)
        if row.every_hours is None and not row.on_new_version:
            raise Refused("invalid_request", "nothing would ever be due: give every_hours, or on_new_version: true")
        if row.version != before:
            audit.note(session, caller.actor, "monitor.change", monitor_id, fields)
        shown = _shown(session, row)
    response.headers["ETag"] = shown.etag
    return shown


@router.delete("/{monitor_id}", operation_id="deleteMonitor", status_code=204, responses=problems(404, 409, 412))
def delete_monitor(caller: Writer, services: AppServices, monitor_id: str, version: IfMatch = None) -> None:
    """Delete a monitor and its re-evaluations. Their jobs stay, and a running one ends as it would."""
    with services.database.write() as session:
        row = monitors.get_monitor(session, caller.project_id, monitor_id)
        check_version(session, row, version)
        audit.note(session, caller.actor, "monitor.delete", monitor_id, {"name": row.name})
        monitors.delete_monitor(session, row)


@router.post(
    "/{monitor_id}/run",
    operation_id="runMonitor",
    status_code=201,
    response_model=Reevaluation,
    responses=problems(404, 409, 422),
)
def run_monitor(
    caller: Writer, services: AppServices, request: Request, monitor_id: str, key: IdempotencyKey = None
) -> Response:
    """Re-evaluate now, on the newest ready version; of a stopped monitor, too."""
    once = Once(services, caller, request, key, None, action="monitor.run", kind=Reevaluation, origin=monitor_id)
    if (first := once.replayed()) is not None:
        return first

    def make(session: Session) -> Reevaluation:
        row = monitors.get_monitor(session, caller.project_id, monitor_id)
        monitors.hold(session, row)
        pending = monitors.open_one(session, row.id)
        if pending is not None:
            message = f"re-evaluation {pending.number} of {row.id} has not ended: wait for it"
            raise Conflict("reevaluation_open", message)
        try:
            found = subject(session, caller.project_id, row.job_id)
        except Gone as error:
            raise Refused("input_gone", str(error), kind="conflict") from None
        _, version = given(session, caller.project_id, row.dataset_id, found)
        job = begin(session, services.settings, row, found, version)
        made = monitors.begun(session, row, Cause.REQUEST, now(session), version.number, job)
        return resources.reevaluation(made, job.resource_class)

    return once.create(make)


@router.get("/{monitor_id}/reevaluations", operation_id="listReevaluations", responses=problems(404, 422))
def list_reevaluations(caller: Reader, services: AppServices, monitor_id: str, query: Paging) -> Page[Reevaluation]:
    """What was measured, the newest first."""
    with services.database.read() as session:
        row = monitors.get_monitor(session, caller.project_id, monitor_id)
        page = monitors.list_reevaluations(session, row, **query.model_dump())
        data = [resources.reevaluation(one) for one in page.items]
    return Page(data=data, has_more=page.has_more, next_cursor=page.next_cursor)


@router.get("/{monitor_id}/reevaluations/{number}", operation_id="getReevaluation", responses=problems(404, 422))
def get_reevaluation(caller: Reader, services: AppServices, monitor_id: str, number: Number) -> ReevaluationDetail:
    """One re-evaluation with its document, and the new distillation that is proposed where the data have drifted."""
    with services.database.read() as session:
        row = monitors.get_monitor(session, caller.project_id, monitor_id)
        one = monitors.get_reevaluation(session, row, number)
    return resources.reevaluation_detail(one, proposed(services.database, row, one))


def _shown(session: Session, row: MonitorRow) -> Monitor:
    return resources.monitor(row, monitors.last_ones(session, [row.id]).get(row.id))
