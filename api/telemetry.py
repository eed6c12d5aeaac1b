"""``/metrics`` for Prometheus: requests that this process answered, and the service's jobs and workers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import Watcher
from api.docs import text_answer
from api.services import AppServices, Services
from store import queue, states, workers

router = APIRouter(tags=["health"])

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Upper ends in seconds."""
UNKNOWN = "none"
"""The route of what matches none: paths that clients invent must not become time series."""


class Requests:
    """How long requests took, by method, route and status."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        what = "Time from a request to the end of its answer; streams are left out."
        name = "distillery_http_request_duration_seconds"
        self._seconds = Histogram(name, what, labels, buckets=BUCKETS, registry=self.registry)

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answer."""
        route = getattr(scope.get("route"), "path", UNKNOWN)
        if not route.endswith("/stream"):
            self._seconds.labels(scope["method"], route, str(status)).observe(seconds)


class Observed:
    """Measures every answer."""

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self.app, self.requests = app, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            self.requests.observe(scope, status, time.perf_counter() - began)


class ServiceState(Collector):
    """What the database says at the time of the question, over all projects."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """Jobs by status, the queue by class, and the workers."""
        with self._services.database.read() as session:
            jobs = states.counts(session)
            waiting = queue.waiting(session)
            alive = workers.live(session, self._services.settings.lease_seconds)
        yield _gauge("distillery_jobs", "Jobs by status.", "status", jobs.items())
        lengths = ((name, found.jobs) for name, found in waiting.items())
        yield _gauge("distillery_queue_jobs", "Queued jobs by resource class.", "resource_class", lengths)
        ages = ((name, found.seconds) for name, found in waiting.items())
        what = "How long the oldest queued job has waited, by resource class."
        yield _gauge("distillery_queue_oldest_seconds", what, "resource_class", ages)
        serving: dict[str, int] = {}
        for worker in alive:
            for name in worker.resource_classes:
                serving[name] = serving.get(name, 0) + 1
        what = "Workers heard from lately, by the resource class that they serve."
        yield _gauge("distillery_workers", what, "resource_class", serving.items())


def _gauge(name: str, what: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    found = GaugeMetricFamily(name, what, labels=[label])
    for value, number in values:
        found.add_metric([str(value)], number)
    return found


@router.get("/metrics", operation_id="getMetricsOfService", response_class=Response, responses=text_answer())
def get_metrics(_: Watcher, services: AppServices, request: Request) -> Response:
    """Figures of this process and of the service in Prometheus' text format, for a key with the scope ``metrics``."""
    state = CollectorRegistry()
    state.register(ServiceState(services))
    body = generate_latest(request.app.state.requests.registry) + generate_latest(state)
    return Response(body, media_type=CONTENT_TYPE_LATEST)
