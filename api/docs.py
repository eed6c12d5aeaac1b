"""The OpenAPI document: every operation with its refusals, its security and the schema of the spec."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.bodies import (
    Completion,
    EndpointChange,
    EndpointOrder,
    JobChange,
    KeyOrder,
    ProjectChange,
    ProjectOrder,
    Rotation,
    StudyApproval,
    StudyChange,
    UploadOrder,
)
from api.errors import KINDS, PROBLEM_TYPE, Problem
from api.examples import example_of
from api.model_orders import AliasOrder, ModelChange, model_schemas
from api.monitor_orders import MonitorChange, MonitorOrder
from api.orders import DatasetChange, dataset_schemas
from kdcore.spec import JobSpec
from kdcore.spec.studies.pilotspec import PilotSpec
from kdcore.spec.studies.ranking import RankingSpec
from kdcore.spec.studies.spec import StudySpec

PUBLIC: dict[str, Any] = {"security": []}
"""For operations that need no key."""

_REFERENCE = "#/components/schemas/{model}"
_TITLES = {kind.status: (code, kind.title) for code, kind in reversed(KINDS.items())}

SECURITY_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "an API key, dk_..."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "distillery_session_8400",
        "description": "the dashboard's session, named by the port; changes also need its token in X-CSRF-Token",
    },
}

SPEC_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": _REFERENCE.format(model="JobSpec")},
                "example": {
                    "name": "digits-hints",
                    "dataset": {"name": "digits"},
                    "teacher": {"architecture": "resnet20", "train": {"epochs": 12}},
                    "student": {"architecture": "resnet8", "width": 0.5},
                    "method": "fitnet",
                    "training": {"epochs": 20, "batch_size": 64},
                },
            }
        },
    }
}


def _body(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


CHANGE_BODY = _body({"$ref": _REFERENCE.format(model="JobChange")}, {"labels": {"team": "edge", "old": None}})
CLONE_BODY = _body(
    {"type": "object", "description": "a JSON merge patch (RFC 7396) of the spec; {} clones it as it is"},
    {"name": "digits-hints, longer", "training": {"epochs": 40}},
)

STUDY_BODY = _body(
    {"anyOf": [{"$ref": _REFERENCE.format(model=model)} for model in ("StudySpec", "PilotSpec", "RankingSpec")]},
    {
        "name": "digits-methods",
        "question": "which method?",
        "base": {
            "dataset": {"name": "digits"},
            "teacher": {"architecture": "resnet20", "train": {"epochs": 12}},
            "student": {"architecture": "resnet8", "width": 0.5},
            "training": {"epochs": 20},
        },
        "arms": [
            {"name": "alone", "changes": {"method": "student-alone", "teacher": None}},
            {"name": "hinton", "changes": {"method": "hinton"}},
            {"name": "fitnet", "changes": {"method": "fitnet"}},
        ],
        "seeds": 5,
        "reference": "alone",
    },
)
STUDY_CHANGE_BODY = _body(
    {"$ref": _REFERENCE.format(model="StudyChange")}, {"question": "which method, and is it luck?"}
)

STUDY_APPROVAL_BODY = _body({"$ref": _REFERENCE.format(model="StudyApproval")}, {"plan": "standard"})

KEY_BODY = _body({"$ref": _REFERENCE.format(model="KeyOrder")}, {"name": "line 3", "scopes": ["jobs:read"]})
ROTATION_BODY = _body({"$ref": _REFERENCE.format(model="Rotation")}, {"overlap_hours": 24})

PROJECT_BODY = _body({"$ref": _REFERENCE.format(model="ProjectOrder")}, {"name": "line 3", "concurrency": 2})
PROJECT_CHANGE_BODY = _body(
    {"$ref": _REFERENCE.format(model="ProjectChange")}, {"month_hours": 200, "concurrency": None}
)

ENDPOINT_BODY = _body(
    {"$ref": _REFERENCE.format(model="EndpointOrder")},
    {"name": "line 3", "url": "https://example.com/hooks/distillery", "events": ["job.succeeded", "job.failed"]},
)
ENDPOINT_CHANGE_BODY = _body({"$ref": _REFERENCE.format(model="EndpointChange")}, {"enabled": False})

UPLOAD_BODY = _body({"$ref": _REFERENCE.format(model="UploadOrder")}, {"name": "scans.zip", "bytes": 73_400_320})
COMPLETION_BODY = _body({"$ref": _REFERENCE.format(model="Completion")}, {})
DATASET_BODY = _body(
    {"$ref": _REFERENCE.format(model="DatasetOrder")},
    {
        "name": "scans",
        "format": "image-folder",
        "licence": "CC-BY-4.0",
        "quarantine": True,
        "source": {"uploads": ["up_01k8t2v4x6a8c0e2g4h6j8k0m2"]},
    },
)
DATASET_VERSION_BODY = _body(
    {"$ref": _REFERENCE.format(model="DatasetVersionOrder")},
    {"format": "image-folder", "source": {"import": "lake/scans/2026"}},
)
DATASET_CHANGE_BODY = _body({"$ref": _REFERENCE.format(model="DatasetChange")}, {"description": "line 3, 2026"})
MODEL_BODY = _body(
    {"$ref": _REFERENCE.format(model="ModelOrder")},
    {
        "name": "teacher-20",
        "format": "weights",
        "architecture": "resnet20",
        "options": {"shortcut": "pad"},
        "source": {"uploads": ["up_01k8t2v4x6a8c0e2g4h6j8k0m2"]},
    },
)
MODEL_VERSION_BODY = _body(
    {"$ref": _REFERENCE.format(model="ModelVersionOrder")}, {"from_job": "job_01k8t2v4x6a8c0e2g4h6j8k0m2"}
)
MODEL_CHANGE_BODY = _body({"$ref": _REFERENCE.format(model="ModelChange")}, {"description": "line 3, 2026"})
MONITOR_BODY = _body(
    {"$ref": _REFERENCE.format(model="MonitorOrder")},
    {
        "name": "line 3",
        "job": "job_01k8t2v4x6a8c0e2g4h6j8k0m2",
        "dataset": "ds_01k8t2v4x6a8c0e2g4h6j8k0m2",
        "every_hours": 24,
        "drift": {"distance": "mmd", "threshold": 2},
        "then": "propose",
    },
)
MONITOR_CHANGE_BODY = _body({"$ref": _REFERENCE.format(model="MonitorChange")}, {"every_hours": 168})
ALIAS_BODY = _body({"$ref": _REFERENCE.format(model="AliasOrder")}, {"version": 3})
BYTES_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "description": "the bytes; none where there are none to send",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    "parameters": [
        {
            "name": "Content-Digest",
            "in": "header",
            "required": True,
            "description": "sha-256=:<base64>: of the body (RFC 9530)",
            "schema": {"type": "string"},
            "example": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
        }
    ],
}

LABEL_FILTER: dict[str, Any] = {
    "parameters": [
        {
            "name": "label",
            "in": "query",
            "description": "label.<key>=<value>, for each label that the jobs must have",
            "style": "form",
            "explode": True,
            "schema": {"type": "object", "additionalProperties": {"type": "string"}},
            "example": {"label.team": "vision"},
        }
    ]
}


BODIES = (
    JobSpec,
    StudySpec,
    PilotSpec,
    RankingSpec,
    StudyApproval,
    StudyChange,
    JobChange,
    KeyOrder,
    Rotation,
    ProjectOrder,
    ProjectChange,
    EndpointOrder,
    EndpointChange,
    UploadOrder,
    Completion,
    DatasetChange,
    ModelChange,
    AliasOrder,
    MonitorOrder,
    MonitorChange,
    Problem,
)
"""Models that no signature shows: bodies are read by us, and refusals are sent by us."""


def binary(media_type: str, *, ranges: bool = False) -> dict[int | str, dict[str, Any]]:
    """The documented answers of an operation that sends bytes."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    found: dict[int | str, dict[str, Any]] = {200: {"description": "the bytes", "content": content}}
    if ranges:
        found[206] = {"description": "the range asked for", "content": content}
        found[307] = {"description": "the bytes are at this address for some minutes"}
    return found | {304: {"description": "you have these bytes"}}


def text_answer() -> dict[int | str, dict[str, Any]]:
    """The documented answer of an operation that sends text."""
    return {200: {"description": "the text", "content": {"text/plain": {"schema": {"type": "string"}}}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented refusals of an operation, beside those that every operation has."""
    return {status: _documented(status) for status in statuses}


def _documented(status: int) -> dict[str, Any]:
    code, title = _TITLES[status]
    example = {
        "type": f"urn:distillery:problem:{code}",
        "title": title,
        "status": status,
        "detail": "what was wrong this time, and the remedy",
        "code": code,
        "request_id": "req_2f6c3b0e7c0f4c0c9d3f1f1a5a0e7b11",
        "errors": [],
    }
    media = {"schema": {"$ref": _REFERENCE.format(model="Problem")}, "example": example}
    return {"description": title, "content": {PROBLEM_TYPE: media}}


def openapi(app: FastAPI) -> dict[str, Any]:
    """The document; made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _complete(document)
        app.openapi_schema = document
    return app.openapi_schema


def _complete(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in BODIES:
        schema = model.model_json_schema(by_alias=True, ref_template=_REFERENCE)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    schemas.update(dataset_schemas(_REFERENCE))
    schemas.update(model_schemas(_REFERENCE))
    document["components"]["securitySchemes"] = SECURITY_SCHEMES
    document["security"] = [{"key": []}, {"session": []}]
    for path in document["paths"].values():
        for operation in path.values():
            _complete_operation(operation)
            _show(operation, schemas)


def _show(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """An example of each answer that has none."""
    for status, response in operation["responses"].items():
        media = response.get("content", {}).get("application/json")
        if status.startswith("2") and media is not None and "example" not in media:
            media["example"] = example_of(media["schema"], schemas)


def _complete_operation(operation: dict[str, Any]) -> None:
    """What every operation can answer; a 422 that FastAPI describes by itself is none that we send."""
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    common = (400, 429, 500, 503) if operation.get("security") == [] else (400, 401, 403, 429, 500, 503)
    for status in common:
        responses.setdefault(str(status), _documented(status))
    operation["responses"] = dict(sorted(responses.items()))
