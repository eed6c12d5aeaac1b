"""Webhooks on their way: taken from the database when they are due, sent, and what became of them written down."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api import limits
from store import webhooks
from store.database import Database
from store.models import WebhookDelivery, WebhookEndpoint
from store.settings import Settings
from store.webhooks import Outcome

if TYPE_CHECKING:
    from api.sending import Sender

log = structlog.stdlib.get_logger("api")


class Post:
    """Sends what is due. Every API process has one; a message is taken by one of them at a time."""

    def __init__(self, database: Database, settings: Settings, secrets: tuple[bytes, ...]) -> None:
        self._database, self._settings, self._secrets = database, settings, secrets
        self._sending: set[asyncio.Task[None]] = set()
        self._open: Sender | None = None

    async def run(self) -> None:
        """Until cancelled."""
        async with AsyncExitStack() as stack:
            try:
                while True:
                    for delivery, endpoint in await self._found():
                        self._begin(await self._sender(stack), delivery, endpoint)
                    await asyncio.sleep(limits.WEBHOOK_POLL_SECONDS)
            finally:
                await self._give_up()

    async def _found(self) -> list[tuple[WebhookDelivery, WebhookEndpoint]]:
        room = limits.WEBHOOKS_AT_ONCE - len(self._sending)
        try:
            return await asyncio.to_thread(self._take, room) if room else []
        except SQLAlchemyError as error:
            log.warning("webhooks not looked for", error=str(error).splitlines()[0])
        except Exception:
            log.exception("webhooks not looked for")
        return []

    async def _sender(self, stack: AsyncExitStack) -> Sender:
        if self._open is None:
            from api.sending import Sender  # most services have no webhooks, and start faster without a client

            sender = Sender(self._secrets, self._settings.webhook_networks)
            self._open = await stack.enter_async_context(sender)
        return self._open

    def _begin(self, sender: Sender, delivery: WebhookDelivery, endpoint: WebhookEndpoint) -> None:
        task = asyncio.create_task(self._deliver(sender, delivery, endpoint))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _give_up(self) -> None:
        """What was being sent is sent again by whoever is there in a minute: twice is better than never."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _take(self, room: int) -> list[tuple[WebhookDelivery, WebhookEndpoint]]:
        with self._database.look() as session:  # only who finds something takes the write lock
            if not webhooks.due(session):
                return []
        with self._database.write() as session:
            return webhooks.take(session, room)

    async def _deliver(self, sender: Sender, delivery: WebhookDelivery, endpoint: WebhookEndpoint) -> None:
        outcome = await sender.send(delivery, endpoint)
        try:
            await asyncio.to_thread(self._settle, delivery.id, outcome)
        except SQLAlchemyError as error:
            log.warning("webhook not settled", delivery=delivery.id, error=str(error).splitlines()[0])

    def _settle(self, delivery_id: str, outcome: Outcome) -> None:
        with self._database.write() as session:
            webhooks.settle(session, delivery_id, outcome, self._settings.webhook_retry_seconds)
