"""What brokers need beyond their URL; above all the embedded one, a SQLite file that several processes share."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

if TYPE_CHECKING:
    from celery import Celery

BUSY_SECONDS = 30


def transport_options(url: str) -> dict[str, Any]:
    """Options of kombu's transport for this broker."""
    if url.startswith("redis"):
        return {"socket_connect_timeout": 4}
    if embedded_file(url) is not None:
        return {"connect_args": {"timeout": BUSY_SECONDS}}  # handed to create_engine
    return {}


def embedded_file(url: str) -> Path | None:
    """The file of an embedded broker; None for a broker that is a server."""
    if not url.startswith("sqla+sqlite"):
        return None
    return Path(make_url(url.removeprefix("sqla+")).database or "")


def declare(app: Celery, url: str, queue: Any) -> None:
    """Makes an embedded broker's tables and this queue, one process at a time; its transport does not expect two.

    A broker that is a server makes its queues when they are first used.
    """
    path = embedded_file(url)
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_name(path.name + ".lock")):
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as file:
            file.execute("PRAGMA journal_mode = WAL")
        with app.connection_for_write() as connection:
            queue(connection.default_channel).declare()


def forget_delivered(url: str) -> int:
    """Removes the messages that an embedded broker delivered but keeps; returns how many."""
    path = embedded_file(url)
    if path is None or not path.exists():
        return 0
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as file:
        try:
            return file.execute("DELETE FROM kombu_message WHERE visible = 0").rowcount
        except sqlite3.OperationalError:  # busy, or nothing was ever sent: the next sweep comes soon
            return 0


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
