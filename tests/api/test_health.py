"""Health is cheap; readiness tells the truth and no secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from api_client import Api, Start

from store.settings import Settings


def test_a_sound_service_is_ready_and_needs_no_key_to_say_so(api: Api) -> None:
    stranger = api.with_key(None)
    assert stranger.get("/healthz").json() == {"status": "ok"}
    assert stranger.get("/readyz").json() == {"status": "ready"}


def unready(api: Api, path_kept_secret: Path) -> list[str]:
    answer = api.with_key(None).get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert answer.headers["retry-after"]
    assert str(path_kept_secret) not in answer.text
    assert api.get("/healthz").status_code == 200
    return [fault["code"] for fault in answer.json()["errors"]]


def test_a_database_without_our_tables_is_not_ready(start: Start, settings: Settings, tmp_path: Path) -> None:
    empty = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'empty.sqlite'}"})
    assert unready(start(empty), tmp_path) == ["database_not_migrated"]


def test_a_database_that_does_not_answer_is_not_ready(start: Start, settings: Settings, tmp_path: Path) -> None:
    gone = settings.model_copy(update={"database_url": "postgresql://distillery:hunter2@127.0.0.1:1/distillery"})
    api = start(gone)
    assert unready(api, tmp_path) == ["database_unreachable"]
    assert "hunter2" not in api.get("/readyz").text


def test_a_disk_that_is_nearly_full_is_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    api.services.settings.disk_free_bytes = 10**18
    assert unready(api, tmp_path) == ["disk_full"]
