"""Secrets of webhook endpoints, and signatures by them (Standard Webhooks 1.0.0, symmetric)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from store.models import WebhookEndpoint

OVERLAP = timedelta(hours=24)
"""For so long after a rotation the old secret signs, too."""


def secret_of(server_secret: bytes, endpoint_id: str, generation: int) -> str:
    """The secret of an endpoint: derived, so that the database holds nothing to steal."""
    return "whsec_" + base64.b64encode(_key(server_secret, endpoint_id, generation)).decode()


def signing_keys(server_secrets: Sequence[bytes], endpoint: WebhookEndpoint, at: datetime) -> list[bytes]:
    """The keys that sign now, the newest first; one for each of the server's secrets that is not forgotten yet."""
    generations = [endpoint.generation]
    if endpoint.rotated_at is not None and at - endpoint.rotated_at < OVERLAP:
        generations.append(endpoint.generation - 1)
    return [_key(secret, endpoint.id, generation) for secret in server_secrets for generation in generations]


def signature(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return " ".join("v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)


def _key(server_secret: bytes, endpoint_id: str, generation: int) -> bytes:
    return hmac.new(server_secret, f"webhook {endpoint_id} {generation}".encode(), hashlib.sha256).digest()
