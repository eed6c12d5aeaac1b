"""What a job delivers: artifacts one by one, all of them as a zip, and the logs of its attempts."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api import bundle, limits, queries, resources
from api.auth import Reader
from api.content import Content, content_response, disposition, has_tag
from api.docs import binary, problems
from api.edge import REPORT_POLICY
from api.errors import Refused
from api.paging import Paging, page_of
from api.resources import Artifact, Page
from api.services import AppServices, Services
from store import jobs
from store.files import digest_of
from store.models import Artifact as ArtifactRow
from store.models import Job as JobRow

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["artifacts"])

REPORT = "report.html"


@router.get("/artifacts", operation_id="listArtifacts", responses=problems(404, 422))
def list_artifacts(caller: Reader, services: AppServices, job_id: str, query: Paging) -> Page[Artifact]:
    """What a job published, by name; empty until it succeeded."""
    with services.database.read() as session:
        job = jobs.get_job(session, caller.project_id, job_id)
        data = [resources.artifact(row) for row in queries.artifacts(session, job.id)]
    return page_of(data, lambda artifact: artifact.name, query)


@router.head("/artifacts/{name:path}", include_in_schema=False)
@router.get(
    "/artifacts/{name:path}",
    operation_id="getArtifact",
    response_class=Response,
    responses=binary("application/octet-stream", ranges=True) | problems(404, 412, 416),
)
def get_artifact(caller: Reader, services: AppServices, request: Request, job_id: str, name: str) -> Response:
    """The bytes of an artifact, whole or a range; its ETag is its sha256."""
    with services.database.read() as session:
        job = jobs.get_job(session, caller.project_id, job_id)
        row = queries.artifact(session, job.id, name)
    content = Content(row.name, row.sha256, row.bytes, row.media_type, row.created_at)
    opener = partial(services.files.open, row.key)
    if name != REPORT:
        elsewhere = partial(services.files.url, row.key, limits.PRESIGNED_SECONDS)
        return content_response(request, content, opener, elsewhere=elsewhere)
    response = content_response(request, content, opener, kind="inline")
    response.headers["Content-Security-Policy"] = REPORT_POLICY
    return response


@router.head("/bundle", include_in_schema=False)
@router.get(
    "/bundle",
    operation_id="getBundle",
    response_class=Response,
    responses=binary("application/zip") | problems(404, 409),
)
def get_bundle(caller: Reader, services: AppServices, request: Request, job_id: str) -> Response:
    """Every artifact in one zip, stored uncompressed, with SHA256SUMS; the same bytes each time."""
    with services.database.read() as session:
        job = jobs.get_job(session, caller.project_id, job_id)
        members = _members(services, session, job)
    modified = job.finished_at or job.created_at
    etag = f'"{bundle.bundle_digest(members, modified)}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Accept-Ranges": "none",
        "Content-Disposition": disposition(f"{job.id}.zip"),
    }
    if has_tag(request.headers.get("if-none-match", ""), etag, weak=True):
        return Response(status_code=304, headers=headers)
    if (length := bundle.bundle_size(members)) is not None:
        headers["Content-Length"] = str(length)
    if request.method == "HEAD":
        return Response(headers=headers, media_type="application/zip")
    stream = bundle.zip_stream(members, modified)
    return StreamingResponse(stream, headers=headers, media_type="application/zip")


def _members(services: Services, session: Session, job: JobRow) -> list[bundle.Member]:
    rows = queries.artifacts(session, job.id)
    if not rows:
        message = f"job {job.id} is {job.status} and has published nothing; only succeeded jobs have a bundle"
        raise Refused("not_ready", message, kind="conflict")
    return bundle.with_sums([_member(services, row) for row in rows])


def _member(services: Services, row: ArtifactRow) -> bundle.Member:
    services.files.size(row.key)  # a lost file shall be a problem, not a zip that breaks off
    return bundle.Member(row.name, row.sha256, row.bytes, partial(services.files.open, row.key))


class LogQuery(BaseModel):
    """Whose log."""

    model_config = ConfigDict(extra="forbid")

    attempt: int | None = Field(None, ge=1, le=2**31 - 1, description="the latest with a log, when left out")


@router.head("/logs", include_in_schema=False)
@router.get(
    "/logs",
    operation_id="getLogs",
    response_class=Response,
    responses=binary("text/plain", ranges=True) | problems(404, 416, 422),
)
def get_logs(
    caller: Reader, services: AppServices, request: Request, job_id: str, query: Annotated[LogQuery, Query()]
) -> Response:
    """The engine's output in one attempt, kept when the attempt has ended; live lines come as log events."""
    with services.database.read() as session:
        job = jobs.get_job(session, caller.project_id, job_id)
        attempt = queries.log_of(session, job.id, query.attempt)
    if attempt is None or attempt.log_key is None:
        which = "any attempt" if query.attempt is None else f"attempt {query.attempt}"
        message = f"job {job.id} has no log of {which}; a log is kept when its attempt has ended"
        raise Refused("not_found", message)
    name = f"{job.id}-attempt-{attempt.number}.log"
    size = attempt.log_bytes or services.files.size(attempt.log_key)
    modified = attempt.ended_at or attempt.started_at
    content = Content(name, digest_of(attempt.log_key), size, "text/plain; charset=utf-8", modified)
    opener = partial(services.files.open, attempt.log_key)
    return content_response(request, content, opener, kind="inline", cache="private, no-cache")
