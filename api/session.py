"""The dashboard's session: a key is shown once and becomes a cookie that scripts on the page cannot read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Anyone, Caller, address_of, check_address, cookie_name, key_caller, unauthenticated
from api.docs import PUBLIC, problems
from api.errors import Fault, Refused
from api.jsonbody import SmallJsonObject
from api.limits import SESSION_SECONDS
from api.services import AppServices, Services
from api.signing import Session

router = APIRouter(prefix="/v1/session", tags=["session"])


class SessionInfo(BaseModel):
    """Who is signed in, and the token to send as X-CSRF-Token with every change."""

    object: Literal["session"] = "session"
    project_id: str
    key_id: str | None
    key_name: str | None
    scopes: list[str]
    csrf_token: str | None
    expires_at: datetime | None


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"key": {"type": "string"}},
                    "required": ["key"],
                    "additionalProperties": False,
                },
                "example": {"key": "dk_..."},
            }
        },
    }
}


@router.post(
    "",
    operation_id="createSession",
    status_code=201,
    response_model=SessionInfo,
    responses=problems(401, 403, 413, 415, 422),
    openapi_extra=PUBLIC | _BODY,
)
def create_session(services: AppServices, request: Request, body: SmallJsonObject) -> Response:
    """Sign in with an API key; the answer sets the cookie."""
    address = address_of(request)
    check_address(services, address)
    caller = key_caller(services, _key_of(body))
    if caller is None or caller.key is None:
        services.mistaken.take(address)
        raise unauthenticated("the API key is unknown, revoked or expired", "invalid_token")
    session = services.signer.issue(caller.key.id, SESSION_SECONDS)
    info = _info(services, caller, session)
    response = Response(info.model_dump_json(), 201, media_type="application/json")
    _set_cookie(response, request, cookie_name(services), services.signer.seal(session), SESSION_SECONDS)
    return response


@router.get("", operation_id="getSession")
def get_session(caller: Anyone, services: AppServices) -> SessionInfo:
    """Who is asking; a page that was loaded again gets its CSRF token here."""
    return _info(services, caller, caller.session)


@router.delete("", operation_id="deleteSession", status_code=204)
def delete_session(_: Anyone, services: AppServices, request: Request) -> Response:
    """Sign out: the cookie is taken back."""
    response = Response(status_code=204)
    _set_cookie(response, request, cookie_name(services), "", 0)
    return response


def _key_of(body: dict[str, Any]) -> str:
    faults = [
        Fault(pointer=f"/{name[:60]}", code="unknown_field", detail="known: key") for name in body if name != "key"
    ]
    if not isinstance(body.get("key"), str):
        faults.append(Fault(pointer="/key", code="invalid_value", detail="give an API key, dk_..."))
    if faults:
        raise Refused("invalid_request", "a session is made from {key: ...}", errors=faults)
    return str(body["key"])


def _info(services: Services, caller: Caller, session: Session | None) -> SessionInfo:
    return SessionInfo(
        project_id=caller.project_id,
        key_id=caller.key.id if caller.key else None,
        key_name=caller.key.name if caller.key else None,
        scopes=sorted(caller.scopes),
        csrf_token=services.signer.csrf(session) if session else None,
        expires_at=datetime.fromtimestamp(session.expires, UTC) if session else None,
    )


def _set_cookie(response: Response, request: Request, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    response.headers["Cache-Control"] = "no-store"
