"""What a user can ask of a job: cancel, pause, resume, retry."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api import resources
from api.auth import Caller, Writer
from api.docs import problems
from api.idempotency import IdempotencyKey, Once
from api.resources import Job
from api.services import AppServices, Services
from api.versions import IfMatch, check_version
from store import audit, jobs
from store.models import Job as JobRow
from store.models import JobState

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])

RESPONSES = problems(404, 409, 412) | {202: {"model": Job, "description": "asked of the worker that runs it"}}
PENDING = (JobState.CANCELLING, JobState.PAUSING)


@router.post("/cancel", operation_id="cancelJob", responses=RESPONSES)
def cancel_job(caller: Writer, services: AppServices, job_id: str, response: Response, version: IfMatch = None) -> Job:
    """Cancel: at once where it waits, within seconds where it runs; a cancelled job stays as it is."""
    return _act(services, caller, job_id, version, response, "job.cancel", jobs.cancel_job)


@router.post("/pause", operation_id="pauseJob", responses=RESPONSES)
def pause_job(caller: Writer, services: AppServices, job_id: str, response: Response, version: IfMatch = None) -> Job:
    """Pause: a running job stops at a checkpoint and keeps it."""
    return _act(services, caller, job_id, version, response, "job.pause", jobs.pause_job)


@router.post("/resume", operation_id="resumeJob", responses=problems(404, 409, 412))
def resume_job(caller: Writer, services: AppServices, job_id: str, response: Response, version: IfMatch = None) -> Job:
    """Resume: a paused job waits for a worker again and goes on from its checkpoint."""
    return _act(services, caller, job_id, version, response, "job.resume", jobs.resume_job)


@router.post("/retry", operation_id="retryJob", status_code=201, response_model=Job, responses=problems(404, 409, 422))
def retry_job(
    caller: Writer, services: AppServices, request: Request, job_id: str, key: IdempotencyKey = None
) -> Response:
    """Retry: a new job with the plan of a failed or cancelled one, going on from its last checkpoint."""
    once = Once(services, caller, request, key, None, action="job.retry", kind=Job, origin=job_id)

    def make(session: Session) -> Job:
        return resources.job(jobs.retry_job(session, jobs.get_job(session, caller.project_id, job_id)))

    return once.create(make)


def _act(
    services: Services,
    caller: Caller,
    job_id: str,
    version: str | None,
    response: Response,
    action: str,
    act: Callable[[Session, JobRow], JobRow],
) -> Job:
    with services.database.write() as session:
        row = jobs.get_job(session, caller.project_id, job_id)
        check_version(session, row, version)
        before = row.version
        job = resources.job(act(session, row))
        if job.version != before:  # what is so already is nobody's deed
            audit.note(session, caller.actor, action, job_id)
    if job.status == JobState.QUEUED:
        services.bell.ring(job.resource_class)
    response.status_code = 202 if job.status in PENDING else 200
    response.headers["ETag"] = job.etag
    return job
