"""The truth in one file: every row of every table and every file that one refers to, of one moment.

Rows are JSON and files are named by their digests, so that what was saved on SQLite and a folder is restored on
Postgres and S3 as well. The server's secret is not in it: keep that apart, or every key has to be made again.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import JSON, Connection, DateTime, MetaData, Select, Table, func, insert, null, select, text

from store.database import BEGIN, Database
from store.errors import Conflict, FileMissing, Invalid
from store.files import Files, digest_of
from store.garbage import REFERRING
from store.migrate import config, head, migration_engine, upgrade

FORMAT = 1
MANIFEST = "manifest.json"
_BATCH = 500
_REVISIONS = "alembic_version"
_FILE_COLUMNS = {column.class_.__tablename__: column.key for column in REFERRING}
_OF_USERS = {"jobs", "studies", "uploads", "datasets", "webhook_endpoints"}
"""Tables that are empty as long as nobody has used the service."""

Say = Callable[[str], None]


def backup(db: Database, files: Files | None, target: Path, say: Say = lambda line: None) -> dict[str, Any]:
    """Writes ``target``, a zip file that appears whole or not at all, and returns its manifest. The service may run.

    Args:
        files: where files are; None leaves them out, for a store that has copies of its own.

    Raises:
        FileMissing: a row names a file that is gone.
    """
    aside = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive, _snapshot(db) as connection:
            manifest = _write(archive, connection, files, say)
            archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return manifest


def restore(source: Path, url: str, files: Files | None, say: Say = lambda line: None) -> dict[str, Any]:
    """Fills an empty database, and the store of files, from a backup; then brings the database to the newest schema.

    What ran when the backup was made is found by the sweep, as after a crash.

    Raises:
        Conflict: somebody has used the service of that database already.
        Invalid: the file is no backup, or one of a newer version.
    """
    with _opened(source) as (archive, manifest):
        _check(manifest)
        engine = migration_engine(url)
        try:
            with engine.begin() as connection:
                _check_empty(connection)
                command.upgrade(config(connection), manifest["revision"])
                _read(archive, connection, manifest, say)
        finally:
            engine.dispose()
        if files is not None:
            _put(archive, manifest, files, say)
    upgrade(url)
    return manifest


@contextmanager
def _snapshot(db: Database) -> Iterator[Connection]:
    """A transaction in which time stands still."""
    options = {"isolation_level": "REPEATABLE READ"} if db.engine.dialect.name == "postgresql" else {BEGIN: "BEGIN"}
    with db.engine.execution_options(**options).connect() as connection, connection.begin():
        yield connection


def _write(archive: zipfile.ZipFile, connection: Connection, files: Files | None, say: Say) -> dict[str, Any]:
    tables, keys, counts = _tables(connection), set[str](), {}
    for table in tables:
        counts[table.name] = 0
        with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as out:
            for row in connection.execution_options(yield_per=_BATCH).execute(select(table)).mappings():
                out.write(json.dumps({name: _plain(value) for name, value in row.items()}).encode() + b"\n")
                counts[table.name] += 1
                if key := row.get(_FILE_COLUMNS.get(table.name, "")):
                    keys.add(key)
        say(f"{table.name}: {counts[table.name]} rows")
    if files is not None:
        _copy(archive, files, sorted(keys), say)
    revision = connection.scalar(text(f"SELECT version_num FROM {_REVISIONS}"))  # noqa: S608 - a constant
    made = datetime.now(UTC).isoformat()
    return {"format": FORMAT, "revision": revision, "made_at": made, "rows": counts, "files": sorted(keys)}


def _copy(archive: zipfile.ZipFile, files: Files, keys: list[str], say: Say) -> None:
    for key in keys:
        # Weights hardly shrink, and a stored file can be taken out of the zip by any program.
        info = zipfile.ZipInfo(f"files/{digest_of(key)}")
        with archive.open(info, "w", force_zip64=True) as out:
            for chunk in files.open(key):
                out.write(chunk)
    say(f"{len(keys)} files")


@contextmanager
def _opened(source: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, Any]]]:
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive, json.loads(archive.read(MANIFEST))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise Invalid("no_backup", f"{source.name}: is no backup, or is damaged ({error}).") from None


def _check(manifest: Mapping[str, Any]) -> None:
    if manifest["format"] != FORMAT or manifest["revision"] > (head() or ""):
        raise Invalid(
            "newer_backup", f"backup: made by a newer version (schema {manifest['revision']}); upgrade first."
        )


def _check_empty(connection: Connection) -> None:
    tables = _tables(connection)
    used = [table.name for table in tables if table.name in _OF_USERS and connection.scalar(_count(table))]
    if used:
        raise Conflict("not_empty", f"The database has {', '.join(used)} already: restore into an empty one.")
    for table in reversed(tables):  # a project and a key of a service that was only just started
        connection.execute(table.delete())


def _read(archive: zipfile.ZipFile, connection: Connection, manifest: Mapping[str, Any], say: Say) -> None:
    for table in _tables(connection):
        rows = _rows(archive, table)
        while batch := list(islice(rows, _BATCH)):
            connection.execute(insert(table), batch)
        found = connection.scalar(_count(table))
        if found != manifest["rows"].get(table.name, 0):
            raise Invalid("incomplete", f"backup: {table.name} has {found} rows, not {manifest['rows'][table.name]}.")
        _advance(connection, table)
        say(f"{table.name}: {found} rows")


def _rows(archive: zipfile.ZipFile, table: Table) -> Iterator[dict[str, Any]]:
    try:
        lines = archive.open(f"tables/{table.name}.jsonl")
    except KeyError:
        return
    with lines:
        for line in lines:
            yield {name: _typed(table, name, value) for name, value in json.loads(line).items()}


def _typed(table: Table, name: str, value: Any) -> Any:
    kind = table.columns[name].type
    if value is None:
        return null() if isinstance(kind, JSON) else None
    if isinstance(kind, DateTime):
        moment = datetime.fromisoformat(value)
        return moment if kind.timezone else moment.replace(tzinfo=None)
    return value


def _advance(connection: Connection, table: Table) -> None:
    """Let a counter of Postgres go on after the rows that were given their numbers."""
    column = table.autoincrement_column
    if connection.dialect.name != "postgresql" or column is None or not table.primary_key.contains_column(column):
        return
    sequence = connection.scalar(func.pg_get_serial_sequence(table.name, column.name).select())
    if sequence is not None:
        last = connection.scalar(select(func.max(column)))
        connection.execute(func.setval(sequence, last or 1, last is not None).select())


def _put(archive: zipfile.ZipFile, manifest: Mapping[str, Any], files: Files, say: Say) -> None:
    names = set(archive.namelist())
    stored = [key for key in manifest["files"] if f"files/{digest_of(key)}" in names]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        for key in stored:
            with archive.open(f"files/{digest_of(key)}") as source, path.open("wb") as out:
                shutil.copyfileobj(source, out)
            files.put(path, digest_of(key))
    if len(stored) < len(manifest["files"]):
        _look_for(files, [key for key in manifest["files"] if key not in set(stored)])
    say(f"{len(stored)} files")


def _look_for(files: Files, keys: list[str]) -> None:
    """Files that the backup left out have to be in the store already."""
    for key in keys:
        try:
            files.size(key)
        except FileMissing as error:
            message = "the backup was made without files, and the store of files does not have them"
            raise Invalid("files_missing", f"backup: {message} ({error.message})") from None


def _count(table: Table) -> Select[int]:
    return select(func.count()).select_from(table)


def _tables(connection: Connection) -> list[Table]:
    """The tables that there are, as they are, those first that others refer to."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != _REVISIONS]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return value
