"""Webhooks, for who may do everything in the project."""

from collections.abc import Iterable
from typing import Any

from distillery.calls.requests import Call, Json, Pages, creating, given, path_of


def webhooks() -> Pages[Json]:
    """The project's endpoints, the newest first."""
    return Pages("/v1/webhook_endpoints")


def create_webhook(url: str, *, name: str | None = None, events: Iterable[str] | None = None) -> Call[Json]:
    """An endpoint; `secret` in the answer is what messages are signed with, and is not shown again."""
    body = given({"url": url, "name": name, "events": None if events is None else list(events)})
    return creating("/v1/webhook_endpoints", body)


def change_webhook(endpoint_id: str, **changes: Any) -> Call[Json]:
    """Another `name`, `url` or `events`; `enabled=False` holds messages back, True sends them."""
    return Call("PATCH", path_of("webhook_endpoints", endpoint_id), body=changes)


def rotate_webhook(endpoint_id: str) -> Call[Json]:
    """A new secret; for a day messages are signed with the old one, too."""
    return Call("POST", path_of("webhook_endpoints", endpoint_id, "rotate"))


def delete_webhook(endpoint_id: str) -> Call[None]:
    """Forget an endpoint and its messages."""
    return Call("DELETE", path_of("webhook_endpoints", endpoint_id))


def test_webhook(endpoint_id: str) -> Call[Json]:
    """Send a message that tells nothing."""
    return Call("POST", path_of("webhook_endpoints", endpoint_id, "test"))


def webhook_deliveries(endpoint_id: str, *, status: str | None = None, limit: int | None = None) -> Pages[Json]:
    """Messages to an endpoint with all their tries, the newest first; `limit` ends early."""
    return Pages(path_of("webhook_endpoints", endpoint_id, "deliveries"), given({"status": status}), limit)


def redeliver(endpoint_id: str, delivery_id: str) -> Call[Json]:
    """Send a message again, under the id that it had."""
    return Call("POST", path_of("webhook_endpoints", endpoint_id, "deliveries", delivery_id, "redeliver"))
