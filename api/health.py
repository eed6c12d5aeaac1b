"""Whether this process lives (``/healthz``) and whether it can do its work (``/readyz``)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal

import structlog
from fastapi import APIRouter
from pydantic import BaseModel

from api.docs import PUBLIC
from api.errors import Fault, Refused
from api.services import AppServices, Services
from store import disk

log = structlog.stdlib.get_logger("api.health")

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """Good news."""

    status: Literal["ok", "ready"]


@router.get("/healthz", operation_id="getHealth", openapi_extra=PUBLIC)
async def get_health() -> Health:
    """The process answers; nothing else is looked at."""
    return Health(status="ok")


@router.get("/readyz", operation_id="getReadiness", openapi_extra=PUBLIC)
def get_readiness(services: AppServices) -> Health:
    """Database reachable and migrated, and room left on the disk; else 503 that names what is missing."""
    faults = [fault for check in CHECKS if (fault := check(services))]
    if faults:
        names = ", ".join(fault.code for fault in faults)
        raise Refused(
            "not_ready", f"not ready: {names}", kind="unavailable", errors=faults, headers={"Retry-After": "2"}
        )
    return Health(status="ready")


@cache
def _head() -> str | None:
    from store import migrate  # alembic is for this page alone, and takes a tenth of the start

    return migrate.head()


def _database(services: Services) -> Fault | None:
    """Addresses and file names stay in the log."""
    from store import migrate

    try:
        current = migrate.current(services.database.engine)
    except Exception as error:
        log.warning("database not reachable", error=str(error))
        return Fault(code="database_unreachable", detail="the database does not answer; see the log")
    if current == _head():
        return None
    remedy = "run 'python -m migrations'" if current is None or current < (_head() or "") else "upgrade Distillery"
    return Fault(code="database_not_migrated", detail=f"schema {current}, needed {_head()}: {remedy}")


def _disk(services: Services) -> Fault | None:
    free = disk.short_of(services.settings)
    if free is None:
        return None
    detail = f"{free / 1e6:.0f} MB free, {services.settings.disk_free_bytes / 1e6:.0f} MB needed: make room"
    return Fault(code="disk_full", detail=detail)


CHECKS: tuple[Callable[[Services], Fault | None], ...] = (_database, _disk)
