"""Removes files that nothing refers to any more, long after they lost their last reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Select, delete, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from store.database import Database, now, upsert
from store.errors import FilesError
from store.files import Files
from store.models import Artifact, Attempt, CheckpointFile, DatasetFile, DeadFile, JobInput, ModelFile, UploadPart

BATCH, SURVEY_BATCH = 50, 500
ABANDONED_SECONDS = 3600.0

REFERRING = (
    CheckpointFile.key,
    Artifact.key,
    Attempt.log_key,
    UploadPart.key,
    JobInput.key,
    DatasetFile.key,
    ModelFile.key,
)
"""Every column that names a file."""

_log = structlog.get_logger(__name__)


def bury(session: Session, keys: Iterable[str]) -> None:
    """Marks files that lost a reference; the sweep looks later whether another one is left."""
    rows = [{"key": key, "since": now(session)} for key in sorted(set(keys))]
    if rows:
        insert = upsert(session, DeadFile).values(rows)
        since = {"since": insert.excluded["since"]}
        session.execute(insert.on_conflict_do_update(index_elements=["key"], set_=since))


def survey(db: Database, files: Files, idle_seconds: float) -> int:
    """Marks every file that nothing refers to and returns how many there are.

    Files lose references one by one, which ``bury`` notes; this finds those that never had one, because whoever stored
    them died before saying what for. It reads the whole store's list: once a day is often enough.
    """
    found = 0
    for keys in _batches(files.keys(idle_seconds), SURVEY_BATCH):
        with db.read() as session:
            known = {key for column in (*REFERRING, DeadFile.key) for key in session.scalars(_among(column, keys))}
        if strays := [key for key in keys if key not in known]:
            found += len(strays)
            with db.write() as session:
                bury(session, strays)
    return found


def _among(column: InstrumentedAttribute[Any], keys: list[str]) -> Select[Any]:
    return select(column).where(column.in_(keys))


def _batches(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    walk = iter(keys)
    while batch := list(islice(walk, size)):
        yield batch


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
    return or_(*(exists().where(column == DeadFile.key) for column in REFERRING))


def _discarded(files: Files, key: str, idle_seconds: float) -> bool:
    try:
        return files.discard(key, idle_seconds)
    except FilesError as error:
        _log.warning("file_not_removed", key=key, error=error.message)
        return False
