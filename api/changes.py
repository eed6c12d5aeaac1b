"""What can be changed on a job that exists, cloning it with changes, and deleting it."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api import resources
from api.auth import Writer
from api.bodies import JobChange
from api.docs import CHANGE_BODY, CLONE_BODY, problems
from api.errors import Fault, Refused
from api.idempotency import IdempotencyKey, Once
from api.jsonbody import JsonObject
from api.planning import planned
from api.resources import Job
from api.services import AppServices
from api.versions import IfMatch, check_version
from kdcore.spec.job import MAX_LABELS
from kdcore.spec.patching import merged
from store import audit, changes, jobs
from store.models import JobKind

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])

_INSTEAD = {
    JobKind.INSPECTION: "is an inspection; bring another version of what it looked at",
    JobKind.REEVALUATION: "is a re-evaluation; run its monitor",
}


@router.patch("", operation_id="changeJob", responses=problems(404, 409, 412, 413, 415, 422), openapi_extra=CHANGE_BODY)
def change_job(
    caller: Writer, services: AppServices, job_id: str, response: Response, body: JsonObject, version: IfMatch = None
) -> Job:
    """Change name, labels or priority. The plan of a job never changes: clone it with other options instead."""
    fields = JobChange.of(body)
    with services.database.write() as session:
        row = jobs.get_job(session, caller.project_id, job_id)
        check_version(session, row, version)
        if "labels" in fields:
            jobs.lock(session, row)
            fields["labels"] = _labels(merged(row.labels, fields["labels"]))
        before = row.version
        job = resources.job(changes.change_job(session, row, **fields))
        if job.version != before:
            audit.note(session, caller.actor, "job.change", job_id, fields)
    response.headers["ETag"] = job.etag
    return job


def _labels(labels: dict[str, str]) -> dict[str, str]:
    if len(labels) > MAX_LABELS:
        fault = Fault(pointer="/labels", code="invalid_value", detail=f"{len(labels)} labels would be left")
        raise Refused("invalid_request", f"a job has {MAX_LABELS} labels at most", errors=[fault])
    return labels


@router.delete("", operation_id="deleteJob", status_code=204, responses=problems(404, 409, 412))
def delete_job(caller: Writer, services: AppServices, job_id: str, version: IfMatch = None) -> None:
    """Delete a job that has ended, with all that it left; refused while another job goes on from it."""
    with services.database.write() as session:
        row = jobs.get_job(session, caller.project_id, job_id)
        check_version(session, row, version)
        changes.delete_job(session, row)
        audit.note(session, caller.actor, "job.delete", job_id, {"name": row.name})


@router.post(
    "/clone",
    operation_id="cloneJob",
    status_code=201,
    response_model=Job,
    responses=problems(404, 409, 413, 415, 422),
    openapi_extra=CLONE_BODY,
)
def clone_job(
    caller: Writer, services: AppServices, request: Request, job_id: str, body: JsonObject, key: IdempotencyKey = None
) -> Response:
    """A new job with this one's spec and the changes of the body, a JSON merge patch (RFC 7396): null leaves out."""
    once = Once(services, caller, request, key, body, action="job.clone", kind=Job, origin=job_id)
    if (first := once.replayed()) is not None:
        return first
    with services.database.read() as session:
        row = jobs.get_job(session, caller.project_id, job_id)
        if row.kind != JobKind.DISTILLATION:
            message = f"job {row.id} {_INSTEAD[JobKind(row.kind)]} instead"
            raise Refused("not_clonable", message, kind="conflict")
        spec = merged(jobs.documents(session, row).spec, body)
    plan = planned(services.database, caller.project_id, spec)

    def make(session: Session) -> Job:
        origin = jobs.get_job(session, caller.project_id, job_id)
        found = jobs.create_job(
            session,
            project_id=caller.project_id,
            spec=spec,
            plan=plan.document,
            files=plan.files(session, caller.project_id),
            clone_of=origin.id,
            attempts_max=services.settings.max_attempts,
        )
        return resources.job(found)

    return once.create(make)
