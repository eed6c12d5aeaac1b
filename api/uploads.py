"""Files that users bring: begun, filled part by part, completed; or put at once when they are small."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api import limits, resources
from api.auth import Caller, Reader, Writer
from api.bodies import Completion, FileName, UploadOrder
from api.content import Content, content_response
from api.docs import BYTES_BODY, COMPLETION_BODY, UPLOAD_BODY, binary, problems
from api.errors import Fault, Refused
from api.idempotency import IdempotencyKey, Once
from api.jsonbody import SmallJsonObject
from api.paging import PageQuery, Paging, page_of
from api.receiving import digest_header, received
from api.resources import Page, Upload, UploadPart
from api.services import AppServices, Services
from store import audit, uploads
from store.errors import Conflict
from store.uploads import tree_digest

router = APIRouter(prefix="/v1", tags=["uploads"])

Number = Annotated[int, Path(ge=1, le=uploads.PARTS_MAX, description="from 1")]


_THERE: dict[int | str, dict[str, Any]] = {200: {"description": "the project has this file already", "model": Upload}}


class UploadQuery(PageQuery):
    """Filters of uploads."""

    status: Literal["open", "complete"] | None = Field(None, description="only these")
    name: str | None = Field(None, max_length=200, description="exactly so called")


@router.get("/uploads", operation_id="listUploads", responses=problems(422))
def list_uploads(caller: Reader, services: AppServices, query: Annotated[UploadQuery, Query()]) -> Page[Upload]:
    """The project's uploads, the newest first."""
    with services.database.read() as session:
        page = uploads.list_uploads(session, caller.project_id, **query.model_dump())
        data = [resources.upload(row) for row in page.items]
    return Page(data=data, has_more=page.has_more, next_cursor=page.next_cursor)


@router.post(
    "/uploads",
    operation_id="createUpload",
    status_code=201,
    response_model=Upload,
    responses=problems(409, 413, 415, 422),
    openapi_extra=UPLOAD_BODY,
)
def create_upload(
    caller: Writer, services: AppServices, request: Request, body: SmallJsonObject, key: IdempotencyKey = None
) -> Response:
    """Begin an upload. Then send its parts, in any order and several at a time, and complete it."""
    once = Once(services, caller, request, key, body, action="upload.create", kind=Upload)
    if (first := once.replayed()) is not None:
        return first
    order = UploadOrder.of(body)
    name, size, part_bytes = order["name"], order["bytes"], order["part_bytes"]
    _check_size(services, size)
    hours = services.settings.upload_hours

    def make(session: Session) -> Upload:
        return resources.upload(uploads.begin(session, caller.project_id, name, size, part_bytes, hours=hours))

    return once.create(make)


class FileQuery(BaseModel):
    """How a file is called."""

    model_config = ConfigDict(extra="forbid")

    name: FileName


@router.put(
    "/uploads:file",
    operation_id="putFile",
    status_code=201,
    response_model=Upload,
    responses=_THERE | problems(408, 411, 413, 422),
    openapi_extra=BYTES_BODY,
)
async def put_file(
    caller: Writer, services: AppServices, request: Request, query: Annotated[FileQuery, Query()]
) -> Response:
    """A small file in one request: an upload of one part, complete at once; the same file again is the same upload."""
    size = _declared(request)
    if size > limits.PART_BYTES_MAX:
        raise Refused(
            "body_too_large", f"{limits.PART_BYTES_MAX} bytes at most in one request; begin an upload instead"
        )
    _check_size(services, size)
    async with received(request, services, size) as (path, sha256):
        await to_thread.run_sync(services.files.take, path, sha256)
        upload, is_new = await to_thread.run_sync(_whole, services, caller, query.name, size, sha256)
    headers = {"Location": upload.location}
    return Response(upload.model_dump_json(), 201 if is_new else 200, headers=headers, media_type="application/json")


def _whole(services: Services, caller: Caller, name: str, size: int, sha256: str) -> tuple[Upload, bool]:
    digest = tree_digest([sha256])
    with services.database.write() as session:
        page = uploads.list_uploads(session, caller.project_id, limit=100, status=uploads.COMPLETE, name=name)
        for row in page.items:
            if (row.digest, row.bytes) == (digest, size):
                return resources.upload(row), False
        part_bytes, hours = max(size, limits.PART_BYTES_MIN), services.settings.upload_hours
        row = uploads.begin(session, caller.project_id, name, size, part_bytes, hours=hours)
        uploads.add_part(session, row, 1, sha256)
        uploads.complete(session, row)
        audit.note(session, caller.actor, "upload.create", row.id)
        return resources.upload(row), True


@router.get("/uploads/{upload_id}", operation_id="getUpload", responses=problems(404))
def get_upload(caller: Reader, services: AppServices, upload_id: str) -> Upload:
    """One upload."""
    with services.database.read() as session:
        return resources.upload(uploads.get_upload(session, caller.project_id, upload_id))


@router.get("/uploads/{upload_id}/parts", operation_id="listUploadParts", responses=problems(404, 422))
def list_upload_parts(caller: Reader, services: AppServices, upload_id: str, query: Paging) -> Page[UploadPart]:
    """The parts that have come, by number: what is not here is to be sent."""
    with services.database.read() as session:
        data = [resources.upload_part(row) for row in uploads.get_upload(session, caller.project_id, upload_id).parts]
    return page_of(data, lambda part: str(part.number), query)


@router.put(
    "/uploads/{upload_id}/parts/{number}",
    operation_id="putUploadPart",
    responses=problems(404, 408, 409, 413, 422),
    openapi_extra=BYTES_BODY,
)
async def put_upload_part(
    caller: Writer, services: AppServices, request: Request, upload_id: str, number: Number
) -> UploadPart:
    """Send a part's bytes. To send one again changes nothing, or replaces it when its bytes are others."""
    digest_header(request)
    size = await to_thread.run_sync(_size_of_part, services, caller, upload_id, number)
    async with received(request, services, size) as (path, sha256):
        await to_thread.run_sync(services.files.take, path, sha256)
        return await to_thread.run_sync(_add, services, caller, upload_id, number, sha256)


def _size_of_part(services: Services, caller: Caller, upload_id: str, number: int) -> int:
    with services.database.read() as session:
        upload = uploads.get_upload(session, caller.project_id, upload_id)
        if upload.status != uploads.OPEN:
            raise Conflict("upload_complete", f"Upload {upload_id} is complete; begin another one.")
        return uploads.part_size(upload, number)


def _add(services: Services, caller: Caller, upload_id: str, number: int, sha256: str) -> UploadPart:
    with services.database.write() as session:
        upload = uploads.get_upload(session, caller.project_id, upload_id)
        return resources.upload_part(uploads.add_part(session, upload, number, sha256))


@router.post(
    "/uploads/{upload_id}/complete",
    operation_id="completeUpload",
    responses=problems(404, 409, 413, 415, 422),
    openapi_extra=COMPLETION_BODY,
)
def complete_upload(caller: Writer, services: AppServices, upload_id: str, body: SmallJsonObject) -> Upload:
    """End an upload whose parts have all come. Nothing is read again; one that is complete stays so."""
    digest = Completion.of(body)["digest"]
    with services.database.write() as session:
        row = uploads.get_upload(session, caller.project_id, upload_id)
        was_open = row.status == uploads.OPEN
        found = resources.upload(uploads.complete(session, row, digest))
        if was_open:
            audit.note(session, caller.actor, "upload.complete", upload_id)
        return found


@router.delete("/uploads/{upload_id}", operation_id="deleteUpload", status_code=204, responses=problems(404))
def delete_upload(caller: Writer, services: AppServices, upload_id: str) -> None:
    """Forget an upload and what has come of it."""
    with services.database.write() as session:
        row = uploads.get_upload(session, caller.project_id, upload_id)
        audit.note(session, caller.actor, "upload.delete", upload_id, {"name": row.name})
        uploads.delete(session, row)


@router.head("/uploads/{upload_id}/content", include_in_schema=False)
@router.get(
    "/uploads/{upload_id}/content",
    operation_id="getUploadContent",
    response_class=Response,
    responses=binary("application/octet-stream", ranges=True) | problems(404, 409, 412, 416),
)
def get_upload_content(caller: Reader, services: AppServices, request: Request, upload_id: str) -> Response:
    """The bytes of a complete upload, whole or a range; its ETag is its digest."""
    with services.database.read() as session:
        row = uploads.get_upload(session, caller.project_id, upload_id)
        parts = list(row.parts)
    if row.digest is None or row.completed_at is None:
        raise Conflict("upload_open", f"Upload {upload_id} is not complete.")
    content = Content(row.name, row.digest, row.bytes, "application/octet-stream", row.completed_at, in_parts=True)
    return content_response(request, content, lambda start, end: uploads.read(services.files, parts, start, end))


def _declared(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    if not declared.isdecimal():
        raise Refused("length_required", "say the number of bytes in Content-Length")
    return int(declared)


def _check_size(services: Services, size: int) -> None:
    most = services.settings.upload_bytes
    if size > most:
        fault = Fault(pointer="/bytes", code="too_large", detail=f"{most} bytes at most")
        raise Refused("invalid_request", "the service does not take files of that size", errors=[fault])
