"""Sessions on the truth: one to read, one to write, the same on SQLite and Postgres, with one clock."""

from __future__ import annotations

import json
import select as sockets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    create_engine,
    event,
    func,
    literal,
    make_url,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from store.columns import UTCDateTime
from store.safejson import dumps

BUSY_SECONDS = 30
BEGIN = "distillery_begin"
_CLOCK, _RESTING = "distillery_clock", "distillery_resting"
REST_SECONDS = 2.0


def database_address(url: str) -> URL:
    """The URL with the driver that we ship (psycopg 3, sqlite3).

    Raises:
        ValueError: a kind of database that is not supported, or SQLite in memory.
    """
    address = make_url(url)
    kind = address.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return address.set(drivername="postgresql+psycopg")
    if kind == "sqlite":
        if not address.database or address.database == ":memory:":
            raise ValueError(
                "database_url: SQLite needs a file, such as sqlite:////var/lib/distillery/distillery.sqlite"
            )
        return address
    raise ValueError(f"database_url: {kind!r} is not supported; use sqlite:///... or postgresql://...")


def make_engine(url: str) -> Engine:
    """An engine set up as the service needs it."""
    address = database_address(url)
    if address.get_backend_name() == "sqlite":
        return _sqlite_engine(address)
    engine = create_engine(
        address,
        pool_size=10,
        max_overflow=20,
        connect_args={"connect_timeout": 10, "application_name": "distillery", "options": "-c timezone=utc"},
        json_serializer=dumps,
        json_deserializer=json.loads,
    )
    event.listen(engine, "checkin", _rests)
    event.listen(engine, "checkout", _is_alive)
    return engine


def _rests(_connection: Any, record: Any) -> None:
    record.info[_RESTING] = time.monotonic()


def _is_alive(connection: Any, record: Any, _proxy: Any) -> None:
    """Ask only a connection that has rested: under load a question before each use would cost as much as the use. What
    a server that ended has sent, its good-bye, is seen without asking."""
    rested = time.monotonic() - record.info.get(_RESTING, time.monotonic())
    try:
        if rested >= REST_SECONDS or _was_told_something(connection):
            connection.execute("SELECT 1")
            connection.rollback()
    except Exception as error:
        raise DisconnectionError from error  # the pool takes a fresh one


def _was_told_something(connection: Any) -> bool:
    poll = sockets.poll()
    poll.register(connection.fileno(), sockets.POLLIN)
    return bool(poll.poll(0))


class Database:
    """The truth. ``read()`` never writes; ``write()`` commits when its block ends without an error."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url)
        writing = self.engine.execution_options(**{BEGIN: "BEGIN IMMEDIATE"})
        self._read = sessionmaker(self.engine, expire_on_commit=False, autoflush=False)
        self._write = sessionmaker(writing, expire_on_commit=False)
        alone = {"isolation_level": "AUTOCOMMIT"} if self.engine.dialect.name == "postgresql" else {}
        # SQLite makes who finds its lock taken sleep and try again; threads of one process wait for each other instead.
        self._turn = threading.RLock() if self.engine.dialect.name == "sqlite" else nullcontext()
        self._look = sessionmaker(self.engine.execution_options(**alone), expire_on_commit=False, autoflush=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for queries; what it loaded stays readable after the block."""
        with self._read() as session:
            yield session

    @contextmanager
    def look(self) -> Iterator[Session]:
        """A session for one query, without a transaction around it where that saves the way there and back."""
        with self._look() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session of one transaction. On SQLite it holds the write lock from its first statement: keep it short."""
        with self._turn, self._write.begin() as session:
            yield session

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def now(session: Session) -> datetime:
    """The time by the database's clock, one moment for a whole transaction; this machine's clock on SQLite."""
    if not is_postgres(session):
        return datetime.now(UTC)
    transaction, at = session.info.get(_CLOCK, (None, None))
    if at is None or transaction is not session.get_transaction():
        at = session.scalars(select(_database_clock())).one().astimezone(UTC)
        session.info[_CLOCK] = (session.get_transaction(), at)
    return cast(datetime, at)


def clock(session: Session) -> Any:
    """The present moment as a SQL expression; it goes on while a statement waits for a lock."""
    return _database_clock() if is_postgres(session) else datetime.now(UTC)


def present(session: Session) -> ColumnElement[datetime]:
    """The present moment as a column of a query."""
    return (
        type_coerce(_database_clock(), UTCDateTime())
        if is_postgres(session)
        else literal(datetime.now(UTC), UTCDateTime())
    )


def upsert(session: Session, table: type[DeclarativeBase]) -> PostgresInsert | SqliteInsert:
    """An INSERT that can be given ``on_conflict_do_update``."""
    return postgresql_insert(table) if is_postgres(session) else sqlite_insert(table)


def _database_clock() -> Any:
    return func.clock_timestamp(type_=DateTime(timezone=True))


def is_postgres(session: Session) -> bool:
    """Whether this session talks to Postgres."""
    return session.get_bind().dialect.name == "postgresql"


def _sqlite_engine(address: URL) -> Engine:
    Path(address.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        address, connect_args={"timeout": BUSY_SECONDS}, json_serializer=dumps, json_deserializer=json.loads
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would come too late and be deferred
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA foreign_keys = ON")
    _switch_to_wal(connection)


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    # The switch of a new file does not wait for a lock, so two processes that start together need patience.
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(BEGIN, "BEGIN"))
