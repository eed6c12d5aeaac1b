"""Jobs: plan, submit, list and show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.requests import Request

from api import resources
from api.auth import Reader, Writer
from api.docs import LABEL_FILTER, SPEC_BODY, problems
from api.errors import Fault, Refused
from api.idempotency import IdempotencyKey, Once
from api.jsonbody import JsonObject
from api.limits import PAGE_DEFAULT, PAGE_MAX
from api.paging import Moment
from api.planning import planned
from api.resources import Job, JobDetail, Page
from api.services import AppServices
from store import jobs
from store.models import JobKind, JobState

router = APIRouter(prefix="/v1", tags=["jobs"])

_LABEL = "label."
Sort = Literal["-created_at", "created_at", "-finished_at", "finished_at", "name", "-name"]


class JobsQuery(BaseModel):
    """Filters of the list; ``label.<key>=<value>`` may be given for several keys."""

    model_config = ConfigDict(extra="allow")

    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    after: str | None = Field(None, max_length=2000, description="next_cursor of the page before, in the same order")
    sort: Sort = Field("-created_at", description="- for the largest first; by finished_at, the jobs that have ended")
    status: list[JobState] = Field([], max_length=9, description="one of these; may be repeated")
    method: str | None = Field(None, max_length=200)
    created_after: Moment | None = None
    created_before: Moment | None = None
    q: str | None = Field(None, max_length=200, description="the beginning of an id or of a name, in any case")
    kind: Literal["distillation", "inspection", "reevaluation", "all"] = Field(
        "distillation",
        description="inspections look at what was brought, re-evaluations measure the student of a finished job anew",
    )
    study: str | None = Field(None, max_length=40, description="only jobs of this study, those of its teachers too")

    def labels(self) -> dict[str, str]:
        """The label filters; every other unknown parameter is refused, because it would filter nothing."""
        extra: Mapping[str, Any] = self.model_extra or {}
        unknown = [name for name in extra if not name.startswith(_LABEL) or name == _LABEL]
        if unknown:
            known = ", ".join([*JobsQuery.model_fields, "label.<key>"])
            faults = [
                Fault(parameter=name[:100], code="unknown_parameter", detail=f"known: {known}") for name in unknown
            ]
            raise Refused("invalid_request", "a parameter is not known", errors=faults)
        return {name.removeprefix(_LABEL): str(value) for name, value in extra.items()}


@router.post("/jobs:plan", operation_id="planJob", responses=problems(413, 415, 422), openapi_extra=SPEC_BODY)
def plan_job(caller: Reader, services: AppServices, body: JsonObject) -> dict[str, Any]:
    """What a spec would run: every preset expanded, every default filled in, warnings, the cost. Makes nothing."""
    return {"object": "plan", **planned(services.database, caller.project_id, body).document}


@router.post(
    "/jobs",
    operation_id="createJob",
    status_code=201,
    response_model=Job,
    responses=problems(409, 413, 415, 422),
    openapi_extra=SPEC_BODY,
)
def create_job(
    caller: Writer, services: AppServices, request: Request, body: JsonObject, key: IdempotencyKey = None
) -> Response:
    """Submit a job."""
    once = Once(services, caller, request, key, body, action="job.create", kind=Job)
    if (first := once.replayed()) is not None:
        return first
    found = planned(services.database, caller.project_id, body)

    def make(session: Session) -> Job:
        return resources.job(
            jobs.create_job(
                session,
                project_id=caller.project_id,
                spec=body,
                plan=found.document,
                files=found.files(session, caller.project_id),
                attempts_max=services.settings.max_attempts,
            )
        )

    return once.create(make)


@router.get("/jobs", operation_id="listJobs", responses=problems(422), openapi_extra=LABEL_FILTER)
def list_jobs(caller: Reader, services: AppServices, query: Annotated[JobsQuery, Query()]) -> Page[Job]:
    """The project's jobs, newest first or in another order."""
    with services.database.read() as session:
        page = jobs.list_jobs(
            session,
            caller.project_id,
            limit=query.limit,
            after=query.after,
            sort=query.sort,
            status=query.status or None,
            method=query.method,
            label=query.labels(),
            created_after=query.created_after,
            created_before=query.created_before,
            q=query.q,
            kind=None if query.kind == "all" else JobKind(query.kind),
            study=query.study,
        )
        data = [resources.job(row) for row in page.items]
    return Page(data=data, has_more=page.has_more, next_cursor=page.next_cursor)


@router.get("/jobs/{job_id}", operation_id="getJob", responses=problems(404))
def get_job(caller: Reader, services: AppServices, job_id: str, response: Response) -> JobDetail:
    """One job with its spec, plan and result."""
    with services.database.read() as session:
        row = jobs.get_job(session, caller.project_id, job_id)
        shown = resources.job_detail(row, jobs.documents(session, row))
    response.headers["ETag"] = shown.etag
    return shown
