"""Datasets that users bring: registered, inspected by a worker, shown, changed, deleted."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session
from starlette.requests import Request

from api import resources
from api.auth import Reader, Writer
from api.brought import DATASETS, Number, ThingQuery, imported
from api.docs import DATASET_BODY, DATASET_CHANGE_BODY, DATASET_VERSION_BODY, binary, problems
from api.errors import Refused
from api.idempotency import IdempotencyKey, Once
from api.jsonbody import JsonObject
from api.orders import VERSION_KNOWS, DatasetChange, dataset_order
from api.paging import Paging
from api.resources import Dataset, DatasetFile, DatasetVersion, DatasetVersionDetail, Page, Sample
from api.resources.base import AnyJson
from api.services import AppServices
from api.versions import IfMatch
from kdcore.spec.bringing import Bringing
from store import audit, registry
from store.models import DatasetVersion as VersionRow

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

SAMPLES = "preview/samples.json"
SAMPLES_BYTES = 4 * 1024**2


@router.get("", operation_id="listDatasets", responses=problems(422))
def list_datasets(caller: Reader, services: AppServices, query: Annotated[ThingQuery, Query()]) -> Page[Dataset]:
    """The project's datasets, newest first; those that are built in have a list of their own."""
    return DATASETS.page(services, caller, query)


@router.post(
    "",
    operation_id="createDataset",
    status_code=201,
    response_model=Dataset,
    responses=problems(409, 413, 415, 422),
    openapi_extra=DATASET_BODY,
)
def create_dataset(
    caller: Writer, services: AppServices, request: Request, body: JsonObject, key: IdempotencyKey = None
) -> Response:
    """Register a dataset with its first version, which a worker inspects before a job can use it."""
    once = Once(services, caller, request, key, body, action="dataset.create", kind=Dataset)
    if (first := once.replayed()) is not None:
        return first
    options, brought = dataset_order(body)
    document, found = _document(options), imported(services, brought.source)

    def make(session: Session) -> Dataset:
        job, source = DATASETS.inspect(session, services, caller, document, brought.source, found)
        row = DATASETS.create(session, services, caller, options.name, brought.description, options.licence)
        registry.add_version(session, DATASETS.shelf, row, job, document, source.described)
        return resources.dataset(row).waiting(job.resource_class)

    return once.create(make)


@router.get("/{dataset_id}", operation_id="getDataset", responses=problems(404))
def get_dataset(caller: Reader, services: AppServices, response: Response, dataset_id: str) -> Dataset:
    """One dataset."""
    return DATASETS.get(services, caller, response, dataset_id)


@router.patch(
    "/{dataset_id}",
    operation_id="changeDataset",
    responses=problems(404, 409, 412, 413, 415, 422),
    openapi_extra=DATASET_CHANGE_BODY,
)
def change_dataset(
    caller: Writer,
    services: AppServices,
    response: Response,
    dataset_id: str,
    body: JsonObject,
    version: IfMatch = None,
) -> Dataset:
    """Change its name, description or licence. What a version holds never changes: bring another one."""
    return DATASETS.change(services, caller, response, dataset_id, DatasetChange.of(body), version)


@router.delete("/{dataset_id}", operation_id="deleteDataset", status_code=204, responses=problems(404, 409, 412))
def delete_dataset(caller: Writer, services: AppServices, dataset_id: str, version: IfMatch = None) -> None:
    """Delete a dataset with all its versions; refused while a job that has not ended uses one."""
    DATASETS.delete(services, caller, dataset_id, version)


@router.get("/{dataset_id}/versions", operation_id="listDatasetVersions", responses=problems(404, 422))
def list_dataset_versions(
    caller: Reader, services: AppServices, dataset_id: str, query: Paging
) -> Page[DatasetVersion]:
    """Its versions, the newest first."""
    return DATASETS.versions(services, caller, dataset_id, query)


@router.post(
    "/{dataset_id}/versions",
    operation_id="createDatasetVersion",
    status_code=201,
    response_model=DatasetVersion,
    responses=problems(404, 409, 413, 415, 422),
    openapi_extra=DATASET_VERSION_BODY,
)
def create_dataset_version(
    caller: Writer,
    services: AppServices,
    request: Request,
    dataset_id: str,
    body: JsonObject,
    key: IdempotencyKey = None,
) -> Response:
    """Bring a further version: other files, or the same in another way."""
    once = Once(services, caller, request, key, body, action="dataset.version", kind=DatasetVersion, origin=dataset_id)
    if (first := once.replayed()) is not None:
        return first
    with services.database.read() as session:
        row = DATASETS.thing_row(session, caller, dataset_id)
    options, brought = dataset_order(body, {name: getattr(row, name) for name in VERSION_KNOWS})
    document, found = _document(options), imported(services, brought.source)

    def make(session: Session) -> DatasetVersion:
        job, source = DATASETS.inspect(session, services, caller, document, brought.source, found)
        row = DATASETS.thing_row(session, caller, dataset_id)
        version = registry.add_version(session, DATASETS.shelf, row, job, document, source.described)
        return DatasetVersion.of(version).waiting(job.resource_class)

    return once.create(make)


@router.get("/{dataset_id}/versions/{number}", operation_id="getDatasetVersion", responses=problems(404, 422))
def get_dataset_version(caller: Reader, services: AppServices, dataset_id: str, number: Number) -> DatasetVersionDetail:
    """One version with its options and its card."""
    with services.database.read() as session:
        return DatasetVersionDetail.of(DATASETS.version_row(session, caller, dataset_id, number))


@router.delete(
    "/{dataset_id}/versions/{number}",
    operation_id="deleteDatasetVersion",
    status_code=204,
    responses=problems(404, 409, 422),
)
def delete_dataset_version(caller: Writer, services: AppServices, dataset_id: str, number: Number) -> None:
    """Delete a version; refused for the only one, and while a job that has not ended uses it."""
    with services.database.write() as session:
        row = DATASETS.thing_row(session, caller, dataset_id)
        registry.delete_version(session, DATASETS.shelf, row, number)
        audit.note(session, caller.actor, "dataset.delete_version", dataset_id, {"number": number})


@router.get(
    "/{dataset_id}/versions/{number}/report",
    operation_id="getDatasetReport",
    responses=problems(404, 409, 422),
)
def get_dataset_report(caller: Reader, services: AppServices, dataset_id: str, number: Number) -> AnyJson:
    """What the inspection found: counts, classes, twins within and across splits, faults by item, warnings."""
    with services.database.read() as session:
        version = DATASETS.version_row(session, caller, dataset_id, number)
    if version.report is None:
        raise _not_ready(version, "report")
    return version.report


@router.get(
    "/{dataset_id}/versions/{number}/samples",
    operation_id="listDatasetSamples",
    responses=problems(404, 409, 422),
)
def list_dataset_samples(caller: Reader, services: AppServices, dataset_id: str, number: Number) -> Page[Sample]:
    """A few examples of each split to look at."""
    with services.database.read() as session:
        version = DATASETS.version_row(session, caller, dataset_id, number)
        stored = {
            file.path: file for file in registry.files(session, DATASETS.shelf, version) if file.role == "preview"
        }
    if SAMPLES not in stored:
        raise _not_ready(version, "samples")
    text = b"".join(services.files.open(stored[SAMPLES].key, 0, SAMPLES_BYTES))
    base = DatasetVersion.path(dataset_id, number, "files", "preview")
    return Page(data=[_sample(base, record) for record in json.loads(text)])


@router.get("/{dataset_id}/versions/{number}/files", operation_id="listDatasetFiles", responses=problems(404, 422))
def list_dataset_files(
    caller: Reader, services: AppServices, dataset_id: str, number: Number, query: Paging
) -> Page[DatasetFile]:
    """The files of a version by their paths."""
    return DATASETS.files(services, caller, dataset_id, number, query)


@router.head("/{dataset_id}/versions/{number}/files/{path:path}", include_in_schema=False)
@router.get(
    "/{dataset_id}/versions/{number}/files/{path:path}",
    operation_id="getDatasetFile",
    response_class=Response,
    responses=binary("application/octet-stream", ranges=True) | problems(404, 412, 416, 422),
)
def get_dataset_file(
    caller: Reader, services: AppServices, request: Request, dataset_id: str, number: Number, path: str
) -> Response:
    """The bytes of a file, whole or a range; its ETag is its sha256."""
    return DATASETS.content(services, caller, request, dataset_id, number, path)


def _document(options: Bringing) -> dict[str, Any]:
    return options.model_dump(mode="json", by_alias=True)


def _sample(base: str, record: dict[str, Any]) -> Sample:
    picture = record.get("picture")
    return Sample(**record, url=None if picture is None else f"{base}/{picture}")


def _not_ready(version: VersionRow, what: str) -> Refused:
    state = f"version {version.number} of {version.dataset_id} is {version.status}"
    remedy = f"see its inspection, /v1/jobs/{version.job_id}"
    return Refused("not_ready", f"{state} and has no {what}; {remedy}", kind="conflict")
