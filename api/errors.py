"""Every refusal is a type with a code, and leaves as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, Field
from starlette.responses import Response
from starlette.types import Scope

PROBLEM_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """What a code means: its HTTP status and a title that never changes."""

    status: int
    title: str


KINDS: dict[str, Kind] = {
    "bad_request": Kind(400, "The request cannot be understood"),
    "host_not_allowed": Kind(400, "This host name is not served here"),
    "invalid_json": Kind(400, "The body is not acceptable JSON"),
    "authentication_required": Kind(401, "No valid key or session"),
    "insufficient_scope": Kind(403, "The key may not do this"),
    "cross_origin": Kind(403, "Requests from other sites are refused"),
    "csrf_failed": Kind(403, "The session's CSRF token is missing or wrong"),
    "not_found": Kind(404, "Not found"),
    "method_not_allowed": Kind(405, "This path does not take that method"),
    "request_timeout": Kind(408, "The body came too slowly"),
    "conflict": Kind(409, "The state does not allow this"),
    "gone": Kind(410, "No longer available"),
    "length_required": Kind(411, "The length must be said beforehand"),
    "precondition_failed": Kind(412, "The resource is not the one you named"),
    "body_too_large": Kind(413, "The body is too large"),
    "unsupported_media_type": Kind(415, "The body must be JSON"),
    "range_not_satisfiable": Kind(416, "The range lies outside the content"),
    "invalid_request": Kind(422, "A parameter is not acceptable"),
    "invalid_spec": Kind(422, "The spec cannot become a plan"),
    "idempotency_mismatch": Kind(422, "The idempotency key belongs to another request"),
    "rate_limited": Kind(429, "Too many requests"),
    "internal": Kind(500, "The service failed"),
    "unavailable": Kind(503, "A part of the service is unavailable"),
}


class Fault(BaseModel):
    """One thing wrong with a request: in the body at ``pointer``, or in ``parameter``."""

    pointer: str | None = Field(default=None, description="JSON pointer (RFC 6901) into the request body")
    parameter: str | None = Field(default=None, description="name of a path, query or header parameter")
    code: str
    detail: str


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(description="a URI for the kind of problem", examples=["urn:distillery:problem:conflict"])
    title: str
    status: int
    detail: str = Field(description="what was wrong this time, and the remedy")
    code: str = Field(description="stable, for programs")
    request_id: str | None = Field(default=None, description="quote it when you ask for help")
    errors: list[Fault] = []


class Refused(Exception):
    """A request that is answered with a problem.

    Attributes:
        code: a key of ``KINDS``, or with ``kind`` a more special code of that kind.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        kind: str | None = None,
        errors: Iterable[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.kind = KINDS[kind or code]
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})


def problem_response(scope: Scope, refused: Refused) -> Response:
    """The problem as a response; HEAD's server drops the body by itself."""
    problem = Problem(
        type=f"urn:distillery:problem:{refused.code}",
        title=refused.kind.title,
        status=refused.kind.status,
        detail=refused.detail,
        code=refused.code,
        request_id=scope.get("state", {}).get("request_id"),
        errors=refused.errors,
    )
    headers = {"Cache-Control": "no-store", **refused.headers}
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, refused.kind.status, headers=headers, media_type=PROBLEM_TYPE)
