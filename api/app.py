"""The application: routes, what stands before them, and how errors leave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from api import (
    actions,
    aliases,
    artifacts,
    catalogue,
    changes,
    checkpoints,
    datasets,
    docs,
    events,
    health,
    jobs,
    keys,
    metrics,
    models,
    monitors,
    pages,
    projects,
    session,
    studies,
    study_actions,
    telemetry,
    uploads,
    webhooks,
    weights,
    workers,
)
from api.edge import Gate, SecurityHeaders
from api.errors import Fault, Refused, problem_response
from api.logs import RequestLog
from api.services import running
from api.telemetry import Observed, Requests
from store.errors import Conflict, FileMissing, FilesError, FilesFull, Invalid, NotFound, StoreError
from store.settings import Settings
from store.settings import settings as process_settings

log = structlog.stdlib.get_logger("api")

ROUTERS = (
    jobs,
    actions,
    changes,
    checkpoints,
    events,
    metrics,
    artifacts,
    catalogue,
    workers,
    studies,
    study_actions,
    uploads,
    datasets,
    models,
    aliases,
    monitors,
    weights,
    keys,
    projects,
    webhooks,
    session,
    health,
    telemetry,
    pages,
)

DESCRIPTION = "Managed knowledge distillation: submit a job, follow it, download a small model with its proof."


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application for these settings (the process's own when left out); opens nothing until it is started."""
    chosen, requests = settings or process_settings(), Requests()
    app = FastAPI(
        title="Distillery",
        version=version("distillery"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=partial(_lifespan, settings=chosen),
        middleware=[
            Middleware(Observed, requests=requests),
            Middleware(SecurityHeaders),
            Middleware(RequestLog),
            Middleware(Gate, allowed_hosts=chosen.allowed_hosts),
        ],
    )
    app.state.requests = requests
    for module in ROUTERS:
        app.include_router(module.router)
    app.router.default = pages.Pages()
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, _answering(handler))
    app.openapi = partial(docs.openapi, app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI, settings: Settings) -> AsyncIterator[None]:
    async with running(app, settings):
        yield


def _allowed(request: Request) -> str:
    """Methods that the address takes, by whichever route: the framework only names those of the first that fits."""
    every = (route for module in ROUTERS for route in module.router.routes)
    fits = (route for route in every if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for route in fits for method in getattr(route, "methods", None) or ()}))


def _http(error: HTTPException) -> Refused:
    """Errors of the frameworks; the status says all that they know."""
    headers = error.headers or {}
    if error.status_code == 404:
        return Refused("not_found", "there is nothing at this address; /openapi.json lists what there is")
    if error.status_code == 405:
        return Refused("method_not_allowed", "this address takes other methods, as Allow says", headers=headers)
    code = "bad_request" if error.status_code < 500 else "internal"
    return Refused(code, str(error.detail), headers=headers)


def _validation(error: RequestValidationError) -> Refused:
    faults = [_parameter_fault(detail) for detail in error.errors()]
    return Refused("invalid_request", "a parameter is not acceptable", errors=faults)


def _parameter_fault(detail: dict[str, Any]) -> Fault:
    _, *rest = detail["loc"]
    code = "unknown_parameter" if detail["type"] == "extra_forbidden" else "invalid_value"
    shown = "" if detail["type"] == "missing" else f" (got {str(detail.get('input'))[:60]!r})"
    return Fault(parameter=".".join(map(str, rest))[:100], code=code, detail=f"{detail['msg']}{shown}")


def _store(error: StoreError) -> Refused:
    """What the store refuses, by its type."""
    if isinstance(error, NotFound):
        return Refused(error.code, error.message, kind="not_found")
    if isinstance(error, Conflict):
        waiting = {"Retry-After": "1"} if error.code == "idempotency_key_in_use" else {}
        return Refused(error.code, error.message, kind="conflict", headers=waiting)
    if isinstance(error, Invalid):
        kind = "idempotency_mismatch" if error.code == "idempotency_key_reused" else "invalid_request"
        where, _, detail = error.message.partition(": ")
        place = {"pointer" if where.startswith("/") else "parameter": where}
        fault = Fault(**place, code=error.code, detail=detail)
        return Refused(error.code, error.message, kind=kind, errors=[fault])
    log.error("store failed", code=error.code, error=error.message)
    if isinstance(error, FileMissing):
        return Refused("file_missing", "the stored file is gone; retry the job to make it again", kind="gone")
    if isinstance(error, FilesFull):
        return Refused("disk_full", error.message, kind="unavailable", headers={"Retry-After": "60"})
    if isinstance(error, FilesError):
        return Refused("files_unavailable", "the store of files does not answer", kind="unavailable")
    return Refused("internal", "the service failed; its log has the reason under this request_id")


def _database(error: Exception) -> Refused:
    log.error("database failed", error=str(error))
    message = "the database does not answer; try again, and see /readyz"
    return Refused("database_unavailable", message, kind="unavailable", headers={"Retry-After": "2"})


HANDLERS: dict[type[Exception], Callable[[Any], Refused]] = {
    Refused: lambda refused: refused,
    HTTPException: _http,
    RequestValidationError: _validation,
    StoreError: _store,
    OperationalError: _database,
    PoolTimeout: _database,
}


def _answering(refusal: Callable[[Any], Refused]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        refused = refusal(error)
        if refused.kind.status == 405:
            refused.headers["Allow"] = _allowed(request)
        return problem_response(request.scope, refused)

    return answer
