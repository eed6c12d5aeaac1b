"""Webhook endpoints, and every message to them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, Field

from api.resources.base import AnyJson, Created
from store.models import WebhookDelivery as DeliveryRow
from store.models import WebhookEndpoint as EndpointRow


class WebhookEndpoint(Created):
    """Where messages about jobs go; signed as Standard Webhooks says."""

    collection = "/v1/webhook_endpoints"
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    id: str = Field(examples=["whk_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    name: str
    url: str
    events: list[str]
    enabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    version: int = Field(description="grows with each change; also the ETag")
    created_at: datetime
    secret: str | None = Field(None, description="whsec_...: only in the answer to the request that makes it")

    def remembered(self) -> Self:
        """Everything but the secret."""
        return self.model_copy(update={"secret": None})


class Try(BaseModel):
    """One try to deliver a message."""

    at: datetime
    status: int | None = Field(description="what the endpoint answered")
    error: str | None = Field(description="what stood in the way of an answer")
    ms: float


class WebhookDelivery(BaseModel):
    """One message to one endpoint; its id is the header webhook-id, the same in every try."""

    object: Literal["webhook_delivery"] = "webhook_delivery"
    id: str = Field(examples=["msg_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    type: str
    payload: AnyJson
    status: Literal["pending", "delivered", "failed"]
    tries: list[Try]
    next_at: datetime | None = Field(description="when it is tried next")
    created_at: datetime
    finished_at: datetime | None


def webhook_endpoint(row: EndpointRow, secret: str | None = None) -> WebhookEndpoint:
    """The endpoint of a row; ``secret`` when it was just made."""
    names = sorted(set(WebhookEndpoint.model_fields) - {"object", "secret", "enabled"})
    fields = {name: getattr(row, name) for name in names}
    return WebhookEndpoint(**fields, enabled=row.disabled_at is None, secret=secret)


def webhook_delivery(row: DeliveryRow) -> WebhookDelivery:
    """The message of a row."""
    names = sorted(set(WebhookDelivery.model_fields) - {"object"})
    return WebhookDelivery(**{name: getattr(row, name) for name in names})
