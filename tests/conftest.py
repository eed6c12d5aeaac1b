"""Fixtures for every package's tests: databases, brokers and buckets that the tests start and stop themselves."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports torch

import pytest
from hypothesis import settings as hypothesis_settings
from servers import S3, Missing, Postgres, Redis, Server, unavailable

hypothesis_settings.register_profile("distillery", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis_settings.load_profile("distillery")

_DATABASE = "distillery_test"
Kind = TypeVar("Kind", bound=Server)


def _running(kind: type[Kind]) -> Iterator[Kind]:
    try:
        server = kind()
    except Missing as reason:
        unavailable(str(reason))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module", autouse=True)
def light_heap() -> Iterator[None]:
    """What a module of tests has left is set aside for good: to look through gigabytes of it again and again, which
    every full collection does, took a good part of the tests' time."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A Postgres cluster for the whole run."""
    yield from _running(Postgres)


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """A Redis for the whole run."""
    yield from _running(Redis)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """An S3 server for the whole run."""
    yield from _running(S3)


@pytest.fixture(scope="session")
def postgres_database(postgres: Postgres) -> Postgres:
    """The cluster, with one database that has our tables."""
    from store.migrate import upgrade

    postgres.execute(f"CREATE DATABASE {_DATABASE}")
    upgrade(postgres.url(_DATABASE))
    return postgres


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with our tables, from which each test gets a copy."""
    from store.migrate import upgrade

    path = tmp_path_factory.mktemp("template") / "distillery.sqlite"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres_url(postgres_database: Postgres) -> str:
    """A Postgres database with our tables and nothing in them; emptied, which is quicker than made."""
    from store.models import Base

    emptied = "; ".join(f"DELETE FROM {table.name}" for table in reversed(Base.metadata.sorted_tables))
    postgres_database.disconnect(_DATABASE)
    postgres_database.execute(emptied, _DATABASE)
    return postgres_database.url(_DATABASE)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A SQLite database with our tables and nothing in them."""
    path = tmp_path / "distillery.sqlite"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each of our databases in turn, with our tables and nothing in them."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.servers)])
def broker_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each of our brokers in turn, with empty queues."""
    if request.param == "sqlite":
        return f"sqla+sqlite:///{tmp_path / 'broker.sqlite'}"
    import redis as client

    url = request.getfixturevalue("redis").url()
    with client.Redis.from_url(url) as connection:
        connection.flushdb()
    return str(url)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads the settings, or touches the home, of the person who runs it."""
    from store.settings import settings

    for name in [name for name in os.environ if name.startswith("DISTILLERY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DISTILLERY_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield
    settings.cache_clear()
