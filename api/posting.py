"""Webhooks on their way: taken from the database, signed, sent, and what became of them written down."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from datetime import UTC, datetime
from typing import Any

import certifi
import httpx
import structlog
from sqlalchemy.exc import SQLAlchemyError

from api import limits
from api.addresses import Forbidden, resolve
from api.secrets import signature, signing_keys
from store import webhooks
from store.database import Database
from store.models import WebhookDelivery, WebhookEndpoint
from store.settings import Settings
from store.webhooks import Outcome

log = structlog.stdlib.get_logger("api")


class Post:
    """Sends what is due. Every API process has one; a message is taken by one of them at a time."""

    def __init__(self, database: Database, settings: Settings, secret: bytes) -> None:
        self._database, self._settings, self._secret = database, settings, secret
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        timeout = httpx.Timeout(limits.WEBHOOK_SECONDS)
        async with httpx.AsyncClient(verify=_trusted(), timeout=timeout, trust_env=False) as client:
            try:
                while True:
                    await self._round(client)
                    await asyncio.sleep(limits.WEBHOOK_POLL_SECONDS)
            finally:
                await self._give_up()

    async def _round(self, client: httpx.AsyncClient) -> None:
        room = limits.WEBHOOKS_AT_ONCE - len(self._sending)
        try:
            found = await asyncio.to_thread(self._take, room) if room else []
        except SQLAlchemyError as error:
            log.warning("webhooks not looked for", error=str(error).splitlines()[0])
            return
        for delivery, endpoint in found:
            task = asyncio.create_task(self._deliver(client, delivery, endpoint))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _give_up(self) -> None:
        """What was being sent is sent again by whoever is there in a minute: twice is better than never."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _take(self, room: int) -> list[tuple[WebhookDelivery, WebhookEndpoint]]:
        with self._database.read() as session:  # only who finds something takes the write lock
            if not webhooks.due(session):
                return []
        with self._database.write() as session:
            return webhooks.take(session, room)

    async def _deliver(self, client: httpx.AsyncClient, delivery: WebhookDelivery, endpoint: WebhookEndpoint) -> None:
        outcome = await self._try(client, delivery, endpoint)
        waits = self._settings.webhook_retry_seconds
        try:
            await asyncio.to_thread(self._settle, delivery.id, outcome, waits)
        except SQLAlchemyError as error:
            log.warning("webhook not settled", delivery=delivery.id, error=str(error).splitlines()[0])

    def _settle(self, delivery_id: str, outcome: Outcome, waits: tuple[float, ...]) -> None:
        with self._database.write() as session:
            webhooks.settle(session, delivery_id, outcome, waits)

    async def _try(self, client: httpx.AsyncClient, delivery: WebhookDelivery, endpoint: WebhookEndpoint) -> Outcome:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(limits.WEBHOOK_SECONDS):
                status = await self._send(client, delivery, endpoint)
        except Forbidden as error:
            return Outcome(None, str(error))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            return Outcome(None, _reason(error), (time.perf_counter() - began) * 1000)
        return Outcome(status, None, (time.perf_counter() - began) * 1000)

    async def _send(self, client: httpx.AsyncClient, delivery: WebhookDelivery, endpoint: WebhookEndpoint) -> int:
        target = await resolve(endpoint.url, self._settings.webhook_networks)
        body = json.dumps(delivery.payload, separators=(",", ":"), ensure_ascii=False).encode()
        stamp = int(time.time())
        keys = signing_keys(self._secret, endpoint, datetime.now(UTC))
        headers = {
            "Host": target.url.netloc,
            "Content-Type": "application/json",
            "User-Agent": "distillery-webhooks",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signature(keys, delivery.id, stamp, body),
        }
        # The certificate has to be the name's, though the connection goes to the address.
        extensions: dict[str, Any] = {"sni_hostname": target.url.hostname}
        request = client.build_request("POST", target.connect_url, content=body, headers=headers, extensions=extensions)
        response = await client.send(request, stream=True, follow_redirects=False)
        await response.aclose()  # the body is of no use to us, and may be endless
        return response.status_code


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
