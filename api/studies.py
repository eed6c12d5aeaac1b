"""Studies: plan, begin, list, show, change and forget them, and their tables."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request

from api import resources
from api.auth import Reader, Writer
from api.bodies import StudyChange
from api.docs import STUDY_BODY, STUDY_CHANGE_BODY, problems
from api.errors import Refused
from api.idempotency import IdempotencyKey, Once
from api.jsonbody import JsonObject
from api.paging import PageQuery
from api.resources import Page, Study, StudyDetail, StudyResults
from api.services import AppServices
from api.study_actions import shown_study
from api.study_planning import planned_study, refused
from api.study_stages import whole_plan
from api.study_tables import table, teachers_of
from api.versions import IfMatch, check_version
from kdcore.spec.studies.plan import budget_faults
from kdcore.spec.studies.results import as_csv
from store import audit, studies
from store.models import StudyState

router = APIRouter(prefix="/v1", tags=["studies"])

CSV: dict[int | str, dict[str, Any]] = {
    200: {"model": StudyResults, "content": {"text/csv": {"schema": {"type": "string"}}}, "description": "the table"}
}


class StudiesQuery(PageQuery):
    """Filters of the list."""

    status: list[StudyState] = Field([], max_length=6, description="one of these; may be repeated")
    q: str | None = Field(None, max_length=200, description="the beginning of an id or of a name, in any case")


@router.post("/studies:plan", operation_id="planStudy", responses=problems(413, 415, 422), openapi_extra=STUDY_BODY)
def plan_study(caller: Reader, services: AppServices, body: JsonObject) -> dict[str, Any]:
    """What a study would run: its arms, how many jobs, what they cost, and what stands in its way. Makes nothing."""
    _, plan = planned_study(services.database, caller.project_id, body)
    faults = [fault.model_dump() for fault in budget_faults(plan)]
    return {"object": "study_plan", **plan.document(), "problems": faults}


@router.post(
    "/studies",
    operation_id="createStudy",
    status_code=201,
    response_model=Study,
    responses=problems(409, 413, 415, 422),
    openapi_extra=STUDY_BODY,
)
def create_study(
    caller: Writer, services: AppServices, request: Request, body: JsonObject, key: IdempotencyKey = None
) -> Response:
    """Begin a study: its jobs are made one after the other, as its plan, its budget and the project's quotas allow."""
    once = Once(services, caller, request, key, body, action="study.create", kind=Study)
    if (first := once.replayed()) is not None:
        return first
    spec, plan = planned_study(services.database, caller.project_id, body)
    if faults := list(budget_faults(plan)):
        raise refused(faults)

    def make(session: Session) -> Study:
        told = {"kind": spec.kind, "name": spec.name, "question": spec.question}
        return shown_study(
            session, studies.create_study(session, caller.project_id, spec=body, plan=plan.document(), **told)
        )

    return once.create(make)


@router.get("/studies", operation_id="listStudies", responses=problems(422))
def list_studies(caller: Reader, services: AppServices, query: Annotated[StudiesQuery, Query()]) -> Page[Study]:
    """The project's studies, the newest first."""
    with services.database.read() as session:
        page = studies.list_studies(session, caller.project_id, **query.model_dump())
        counts = studies.counts_of(session, [row.id for row in page.items])
        data = [resources.study(row, counts[row.id]) for row in page.items]
    return Page(data=data, has_more=page.has_more, next_cursor=page.next_cursor)


@router.get("/studies/{study_id}", operation_id="getStudy", responses=problems(404))
def get_study(caller: Reader, services: AppServices, study_id: str, response: Response) -> StudyDetail:
    """One study with its spec and plan."""
    with services.database.read() as session:
        row = studies.get_study(session, caller.project_id, study_id)
        counts = studies.counts_of(session, [row.id])[row.id]
        shown = resources.study_detail(row, counts, teachers_of(studies.runs_of(session, row.id)))
    response.headers["ETag"] = shown.etag
    return shown


@router.get(
    "/studies/{study_id}/results",
    operation_id="getStudyResults",
    response_model=StudyResults,
    responses={**problems(404, 422), **CSV},
)
def get_study_results(
    caller: Reader,
    services: AppServices,
    study_id: str,
    format_: Annotated[Literal["json", "csv"], Query(alias="format", description="csv: a row for each run")] = "json",
    stage: Annotated[Literal["pilot"] | None, Query(description="pilot: its table, though a plan was approved")] = None,
) -> StudyResults | Response:
    """The table so far: every run, each arm's mean and interval, paired differences to the reference, the Pareto
    front."""
    with services.database.read() as session:
        row = studies.get_study(session, caller.project_id, study_id)
        if stage is not None and row.kind != stage:
            raise Refused("invalid_request", f"stage: study {row.id} is no pilot and has one table; leave it out")
        document = table(row, studies.runs_of(session, row.id), None if stage is None else whole_plan(row))
    if format_ == "csv":
        told = {"Content-Disposition": f'attachment; filename="{row.id}.csv"', "X-Content-Type-Options": "nosniff"}
        return Response(as_csv(document), headers=told, media_type="text/csv")
    return StudyResults(**document)


@router.patch(
    "/studies/{study_id}",
    operation_id="changeStudy",
    responses=problems(404, 409, 412, 413, 415, 422),
    openapi_extra=STUDY_CHANGE_BODY,
)
def change_study(
    caller: Writer, services: AppServices, study_id: str, response: Response, body: JsonObject, version: IfMatch = None
) -> Study:
    """Change name or question. The plan of a study never changes: begin another one."""
    fields = StudyChange.of(body)
    with services.database.write() as session:
        row = studies.get_study(session, caller.project_id, study_id)
        check_version(session, row, version)
        before = row.version
        shown = shown_study(session, studies.change_study(session, row, fields))
        if shown.version != before:
            audit.note(session, caller.actor, "study.change", study_id, fields)
    response.headers["ETag"] = shown.etag
    return shown


@router.delete("/studies/{study_id}", operation_id="deleteStudy", status_code=204, responses=problems(404, 409, 412))
def delete_study(caller: Writer, services: AppServices, study_id: str, version: IfMatch = None) -> None:
    """Delete a study that has ended, with its table. Its jobs stay, and belong to none."""
    with services.database.write() as session:
        row = studies.get_study(session, caller.project_id, study_id)
        check_version(session, row, version)
        audit.note(session, caller.actor, "study.delete", study_id, {"name": row.name})
        studies.delete_study(session, row)
