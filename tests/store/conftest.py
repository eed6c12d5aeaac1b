"""What the store's tests start from: the truth, on each database in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from store.database import Database


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """The truth, on each database in turn."""
    database = Database(database_url)
    yield database
    database.close()
