"""Webhooks: where a project is told of its jobs, every message to there, and trying one again."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from api import resources
from api.addresses import Forbidden, resolve
from api.auth import Admin
from api.bodies import EndpointChange, EndpointOrder
from api.docs import ENDPOINT_BODY, ENDPOINT_CHANGE_BODY, problems
from api.errors import Fault, Refused
from api.idempotency import IdempotencyKey, Once
from api.jsonbody import SmallJsonObject
from api.paging import PageQuery, Paging, page_of
from api.resources import Page, WebhookDelivery, WebhookEndpoint
from api.secrets import secret_of
from api.services import AppServices, Services
from api.versions import IfMatch, check_version, tag
from store import audit, webhooks

router = APIRouter(prefix="/v1/webhook_endpoints", tags=["webhooks"])


@router.get("", operation_id="listWebhookEndpoints", responses=problems(422))
def list_webhook_endpoints(caller: Admin, services: AppServices, query: Paging) -> Page[WebhookEndpoint]:
    """The project's endpoints, the newest first."""
    with services.database.read() as session:
        data = [resources.webhook_endpoint(row) for row in webhooks.list_endpoints(session, caller.project_id)]
    return page_of(data, lambda endpoint: endpoint.id, query)


@router.get("/{endpoint_id}", operation_id="getWebhookEndpoint", responses=problems(404))
def get_webhook_endpoint(caller: Admin, services: AppServices, response: Response, endpoint_id: str) -> WebhookEndpoint:
    """One endpoint."""
    with services.database.read() as session:
        found = resources.webhook_endpoint(webhooks.get_endpoint(session, caller.project_id, endpoint_id))
    response.headers["ETag"] = tag(found.version)
    return found


@router.post(
    "",
    operation_id="createWebhookEndpoint",
    status_code=201,
    response_model=WebhookEndpoint,
    responses=problems(409, 413, 415, 422),
    openapi_extra=ENDPOINT_BODY,
)
def create_webhook_endpoint(
    caller: Admin, services: AppServices, request: Request, body: SmallJsonObject, key: IdempotencyKey = None
) -> Response:
    """Make an endpoint. The answer shows its secret, and nothing ever again."""
    once = Once(services, caller, request, key, body, action="webhook_endpoint.create", kind=WebhookEndpoint)
    if (first := once.replayed()) is not None:
        return first
    order = EndpointOrder.of(body)
    _check_url(services, order["url"])

    def make(session: Session) -> WebhookEndpoint:
        events = dict.fromkeys(order["events"])
        row = webhooks.create_endpoint(session, caller.project_id, order["name"], order["url"], events)
        return resources.webhook_endpoint(row, secret_of(services.secret, row.id, row.generation))

    return once.create(make)


@router.patch(
    "/{endpoint_id}",
    operation_id="changeWebhookEndpoint",
    responses=problems(404, 409, 412, 413, 415, 422),
    openapi_extra=ENDPOINT_CHANGE_BODY,
)
def change_webhook_endpoint(
    caller: Admin,
    services: AppServices,
    response: Response,
    endpoint_id: str,
    body: SmallJsonObject,
    version: IfMatch = None,
) -> WebhookEndpoint:
    """Change its name, url or events; switch it off, or on again."""
    changes = EndpointChange.of(body)
    if "events" in changes:
        changes["events"] = list(dict.fromkeys(changes["events"]))
    if "url" in changes:
        _check_url(services, changes["url"])
    with services.database.write() as session:
        row = webhooks.get_endpoint(session, caller.project_id, endpoint_id)
        check_version(session, row, version)
        before = row.version
        found = resources.webhook_endpoint(webhooks.change_endpoint(session, row, changes))
        if found.version != before:
            audit.note(session, caller.actor, "webhook_endpoint.change", endpoint_id, changes)
    response.headers["ETag"] = tag(found.version)
    return found


@router.delete(
    "/{endpoint_id}", operation_id="deleteWebhookEndpoint", status_code=204, responses=problems(404, 409, 412)
)
def delete_webhook_endpoint(caller: Admin, services: AppServices, endpoint_id: str, version: IfMatch = None) -> None:
    """Delete an endpoint and its messages."""
    with services.database.write() as session:
        row = webhooks.get_endpoint(session, caller.project_id, endpoint_id)
        check_version(session, row, version)
        webhooks.delete_endpoint(session, row)
        audit.note(session, caller.actor, "webhook_endpoint.delete", endpoint_id, {"url": row.url})


@router.post("/{endpoint_id}/rotate", operation_id="rotateWebhookSecret", responses=problems(404))
def rotate_webhook_secret(caller: Admin, services: AppServices, endpoint_id: str) -> WebhookEndpoint:
    """Make a new secret, which the answer shows; for a day messages are signed with the old one, too."""
    with services.database.write() as session:
        row = webhooks.rotate(session, webhooks.get_endpoint(session, caller.project_id, endpoint_id))
        audit.note(session, caller.actor, "webhook_endpoint.rotate", endpoint_id)
        return resources.webhook_endpoint(row, secret_of(services.secret, row.id, row.generation))


@router.post("/{endpoint_id}/test", operation_id="testWebhookEndpoint", status_code=202, responses=problems(404))
def test_webhook_endpoint(caller: Admin, services: AppServices, endpoint_id: str) -> WebhookDelivery:
    """Send a message that tells nothing."""
    with services.database.write() as session:
        endpoint = webhooks.get_endpoint(session, caller.project_id, endpoint_id)
        return resources.webhook_delivery(webhooks.test_message(session, endpoint))


class DeliveryQuery(PageQuery):
    """Filter of messages."""

    status: Literal["pending", "delivered", "failed"] | None = Field(None, description="only these")


@router.get("/{endpoint_id}/deliveries", operation_id="listWebhookDeliveries", responses=problems(404, 422))
def list_webhook_deliveries(
    caller: Admin, services: AppServices, endpoint_id: str, query: Annotated[DeliveryQuery, Query()]
) -> Page[WebhookDelivery]:
    """Messages to an endpoint with all their tries, the newest first."""
    with services.database.read() as session:
        endpoint = webhooks.get_endpoint(session, caller.project_id, endpoint_id)
        page = webhooks.deliveries(session, endpoint, **query.model_dump())
        data = [resources.webhook_delivery(row) for row in page.items]
    return Page(data=data, has_more=page.has_more, next_cursor=page.next_cursor)


@router.post(
    "/{endpoint_id}/deliveries/{delivery_id}/redeliver",
    operation_id="redeliverWebhook",
    status_code=202,
    responses=problems(404),
)
def redeliver_webhook(caller: Admin, services: AppServices, endpoint_id: str, delivery_id: str) -> WebhookDelivery:
    """Send a message again, under the id that it had."""
    with services.database.write() as session:
        endpoint = webhooks.get_endpoint(session, caller.project_id, endpoint_id)
        row = webhooks.redeliver(session, webhooks.get_delivery(session, endpoint, delivery_id))
        audit.note(session, caller.actor, "webhook_endpoint.redeliver", endpoint_id, {"delivery": delivery_id})
        return resources.webhook_delivery(row)


def _check_url(services: Services, url: Any) -> None:
    """Refuse at once what would be refused at each delivery."""
    try:
        asyncio.run(resolve(url, services.settings.webhook_networks))
    except Forbidden as error:
        fault = Fault(pointer="/url", code="forbidden_address", detail=str(error))
        raise Refused("invalid_request", "webhooks are not sent there", errors=[fault]) from None
