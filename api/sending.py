"""One try to send one webhook: to the address that was checked, signed, without following redirects."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import certifi
import httpx

from api import limits
from api.addresses import Forbidden, Network, resolve
from api.secrets import signature, signing_keys
from store.models import WebhookDelivery, WebhookEndpoint
from store.webhooks import Outcome


class Sender:
    """Connections to whom we send; an asynchronous context manager."""

    def __init__(self, secrets: tuple[bytes, ...], networks: tuple[Network, ...]) -> None:
        self._secrets, self._networks = secrets, networks
        timeout = httpx.Timeout(limits.WEBHOOK_SECONDS)
        self._client = httpx.AsyncClient(verify=_trusted(), timeout=timeout, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def send(self, delivery: WebhookDelivery, endpoint: WebhookEndpoint) -> Outcome:
        """Try once."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(limits.WEBHOOK_SECONDS):
                status = await self._send(delivery, endpoint)
        except Forbidden as error:
            return Outcome(None, str(error))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            return Outcome(None, _reason(error), (time.perf_counter() - began) * 1000)
        return Outcome(status, None, (time.perf_counter() - began) * 1000)

    async def _send(self, delivery: WebhookDelivery, endpoint: WebhookEndpoint) -> int:
        target = await resolve(endpoint.url, self._networks)
        body = json.dumps(delivery.payload, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {"Host": target.url.netloc, **self._signed(delivery.id, endpoint, body)}
        # The certificate has to be the name's, though the connection goes to the address.
        named: dict[str, Any] = {"sni_hostname": target.url.hostname}
        request = self._client.build_request(
            "POST", target.connect_url, content=body, headers=headers, extensions=named
        )
        response = await self._client.send(request, stream=True, follow_redirects=False)
        await response.aclose()  # the body is of no use to us, and may be endless
        return response.status_code

    def _signed(self, message_id: str, endpoint: WebhookEndpoint, body: bytes) -> dict[str, str]:
        stamp = int(time.time())
        keys = signing_keys(self._secrets, endpoint, datetime.now(UTC))
        return {
            "Content-Type": "application/json",
            "User-Agent": "distillery-webhooks",
            "webhook-id": message_id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signature(keys, message_id, stamp, body),
        }


def _trusted() -> ssl.SSLContext:
    """The machine's own authorities, a company's among them, and the public ones."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return f"no answer within {limits.WEBHOOK_SECONDS:g} s"
    if isinstance(error, httpx.ConnectError) and "certificate" in str(error).lower():
        return "the certificate is not valid for this name"
    return "the connection failed"
