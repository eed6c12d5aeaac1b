"""A repeated POST gets its first answer: records kept in the transaction of what they answer for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from store.database import is_postgres, now
from store.errors import Conflict, Invalid
from store.models import IdempotencyRecord

KEY_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first request was told."""

    status_code: int
    body: dict[str, Any]
    location: str | None


def fingerprint(method: str, path: str, body: Any) -> str:
    """What makes two requests the same: method, path and the body's values, whatever their order and spacing."""
    text = json.dumps([method.upper(), path, body], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def replay(session: Session, project_id: str, key: str, print_: str) -> Answer | None:
    """The first answer to this key, or None when the request is new; call it before doing what it asks for.

    Raises:
        Conflict: ``idempotency_key_in_use``: the first request is still being worked on (409).
        Invalid: ``idempotency_key_reused``: the first request was another one (422), or the key is too long.
    """
    if not 1 <= len(key) <= KEY_CHARACTERS or not key.isprintable():
        raise Invalid(
            "invalid_idempotency_key", f"Idempotency-Key: 1 to {KEY_CHARACTERS} printable characters, please."
        )
    found = session.get(IdempotencyRecord, (project_id, key)) or _reserved(session, project_id, key)
    if found is None:
        return None
    if found.fingerprint != print_:
        raise Invalid("idempotency_key_reused", "Idempotency-Key: used for another request before; choose a new key.")
    return Answer(found.status_code, found.body, found.location)


def remember(
    session: Session,
    project_id: str,
    key: str,
    print_: str,
    status_code: int,
    body: dict[str, Any],
    location: str | None,
) -> None:
    """Keeps the answer, in the transaction that it answers for."""
    session.add(
        IdempotencyRecord(
            project_id=project_id,
            key=key,
            fingerprint=print_,
            status_code=status_code,
            body=body,
            location=location,
            created_at=now(session),
        )
    )


def forget(session: Session, hours: float) -> int:
    """Removes records older than ``hours`` and returns how many."""
    old = IdempotencyRecord.created_at < now(session) - timedelta(hours=hours)
    removed = session.scalars(delete(IdempotencyRecord).where(old).returning(IdempotencyRecord.key))
    return len(removed.all())


def _reserved(session: Session, project_id: str, key: str) -> IdempotencyRecord | None:
    # SQLite's single writer makes the second request wait; on Postgres a lock of the transaction tells it at once.
    if not is_postgres(session):
        return None
    digest = hashlib.sha256(f"{project_id}\n{key}".encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    if not session.scalars(select(func.pg_try_advisory_xact_lock(number))).one():
        raise Conflict("idempotency_key_in_use", "A request with this Idempotency-Key is being worked on; ask again.")
    return session.get(IdempotencyRecord, (project_id, key))  # it may have been answered before we got the lock
