"""Who changed what, when: written in the transaction of the change, so that there is neither without the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from store import cursors
from store.database import now
from store.ids import new_id
from store.models import AuditEntry, table_of

_INSERT = insert(table_of(AuditEntry))


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: by key (None where authentication is off), in which request."""

    project_id: str
    key_id: str | None = None
    key_name: str | None = None
    request_id: str | None = None


def note(session: Session, actor: Actor, action: str, target: str, details: Mapping[str, Any] | None = None) -> None:
    """Adds an entry.

    Args:
        action: what was done, as ``job.cancel``.
        target: id of what it was done to.
        details: what else is worth knowing; never a secret.
    """
    entry = {
        "id": new_id("aud"),
        "project_id": actor.project_id,
        "created_at": now(session),
        "key_id": actor.key_id,
        "key_name": actor.key_name,
        "request_id": actor.request_id,
        "action": action,
        "target": target,
        "details": dict(details or {}),
    }
    session.execute(_INSERT, entry)


def entries(
    session: Session,
    project_id: str,
    *,
    limit: int = 20,
    after: str | None = None,
    action: str | None = None,
    target: str | None = None,
    key_id: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
) -> cursors.Page[AuditEntry]:
    """A project's entries, newest first, of one action, target or key and of a span of time where they are named.

    Raises:
        Invalid: a cursor or limit that cannot be used.
    """
    query = select(AuditEntry).where(AuditEntry.project_id == project_id)
    asked = {AuditEntry.action: action, AuditEntry.target: target, AuditEntry.key_id: key_id}
    query = query.where(*(column == value for column, value in asked.items() if value is not None))
    created, id_ = AuditEntry.created_at, AuditEntry.id
    if created_after is not None:
        query = query.where(created > created_after)
    if created_before is not None:
        query = query.where(created < created_before)
    return cursors.walk(session, query, created, id_, prefix="aud", limit=limit, after=after)
