"""Crews on each of the two ways to run the service, and the student that an undisturbed engine makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from crew import Crew, undisturbed_student
from servers import Postgres, Redis

from store.migrate import upgrade


@pytest.fixture
def make_crew(tmp_path: Path) -> Iterator[Callable[..., Crew]]:
    """Crews with settings of their own."""
    crews: list[Crew] = []

    def make(database_url: str, broker_url: str, settings: Mapping[str, str]) -> Crew:
        crews.append(Crew(tmp_path / "home", database_url, broker_url, settings))
        return crews[-1]

    yield make
    for crew in crews:
        crew.close()


@pytest.fixture(scope="module")
def embedded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """SQLite for the truth, a second SQLite file for the broker."""
    home = tmp_path_factory.mktemp("embedded")
    (home / "distillery.sqlite").write_bytes(sqlite_template.read_bytes())
    yield from _employed(
        Crew(home, f"sqlite:///{home / 'distillery.sqlite'}", f"sqla+sqlite:///{home / 'broker.sqlite'}")
    )


@pytest.fixture(scope="module")
def servers(postgres: Postgres, redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """Postgres for the truth, Redis for the broker."""
    postgres.execute("CREATE DATABASE crew")
    upgrade(postgres.url("crew"))
    yield from _employed(Crew(tmp_path_factory.mktemp("servers"), postgres.url("crew"), redis.url(5)))
    postgres.execute("DROP DATABASE crew WITH (FORCE)")


def _employed(crew: Crew) -> Iterator[Crew]:
    try:
        yield crew
    finally:
        crew.close()


@pytest.fixture(scope="module", params=["embedded", pytest.param("servers", marks=pytest.mark.servers)])
def crew(request: pytest.FixtureRequest) -> Crew:
    """Each of the two ways to run the service."""
    found: Crew = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The fingerprint of the student that the engine makes when nobody disturbs it and no service is near."""
    return undisturbed_student(tmp_path_factory.mktemp("undisturbed"))
