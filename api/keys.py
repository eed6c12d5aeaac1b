"""API keys of a project: made, replaced and ended by who may do everything there; and who did what."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api import resources
from api.auth import Admin, check_grant
from api.bodies import KeyOrder, Rotation
from api.docs import KEY_BODY, ROTATION_BODY, problems
from api.idempotency import IdempotencyKey, Once
from api.jsonbody import SmallJsonObject
from api.paging import Moment, PageQuery, Paging, page_of
from api.resources import ApiKey, AuditEntry, Page
from api.services import AppServices, Services
from store import audit, keys
from store.database import now
from store.errors import Conflict

router = APIRouter(prefix="/v1", tags=["keys"])


@router.get("/api_keys", operation_id="listApiKeys", responses=problems(422))
def list_api_keys(caller: Admin, services: AppServices, query: Paging) -> Page[ApiKey]:
    """The project's keys, newest first, those that have ended too."""
    with services.database.read() as session:
        data = [resources.api_key(row) for row in keys.list_keys(session, caller.project_id)]
    return page_of(data, lambda key: key.id, query)


@router.get("/api_keys/{key_id}", operation_id="getApiKey", responses=problems(404))
def get_api_key(caller: Admin, services: AppServices, key_id: str) -> ApiKey:
    """One key."""
    with services.database.read() as session:
        return resources.api_key(keys.get_key(session, caller.project_id, key_id))


@router.post(
    "/api_keys",
    operation_id="createApiKey",
    status_code=201,
    response_model=ApiKey,
    responses=problems(409, 413, 415, 422),
    openapi_extra=KEY_BODY,
)
def create_api_key(
    caller: Admin, services: AppServices, request: Request, body: SmallJsonObject, key: IdempotencyKey = None
) -> Response:
    """Make a key. The answer shows it, and nothing ever again: a repeated request is answered without it."""
    once = Once(services, caller, request, key, body, action="api_key.create", kind=ApiKey)
    if (first := once.replayed()) is not None:
        return first
    order = KeyOrder.of(body)
    check_grant(caller, order["scopes"])

    return once.create(lambda session: made_key(session, services, caller.project_id, order))


def made_key(session: Session, services: Services, project_id: str, order: dict[str, Any]) -> ApiKey:
    """A new key of a project, as ordered."""
    days = order["expires_in_days"]
    until = None if days is None else now(session) + timedelta(days=days)
    scopes = list(dict.fromkeys(order["scopes"]))
    made = keys.create_key(session, project_id, order["name"], scopes, expires_at=until, secret=services.secret)
    return resources.api_key(*made)


@router.post(
    "/api_keys/{key_id}/rotate",
    operation_id="rotateApiKey",
    status_code=201,
    response_model=ApiKey,
    responses=problems(404, 409, 413, 415, 422),
    openapi_extra=ROTATION_BODY,
)
def rotate_api_key(
    caller: Admin,
    services: AppServices,
    request: Request,
    key_id: str,
    body: SmallJsonObject,
    key: IdempotencyKey = None,
) -> Response:
    """Make a key that may do the same, and let the old one end after a while."""
    once = Once(services, caller, request, key, body, action="api_key.rotate", kind=ApiKey, origin=key_id)
    if (first := once.replayed()) is not None:
        return first
    overlap = timedelta(hours=Rotation.of(body)["overlap_hours"])

    def make(session: Session) -> ApiKey:
        old = keys.get_key(session, caller.project_id, key_id)
        check_grant(caller, old.scopes)
        return resources.api_key(*keys.rotate(session, old, overlap, secret=services.secret))

    return once.create(make)


@router.delete("/api_keys/{key_id}", operation_id="revokeApiKey", status_code=204, responses=problems(404, 409))
def revoke_api_key(caller: Admin, services: AppServices, key_id: str) -> None:
    """End a key at once, and the sessions that were opened with it. The key that asks cannot end itself."""
    if caller.key is not None and caller.key.id == key_id:
        raise Conflict("own_key", f"Key {key_id} is the one that asks: rotate it, or end it by another key.")
    with services.database.write() as session:
        key = keys.get_key(session, caller.project_id, key_id)
        if key.revoked_at is None:
            keys.revoke(session, key)
            audit.note(session, caller.actor, "api_key.revoke", key_id, {"name": key.name})


class AuditQuery(PageQuery):
    """Filters of the audit log."""

    action: str | None = Field(None, max_length=60, description="as job.cancel")
    target: str | None = Field(None, max_length=120, description="id of what was changed")
    key_id: str | None = Field(None, max_length=40, description="of who did it")
    created_after: Moment | None = None
    created_before: Moment | None = None


@router.get("/audit_logs", operation_id="listAuditLogs", responses=problems(422))
def list_audit_logs(caller: Admin, services: AppServices, query: Annotated[AuditQuery, Query()]) -> Page[AuditEntry]:
    """Who changed what in the project, newest first."""
    with services.database.read() as session:
        page = audit.entries(session, caller.project_id, **query.model_dump())
        data = [resources.audit_entry(row) for row in page.items]
    return Page(data=data, has_more=page.has_more, next_cursor=page.next_cursor)
