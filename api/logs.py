"""Structured logs: one line a request with its id, and no line that shows a key."""

from __future__ import annotations

import logging
import re
import sys
import time
import uuid
from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Refused, problem_response

log = structlog.stdlib.get_logger("api")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_SECRET = re.compile(r"\b(dk|whsec)_[A-Za-z0-9_-]{4,}")


def _hide(value: Any) -> Any:
    return _SECRET.sub(r"\1_...", value) if isinstance(value, str) else value


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor that blanks whatever looks like a key, tracebacks included."""
    for name, value in event.items():
        event[name] = _hide(value)
    return event


def configure(level: str = "INFO") -> None:
    """Send our logs and those of the libraries to stderr: lines of JSON, or colours on a terminal."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    terminal = sys.stderr.isatty()
    # Never the renderer's own tracebacks: they show the values of variables, keys among them.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer = plain if terminal else structlog.processors.JSONRenderer()
    last: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    last += [structlog.processors.format_exc_info, hide_secrets, renderer]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class RequestLog:
    """Names each request, logs how it ended, and answers what nobody caught with a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        status = 0
        began = time.perf_counter()
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, named)
            except Exception:
                log.exception("request failed", method=scope["method"], path=scope["path"])
                if status:
                    raise
                refused = Refused("internal", "the service failed; its log has the reason under this request_id")
                await problem_response(scope, refused)(scope, receive, named)
            finally:
                _log_end(scope, status, time.perf_counter() - began)


def _log_end(scope: Scope, status: int, seconds: float) -> None:
    """Only the path is logged: queries may hold what a user typed."""
    write = log.debug if scope["path"] in ("/healthz", "/readyz") else log.info
    milliseconds = round(seconds * 1000, 1)
    write("request", method=scope["method"], path=scope["path"], status=status, ms=milliseconds)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else f"req_{uuid.uuid4().hex}"
