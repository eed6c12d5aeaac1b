"""Removes files that nothing refers to any more, long after they lost their last reference."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import structlog
from sqlalchemy import ColumnElement, delete, exists, or_, select
from sqlalchemy.orm import Session

from store.database import Database, now, upsert
from store.errors import FilesError
from store.files import Files
from store.models import Artifact, Attempt, CheckpointFile, DeadFile, UploadPart

BATCH = 50
ABANDONED_SECONDS = 3600.0

_log = structlog.get_logger(__name__)


def bury(session: Session, keys: Iterable[str]) -> None:
    """Marks files that lost a reference; the sweep looks later whether another one is left."""
    rows = [{"key": key, "since": now(session)} for key in sorted(set(keys))]
    if rows:
        insert = upsert(session, DeadFile).values(rows)
        since = {"since": insert.excluded["since"]}
        session.execute(insert.on_conflict_do_update(index_elements=["key"], set_=since))


def collect(db: Database, files: Files, idle_seconds: float) -> int:
    """Removes up to a batch of files that have been without a reference for ``idle_seconds``; returns how many.

    A file that is put again meanwhile becomes fresh, so the store of files keeps it.
    """
    with db.read() as session:
        limit = now(session) - timedelta(seconds=idle_seconds)
        unused = list(session.scalars(select(DeadFile.key).where(DeadFile.since < limit, ~_used()).limit(BATCH)))
        rescued = list(session.scalars(select(DeadFile.key).where(DeadFile.since < limit, _used()).limit(BATCH)))
    gone = [key for key in unused if _discarded(files, key, idle_seconds)]
    if gone or rescued:
        with db.write() as session:
            _strike_off(session, [*gone, *rescued])
    return len(gone)


def _strike_off(session: Session, keys: list[str]) -> None:
    session.execute(delete(DeadFile).where(DeadFile.key.in_(keys)))


def _used() -> ColumnElement[bool]:
    key = DeadFile.key
    return or_(
        exists().where(CheckpointFile.key == key),
        exists().where(Artifact.key == key),
        exists().where(Attempt.log_key == key),
        exists().where(UploadPart.key == key),
    )


def _discarded(files: Files, key: str, idle_seconds: float) -> bool:
    try:
        return files.discard(key, idle_seconds)
    except FilesError as error:
        _log.warning("file_not_removed", key=key, error=error.message)
        return False
