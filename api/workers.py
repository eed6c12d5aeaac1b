"""Who works, and how much there is to do."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter

from api.auth import Reader
from api.docs import problems
from api.paging import Paging, page_of
from api.resources import Overview, Page, Queue, Worker
from api.services import AppServices, Services
from store import queue, states, workers
from store.models import JobKind, JobState
from store.models import Worker as WorkerRow

router = APIRouter(prefix="/v1", tags=["workers"])


@router.get("/workers", operation_id="listWorkers", responses=problems(422))
def list_workers(_: Reader, services: AppServices, query: Paging) -> Page[Worker]:
    """Workers heard from lately, oldest first."""
    names = ("id", "resource_classes", "facts", "started_at", "heartbeat_at")
    data = [Worker(**{name: getattr(row, name) for name in names}) for row in _live(services)]
    return page_of(data, lambda worker: worker.id, query)


@router.get("/queues", operation_id="listQueues", responses=problems(422))
def list_queues(caller: Reader, services: AppServices, query: Paging) -> Page[Queue]:
    """Every class that has workers or for which jobs of the project wait, by name."""
    with services.database.read() as session:
        waiting = queue.waiting(session, caller.project_id)
    serving = Counter(name for worker in _live(services) for name in worker.resource_classes)
    none = queue.Waiting(0, 0.0)
    found = {name: waiting.get(name, none) for name in sorted({*waiting, *serving})}
    data = [
        Queue(resource_class=name, jobs=told.jobs, oldest_seconds=told.seconds, workers=serving[name])
        for name, told in found.items()
    ]
    return page_of(data, lambda one: one.resource_class, query)


@router.get("/overview", operation_id="getOverview")
def get_overview(caller: Reader, services: AppServices) -> Overview:
    """The project's distillation jobs by status, how many ended lately, and how many workers there are."""
    kind = JobKind.DISTILLATION
    with services.database.read() as session:
        counts = states.counts(session, caller.project_id, kind)
        ended = states.ended_lately(session, caller.project_id, kind, hours=24)
    lately = {f"{state}_24h": ended[state] for state in (JobState.SUCCEEDED, JobState.FAILED)}
    return Overview(jobs=counts, **lately, workers=len(_live(services)))


def _live(services: Services) -> list[WorkerRow]:
    with services.database.read() as session:
        return workers.live(session, services.settings.lease_seconds)
