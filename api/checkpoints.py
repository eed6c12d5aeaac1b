"""How a job was worked on: its attempts, and the checkpoints that it or another job can go on from."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api import limits, queries, resources
from api.auth import Reader, Writer
from api.content import Content, content_response
from api.docs import binary, problems
from api.idempotency import IdempotencyKey, Once
from api.paging import Paging, page_of
from api.resources import Attempt, Checkpoint, Job, Page
from api.services import AppServices
from store import checkpoints, jobs
from store.errors import NotFound

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["checkpoints"])


@router.get("/attempts", operation_id="listAttempts", responses=problems(404, 422))
def list_attempts(caller: Reader, services: AppServices, job_id: str, query: Paging) -> Page[Attempt]:
    """Who tried, when, from where and with what end; the newest first."""
    with services.database.read() as session:
        job = jobs.get_job(session, caller.project_id, job_id)
        data = [resources.attempt(row) for row in queries.attempts(session, job.id)]
    return page_of(data, lambda attempt: str(attempt.number), query)


@router.get("/checkpoints", operation_id="listCheckpoints", responses=problems(404, 422))
def list_checkpoints(caller: Reader, services: AppServices, job_id: str, query: Paging) -> Page[Checkpoint]:
    """The checkpoints that are kept, with their files; the newest first."""
    with services.database.read() as session:
        job = jobs.get_job(session, caller.project_id, job_id)
        data = [resources.checkpoint(row) for row in checkpoints.all_of(session, job.id)]
    return page_of(data, lambda checkpoint: checkpoint.id, query)


@router.get("/checkpoints/{checkpoint_id}", operation_id="getCheckpoint", responses=problems(404))
def get_checkpoint(caller: Reader, services: AppServices, job_id: str, checkpoint_id: str) -> Checkpoint:
    """One checkpoint with its files."""
    with services.database.read() as session:
        job = jobs.get_job(session, caller.project_id, job_id)
        return resources.checkpoint(checkpoints.of_job(session, job.id, checkpoint_id))


@router.head("/checkpoints/{checkpoint_id}/files/{path:path}", include_in_schema=False)
@router.get(
    "/checkpoints/{checkpoint_id}/files/{path:path}",
    operation_id="getCheckpointFile",
    response_class=Response,
    responses=binary("application/octet-stream", ranges=True) | problems(404, 412, 416),
)
def get_checkpoint_file(
    caller: Reader, services: AppServices, request: Request, job_id: str, checkpoint_id: str, path: str
) -> Response:
    """The bytes of a checkpoint's file, whole or a range; its ETag is its sha256."""
    with services.database.read() as session:
        job = jobs.get_job(session, caller.project_id, job_id)
        row = checkpoints.of_job(session, job.id, checkpoint_id)
        file = next((file for file in row.files if file.path == path), None)
    if file is None:
        raise NotFound("file of the checkpoint", path)
    name = path.rpartition("/")[2]
    content = Content(name, file.sha256, file.bytes, "application/octet-stream", row.created_at)
    elsewhere = partial(services.files.url, file.key, limits.PRESIGNED_SECONDS)
    return content_response(request, content, partial(services.files.open, file.key), elsewhere=elsewhere)


@router.post(
    "/checkpoints/{checkpoint_id}/continue",
    operation_id="continueFromCheckpoint",
    status_code=201,
    response_model=Job,
    responses=problems(404, 409, 422),
)
def continue_from_checkpoint(
    caller: Writer,
    services: AppServices,
    request: Request,
    job_id: str,
    checkpoint_id: str,
    key: IdempotencyKey = None,
) -> Response:
    """A new job with the same plan that goes on from this checkpoint, whatever became of the old one."""
    once = Once(services, caller, request, key, None, action="job.continue", kind=Job, origin=job_id)

    def make(session: Session) -> Job:
        job = jobs.get_job(session, caller.project_id, job_id)
        return resources.job(jobs.continue_job(session, job, checkpoint_id))

    return once.create(make)
