"""Projects: who operates the service makes them and sets quotas; who works in one sees what it may, and has used."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api import resources
from api.auth import OPERATE, Anyone, Caller, Operator
from api.bodies import KeyOrder, ProjectChange, ProjectOrder
from api.docs import KEY_BODY, PROJECT_BODY, PROJECT_CHANGE_BODY, problems
from api.errors import Fault, Refused
from api.idempotency import IdempotencyKey, Once
from api.jsonbody import SmallJsonObject
from api.keys import made_key
from api.paging import Day, Paging, page_of
from api.resources import ApiKey, Page, Project, Usage
from api.services import AppServices
from api.versions import IfMatch, check_version, tag
from store import audit, projects
from store.errors import NotFound
from store.models import Project as ProjectRow

router = APIRouter(prefix="/v1/projects", tags=["projects"])

USAGE_DAYS, USAGE_DAYS_MAX = 30, 366


@router.get("", operation_id="listProjects", responses=problems(422))
def list_projects(caller: Anyone, services: AppServices, query: Paging) -> Page[Project]:
    """The projects that the key may see: its own, or all of them for who operates the service."""
    with services.database.read() as session:
        rows = projects.all_projects(session)
    data = [resources.project(row) for row in rows if _may_see(caller, row.id)]
    return page_of(data, lambda project: project.id, query)


@router.get("/{project_id}", operation_id="getProject", responses=problems(404))
def get_project(caller: Anyone, services: AppServices, response: Response, project_id: str) -> Project:
    """One project with its quotas."""
    with services.database.read() as session:
        found = resources.project(_seen(session, caller, project_id))
    response.headers["ETag"] = tag(found.version)
    return found


@router.post(
    "",
    operation_id="createProject",
    status_code=201,
    response_model=Project,
    responses=problems(409, 413, 415, 422),
    openapi_extra=PROJECT_BODY,
)
def create_project(
    caller: Operator, services: AppServices, request: Request, body: SmallJsonObject, key: IdempotencyKey = None
) -> Response:
    """Make a project; it needs a key before anybody can work in it."""
    once = Once(services, caller, request, key, body, action="project.create", kind=Project)
    if (first := once.replayed()) is not None:
        return first
    order = _columns(ProjectOrder.of(body))
    name = order.pop("name")
    return once.create(lambda session: resources.project(projects.create_project(session, name, order)))


@router.patch(
    "/{project_id}",
    operation_id="changeProject",
    responses=problems(404, 409, 412, 413, 415, 422),
    openapi_extra=PROJECT_CHANGE_BODY,
)
def change_project(
    caller: Operator,
    services: AppServices,
    response: Response,
    project_id: str,
    body: SmallJsonObject,
    version: IfMatch = None,
) -> Project:
    """Change its name or quotas. What runs goes on; a lower quota holds for what comes."""
    changes = ProjectChange.of(body)
    with services.database.write() as session:
        row = projects.get_project(session, project_id)
        check_version(session, row, version)
        before = row.version
        found = resources.project(projects.change_project(session, row, _columns(changes)))
        if found.version != before:
            audit.note(session, caller.actor, "project.change", project_id, changes)
    response.headers["ETag"] = tag(found.version)
    return found


@router.post(
    "/{project_id}/api_keys",
    operation_id="createProjectApiKey",
    status_code=201,
    response_model=ApiKey,
    responses=problems(404, 409, 413, 415, 422),
    openapi_extra=KEY_BODY,
)
def create_project_api_key(
    caller: Operator,
    services: AppServices,
    request: Request,
    project_id: str,
    body: SmallJsonObject,
    key: IdempotencyKey = None,
) -> Response:
    """Make a key of any project: its first one, or one for who has lost theirs."""
    once = Once(services, caller, request, key, body, action="api_key.create", kind=ApiKey, origin=project_id)
    if (first := once.replayed()) is not None:
        return first
    order = KeyOrder.of(body)

    def make(session: Session) -> ApiKey:
        return made_key(session, services, projects.get_project(session, project_id).id, order)

    return once.create(make)


class UsageQuery(BaseModel):
    """Which days."""

    model_config = ConfigDict(extra="forbid")

    since: Day | None = Field(None, description="the first day, 30 days ago when left out")
    until: Day | None = Field(None, description="the last day, today when left out")


@router.get("/{project_id}/usage", operation_id="getUsage", responses=problems(404, 422))
def get_usage(caller: Anyone, services: AppServices, project_id: str, query: Annotated[UsageQuery, Query()]) -> Usage:
    """Hours of engines by day and class of workers, jobs in flight, and bytes stored."""
    since, until = _span(query)
    with services.database.read() as session:
        row = _seen(session, caller, project_id)
        days = [resources.usage_day(day) for day in projects.usage(session, row.id, str(since), str(until))]
        return Usage(
            project_id=row.id,
            since=since,
            until=until,
            hours=sum(day.hours for day in days),
            month_hours=projects.hours_of_month(session, row.id),
            jobs_in_flight=projects.room(session, row.id).in_flight,
            stored_bytes=projects.stored_bytes(session, row.id),
            days=days,
        )


def _span(query: UsageQuery) -> tuple[date, date]:
    until = query.until or datetime.now(UTC).date()
    if query.since is None:
        return date.fromordinal(max(1, until.toordinal() - USAGE_DAYS)), until
    if timedelta(0) <= until - query.since < timedelta(days=USAGE_DAYS_MAX):
        return query.since, until
    detail = f"{query.since} lies after until, {until}, or {USAGE_DAYS_MAX} days or more before it"
    fault = Fault(parameter="since", code="invalid_value", detail=detail)
    raise Refused("invalid_request", "a parameter is not acceptable", errors=[fault])


def _may_see(caller: Caller, project_id: str) -> bool:
    return caller.project_id == project_id or caller.may(OPERATE)


def _seen(session: Session, caller: Caller, project_id: str) -> ProjectRow:
    if not _may_see(caller, project_id):
        raise NotFound("project", project_id)
    return projects.get_project(session, project_id)


def _columns(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a body by the names of the columns."""
    return {{"concurrency": "quota"}.get(name, name): value for name, value in fields.items()}
