"""The doorbell: a Celery message that says "there may be work", which may be lost or doubled without harm."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import structlog
from celery import Celery
from kombu import entity
from kombu.transport.sqlalchemy import Transport

from store import broker

TASK = "distillery.ring"
POLL_SECONDS = 0.5
REST_SECONDS = 0.1

_kombu: Any = entity  # kombu says that it is typed, but these classes are not
_log = structlog.get_logger(__name__)


def queue_of(resource_class: str) -> Any:
    """The queue that workers of this class listen to."""
    name = f"ring.{resource_class}"
    return _kombu.Queue(name, _kombu.Exchange(name, type="direct"), routing_key=name)


def make_app(broker_url: str, resource_classes: Iterable[str] = ()) -> Celery:
    """The app on this broker, listening to the queues of these classes."""
    app = Celery("distillery", broker=broker_url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=False,
        task_create_missing_queues=True,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=4,
        broker_transport_options=broker.transport_options(broker_url),
        enable_utc=True,
        task_queues=[queue_of(name) for name in resource_classes] or None,
    )
    if broker_url.startswith("sqla+"):
        Transport.polling_interval = POLL_SECONDS  # as a transport option it would end up in create_engine
    for name in resource_classes:
        broker.declare(app, broker_url, queue_of(name))
    return app


class Doorbell:
    """Rings by sending the message; a broker that is down raises."""

    def __init__(self, broker_url: str) -> None:
        self._url = broker_url
        self._app = make_app(broker_url)
        self._declared: set[str] = set()

    def ring(self, resource_class: str) -> None:
        """Tells the workers of a class that there may be work."""
        if resource_class not in self._declared:
            broker.declare(self._app, self._url, queue_of(resource_class))
            self._declared.add(resource_class)
        self._app.send_task(TASK, queue=queue_of(resource_class), ignore_result=True, retry=False)

    def close(self) -> None:
        """Closes the connections to the broker."""
        self._app.close()


class BackgroundDoorbell:
    """Rings from a thread of its own, once for many rings, so that nobody waits for a broker.

    A ring that fails is logged and dropped: workers look by themselves every few seconds, and the sweep rings again.
    """

    def __init__(self, broker_url: str) -> None:
        self._doorbell = Doorbell(broker_url)
        self._wanted: set[str] = set()
        self._closed = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
        self._thread.start()

    def ring(self, resource_class: str) -> None:
        """Asks for a ring and returns at once; call it after the commit."""
        with self._change:
            self._wanted.add(resource_class)
            self._change.notify()

    def close(self, timeout: float = 2) -> None:
        """Rings what is wanted still, and ends the thread."""
        with self._change:
            self._closed = True
            self._change.notify()
        self._thread.join(timeout)
        self._doorbell.close()

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._wanted or self._closed)
                wanted, self._wanted = self._wanted, set()
            if not wanted:
                return
            for resource_class in sorted(wanted):
                self._ring(resource_class)
            self._rest()

    def _rest(self) -> None:
        """A burst of jobs needs a few rings, not one each: a message costs about as much as a job's row."""
        with self._change:
            self._change.wait_for(lambda: self._closed, timeout=REST_SECONDS)

    def _ring(self, resource_class: str) -> None:
        try:
            self._doorbell.ring(resource_class)
        except Exception as error:  # whatever a broker's client raises; the sweep heals it
            _log.warning("doorbell_not_rung", resource_class=resource_class, error=type(error).__name__)
