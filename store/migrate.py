"""Brings the database to the newest schema: one process at a time, all of it or nothing."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event, text

from store.database import BEGIN, make_engine

_LOCK = 0x6469_7374_696C  # any number that other programs on this server do not use: "distil"


def upgrade(url: str) -> None:
    """Runs the migrations that are missing. A second process waits for the first and then finds nothing to do."""
    engine = migration_engine(url)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
            command.upgrade(config(connection), "head")
    finally:
        engine.dispose()


def current(engine: Engine) -> str | None:
    """The revision of this database; None when it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The newest revision that this program knows."""
    return ScriptDirectory.from_config(config()).get_current_head()


def config(connection: Connection | None = None) -> Config:
    """Alembic's settings, made here because a wheel has no alembic.ini."""
    spec = find_spec("migrations")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package `migrations` is missing; install distillery[store] again.")
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", str(Path(spec.origin).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def migration_engine(url: str) -> Engine:
    """An engine whose transactions write from the start and, on SQLite, may rebuild tables that others refer to."""
    engine = make_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = OFF"))
    return engine.execution_options(**{BEGIN: "BEGIN IMMEDIATE"})
