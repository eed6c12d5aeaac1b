"""The API under test: in this process over ASGI, or as a program of its own on a free port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from api_client import SECRET, SPEC, Api, Served, Start, Truth
from pydantic import SecretStr

from api import logs
from api.app import create_app
from store.settings import Settings


@pytest.fixture
def spec() -> dict[str, Any]:
    """A spec that is accepted; a fresh copy."""
    return {**SPEC, "labels": dict(SPEC["labels"])}


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Settings:
    """Settings of an embedded service with an empty database."""
    return Settings(
        home=tmp_path / "home",
        database_url=sqlite_url,
        broker_url="memory://",
        secret=SecretStr(SECRET),
        port=8400,
    )


@pytest.fixture
def truth(settings: Settings) -> Iterator[Truth]:
    """The database behind the API."""
    found = Truth(settings)
    yield found
    found.database.close()


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """An event loop in a thread, for the whole run."""
    logs.configure()
    with start_blocking_portal() as found:
        yield found


@pytest.fixture
def start(portal: BlockingPortal, truth: Truth) -> Iterator[Start]:
    """Starts applications, and stops them after the test."""
    running: list[Any] = []

    def started(settings: Settings) -> Api:
        app = create_app(settings)
        lifespan = portal.wrap_async_context_manager(app.router.lifespan_context(app))
        lifespan.__enter__()
        running.append(lifespan)
        return Api(app, portal, truth.key())

    yield started
    for lifespan in running:
        lifespan.__exit__(None, None, None)


@pytest.fixture
def api(start: Start, settings: Settings) -> Api:
    """The application with an empty database and a key that may do everything."""
    return start(settings)


@pytest.fixture
def served(settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """``python -m api`` on the same database as ``truth``."""
    found = Served(settings, tmp_path / "api.log")
    yield found
    found.stop()
