"""Keys are shown once; what is kept of them opens nothing."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from store.database import Database, now
from store.keys import create_key, ensure_secret, revoke, seen, verify, well_formed
from store.models import ApiKey
from store.projects import ensure_project

SECRET, OTHER = b"s" * 32, b"t" * 32


def new(db: Database, **options) -> tuple[ApiKey, str]:  # type: ignore[no-untyped-def]
    """A key of a project."""
    with db.write() as session:
        project = ensure_project(session, "default")
        return create_key(session, project.id, "laptop", ["jobs:read"], secret=SECRET, **options)


def test_a_key_opens_its_project_with_its_scopes(db: Database) -> None:
    key, plaintext = new(db)
    with db.read() as session:
        found = verify(session, plaintext, secret=SECRET)
    assert found is not None
    assert (found.id, found.project_id, found.scopes, found.name) == (key.id, key.project_id, ["jobs:read"], "laptop")


def test_the_database_holds_nothing_that_opens_anything(db: Database) -> None:
    _, plaintext = new(db)
    with db.read() as session:
        rows = str(session.execute(text("SELECT * FROM api_keys")).all())
    body = plaintext.split("_")[1]
    assert plaintext not in rows
    assert body not in rows
    assert body[6:] not in rows


def test_every_key_is_another_and_has_a_checksum(db: Database) -> None:
    made = {new(db)[1] for _ in range(20)}
    assert len(made) == 20
    for plaintext in made:
        assert well_formed(plaintext)
        for position in (5, 20, -1):
            swapped = "a" if plaintext[position] != "a" else "b"
            wrong = list(plaintext)
            wrong[position] = swapped
            assert not well_formed("".join(wrong))


@pytest.mark.parametrize(
    "given", ["", "dk_", "dk_x_y", "Bearer", "dk_" + "é" * 32 + "_000000", "dk_" + "a" * 32 + "_é", "x" * 9999]
)
def test_nonsense_never_reaches_the_database(db: Database, given: str) -> None:
    db.close()
    with db.read() as session:
        assert verify(session, given, secret=SECRET) is None
        assert not session.in_transaction()


def test_under_another_secret_no_key_opens(db: Database) -> None:
    _, plaintext = new(db)
    with db.read() as session:
        assert verify(session, plaintext, secret=OTHER) is None


def test_an_expired_or_revoked_key_opens_nothing(db: Database) -> None:
    with db.read() as session:
        past, future = now(session) - timedelta(seconds=1), now(session) + timedelta(hours=1)
    _, late = new(db, expires_at=past)
    key, plaintext = new(db, expires_at=future)
    with db.write() as session:
        assert verify(session, late, secret=SECRET) is None
        assert verify(session, plaintext, secret=SECRET) is not None
        revoke(session, session.get_one(ApiKey, key.id))
    with db.read() as session:
        assert verify(session, plaintext, secret=SECRET) is None


def test_the_last_use_is_noted_once_a_minute(db: Database) -> None:
    key, _ = new(db)
    with db.write() as session:
        seen(session, key)
    with db.read() as session:
        first = session.scalars(select(ApiKey.last_used_at)).one()
    with db.write() as session:
        seen(session, key)
    with db.read() as session:
        assert session.scalars(select(ApiKey.last_used_at)).one() == first
    assert first is not None


def test_without_a_secret_of_its_own_the_settings_are_asked(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _, plaintext = new(db)
    monkeypatch.setenv("DISTILLERY_SECRET", SECRET.decode())
    with db.read() as session:
        assert verify(session, plaintext) is not None


def test_one_project_of_a_name_however_many_ask_for_it(db: Database) -> None:
    def ask(_: int) -> str:
        with db.write() as session:
            return ensure_project(session, "shared").id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ask, range(12)))) == 1


def test_the_servers_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: ensure_secret(path), range(12)))
    first = path.read_text()
    ensure_secret(path)
    assert path.read_text() == first
    assert len(first.strip()) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["secret"]
