"""Models that users bring or keep from their jobs: registered, shown, changed, deleted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session
from starlette.requests import Request

from api import keeping, origins
from api.auth import Reader, Writer
from api.brought import MODELS, Number, ThingQuery, imported
from api.docs import MODEL_BODY, MODEL_CHANGE_BODY, MODEL_VERSION_BODY, binary, problems
from api.idempotency import IdempotencyKey, Once
from api.jsonbody import JsonObject, SmallJsonObject
from api.model_orders import ModelChange, kept_order, model_order
from api.orders import VERSION_KNOWS
from api.paging import Paging
from api.resources import Model, ModelFile, ModelVersion, ModelVersionDetail, Page
from api.services import AppServices
from api.versions import IfMatch
from store import audit, model_registry

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", operation_id="listModels", responses=problems(422))
def list_models(caller: Reader, services: AppServices, query: Annotated[ThingQuery, Query()]) -> Page[Model]:
    """The project's models, newest first."""
    return MODELS.page(services, caller, query)


@router.post(
    "",
    operation_id="createModel",
    status_code=201,
    response_model=Model,
    responses=problems(404, 409, 413, 415, 422),
    openapi_extra=MODEL_BODY,
)
def create_model(
    caller: Writer, services: AppServices, request: Request, body: JsonObject, key: IdempotencyKey = None
) -> Response:
    """Register a model: files that a worker looks at first, or the student of a finished job, ready at once."""
    once = Once(services, caller, request, key, body, action="model.create", kind=Model)
    if (first := once.replayed()) is not None:
        return first
    if "from_job" in body:
        order = kept_order(body, named=True)
        return once.create(lambda session: keeping.kept_model(session, services, caller, order))
    options, brought = model_order(body)
    found = imported(services, brought.source)

    def make(session: Session) -> Model:
        whole = origins.whole_options(session, caller, options, brought)
        job, source = MODELS.inspect(session, services, caller, whole, brought.source, found)
        row = MODELS.create(session, services, caller, whole["name"], brought.description, whole["licence"])
        parents = origins.parents(session, caller, brought)
        model_registry.add_version(session, row, job, whole, source.described, parents)
        return MODELS.shown(session, [row])[0].waiting(job.resource_class)

    return once.create(make)


@router.get("/{model_id}", operation_id="getModel", responses=problems(404))
def get_model(caller: Reader, services: AppServices, response: Response, model_id: str) -> Model:
    """One model."""
    return MODELS.get(services, caller, response, model_id)


@router.patch(
    "/{model_id}",
    operation_id="changeModel",
    responses=problems(404, 409, 412, 413, 415, 422),
    openapi_extra=MODEL_CHANGE_BODY,
)
def change_model(
    caller: Writer,
    services: AppServices,
    response: Response,
    model_id: str,
    body: SmallJsonObject,
    version: IfMatch = None,
) -> Model:
    """Change its name, description or licence. What a version holds never changes: bring another one."""
    return MODELS.change(services, caller, response, model_id, ModelChange.of(body), version)


@router.delete("/{model_id}", operation_id="deleteModel", status_code=204, responses=problems(404, 409, 412))
def delete_model(caller: Writer, services: AppServices, model_id: str, version: IfMatch = None) -> None:
    """Delete a model with all its versions; refused while a job that has not ended uses one."""
    MODELS.delete(services, caller, model_id, version)


@router.get("/{model_id}/versions", operation_id="listModelVersions", responses=problems(404, 422))
def list_model_versions(caller: Reader, services: AppServices, model_id: str, query: Paging) -> Page[ModelVersion]:
    """Its versions, the newest first."""
    return MODELS.versions(services, caller, model_id, query)


@router.post(
    "/{model_id}/versions",
    operation_id="createModelVersion",
    status_code=201,
    response_model=ModelVersion,
    responses=problems(404, 409, 413, 415, 422),
    openapi_extra=MODEL_VERSION_BODY,
)
def create_model_version(
    caller: Writer,
    services: AppServices,
    request: Request,
    model_id: str,
    body: JsonObject,
    key: IdempotencyKey = None,
) -> Response:
    """Bring a further version: other files, or the student of another job."""
    once = Once(services, caller, request, key, body, action="model.version", kind=ModelVersion, origin=model_id)
    if (first := once.replayed()) is not None:
        return first
    if "from_job" in body:
        order = kept_order(body, named=False)
        return once.create(lambda session: keeping.kept_version(session, caller, model_id, order))
    with services.database.read() as session:
        row = MODELS.thing_row(session, caller, model_id)
    options, brought = model_order(body, {name: getattr(row, name) for name in VERSION_KNOWS})
    found = imported(services, brought.source)

    def make(session: Session) -> ModelVersion:
        whole = origins.whole_options(session, caller, options, brought)
        job, source = MODELS.inspect(session, services, caller, whole, brought.source, found)
        row = MODELS.thing_row(session, caller, model_id)
        parents = origins.parents(session, caller, brought)
        version = model_registry.add_version(session, row, job, whole, source.described, parents)
        return ModelVersion.of(version).waiting(job.resource_class)

    return once.create(make)


@router.get("/{model_id}/versions/{number}", operation_id="getModelVersion", responses=problems(404, 422))
def get_model_version(caller: Reader, services: AppServices, model_id: str, number: Number) -> ModelVersionDetail:
    """One version with its options, its card and what was found."""
    with services.database.read() as session:
        return ModelVersionDetail.of(MODELS.version_row(session, caller, model_id, number))


@router.delete(
    "/{model_id}/versions/{number}",
    operation_id="deleteModelVersion",
    status_code=204,
    responses=problems(404, 409, 422),
)
def delete_model_version(caller: Writer, services: AppServices, model_id: str, number: Number) -> None:
    """Delete a version; refused for the only one, one that an alias names, and while a job uses it."""
    with services.database.write() as session:
        row = MODELS.thing_row(session, caller, model_id)
        model_registry.delete_version(session, row, number)
        audit.note(session, caller.actor, "model.delete_version", model_id, {"number": number})


@router.get("/{model_id}/versions/{number}/files", operation_id="listModelFiles", responses=problems(404, 422))
def list_model_files(
    caller: Reader, services: AppServices, model_id: str, number: Number, query: Paging
) -> Page[ModelFile]:
    """The files of a version by their paths."""
    return MODELS.files(services, caller, model_id, number, query)


@router.head("/{model_id}/versions/{number}/files/{path:path}", include_in_schema=False)
@router.get(
    "/{model_id}/versions/{number}/files/{path:path}",
    operation_id="getModelFile",
    response_class=Response,
    responses=binary("application/octet-stream", ranges=True) | problems(404, 412, 416, 422),
)
def get_model_file(
    caller: Reader, services: AppServices, request: Request, model_id: str, number: Number, path: str
) -> Response:
    """The bytes of a file, whole or a range; its ETag is its sha256."""
    return MODELS.content(services, caller, request, model_id, number, path)
