"""Which workers live: what each says of itself, and when it last did."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store.database import now, upsert
from store.models import Worker


def heartbeat(session: Session, worker_id: str, facts: dict[str, Any]) -> None:
    """Notes that the worker lives. ``facts["resource_classes"]`` says what it serves; the rest is for people."""
    at = now(session)
    spoken = {"facts": facts, "resource_classes": list(facts.get("resource_classes", [])), "heartbeat_at": at}
    insert = upsert(session, Worker).values(id=worker_id, started_at=at, **spoken)
    session.execute(insert.on_conflict_do_update(index_elements=["id"], set_=spoken))


def leave(session: Session, worker_id: str) -> None:
    """Forgets a worker that ends in good order."""
    session.execute(delete(Worker).where(Worker.id == worker_id))


def forget(session: Session, days: float) -> None:
    """Removes what is left of workers that died that long ago."""
    session.execute(delete(Worker).where(Worker.heartbeat_at < now(session) - timedelta(days=days)))


def live(session: Session, within_seconds: float) -> list[Worker]:
    """Workers heard of in the last ``within_seconds``, oldest first."""
    since = now(session) - timedelta(seconds=within_seconds)
    query = select(Worker).where(Worker.heartbeat_at >= since).order_by(Worker.started_at, Worker.id)
    return list(session.scalars(query))
