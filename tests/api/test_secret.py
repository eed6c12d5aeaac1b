"""The server's secret can be replaced: keys go on working and are taken over, sessions end, webhooks have both."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from api_client import Api, Start, Truth
from pydantic import SecretStr
from servers import wait_until
from sqlalchemy import select

from api.secrets import secret_of, signing_keys
from store.keys import ensure_secret, rotate_secret, verify
from store.models import WebhookEndpoint
from store.settings import Settings

NEW = "another-secret-0123456789abcdef0123456789abcdef"


@pytest.fixture
def rotated(start: Start, settings: Settings, truth: Truth) -> Api:
    """The service with a new secret and the old one before it, asked with a key of the old one."""
    changes = {"secret": SecretStr(NEW), "previous_secrets": (settings.secret,)}
    return start(settings.model_copy(update=changes))


def test_a_key_of_the_old_secret_works_and_is_taken_over(rotated: Api, truth: Truth) -> None:
    assert rotated.get("/v1/jobs").status_code == 200

    def adopted() -> bool:
        with truth.database.read() as session:
            return verify(session, rotated.key or "", secret=NEW.encode()) is not None

    wait_until(adopted, "the key's new hash", 10)
    assert rotated.get("/v1/jobs").status_code == 200
    with truth.database.read() as session:
        assert verify(session, rotated.key or "", secret=truth.settings.secret_bytes()) is None


def test_without_the_old_secret_its_keys_are_strangers(start: Start, settings: Settings) -> None:
    api = start(settings.model_copy(update={"secret": SecretStr(NEW)}))
    assert api.get("/v1/jobs").status_code == 401


def test_a_session_of_the_old_secret_has_ended(api: Api, rotated: Api) -> None:
    opened = api.with_key(None).post("/v1/session", json={"key": api.key})
    cookie = {"Cookie": opened.headers["set-cookie"].partition(";")[0]}
    assert api.with_key(None).get("/v1/session", headers=cookie).status_code == 200
    assert rotated.with_key(None).get("/v1/session", headers=cookie).status_code == 401


def test_webhooks_are_signed_for_receivers_of_either_secret(api: Api, truth: Truth, settings: Settings) -> None:
    made = api.post("/v1/webhook_endpoints", json={"url": "https://8.8.8.8/"}).json()
    with truth.database.read() as session:
        endpoint = session.scalars(select(WebhookEndpoint)).one()
    keys = signing_keys([NEW.encode(), settings.secret_bytes()], endpoint, endpoint.created_at)
    assert len(keys) == 2
    assert secret_of(settings.secret_bytes(), endpoint.id, 1) == made["secret"]


def test_the_file_s_secret_is_replaced_and_the_old_ones_kept_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    ensure_secret(path)
    first = path.read_text().strip()
    settings = Settings(home=tmp_path)
    for _ in range(2):
        rotate_secret(settings.secret_file, settings.previous_file)
    assert first not in path.read_text()
    assert settings.previous_secret_bytes()[-1] == first.encode()
    assert len(settings.previous_secret_bytes()) == 2
    for file in (path, settings.previous_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Settings(home=tmp_path, secret=SecretStr(NEW)).previous_secret_bytes() == ()


def test_secrets_of_the_environment_are_words_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTILLERY_PREVIOUS_SECRETS", "tulip, rose")
    found: Any = Settings(secret=SecretStr(NEW)).previous_secret_bytes()
    assert found == (b"tulip", b"rose")
    assert "tulip" not in repr(Settings(secret=SecretStr(NEW)))
