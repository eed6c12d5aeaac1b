"""Settings come from DISTILLERY_* variables; a combination that would lose jobs is refused at the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from store.settings import Backoff, Settings


def test_everything_lies_in_the_home_by_default(tmp_path: Path) -> None:
    found = Settings(home=tmp_path)
    assert found.database_url == f"sqlite:///{tmp_path}/distillery.sqlite"
    assert found.broker_url == f"sqla+sqlite:///{tmp_path}/broker.sqlite"
    assert found.files_url == f"file://{tmp_path}/files"
    assert found.secret_file == tmp_path / "secret"
    assert found.auth is True
    assert found.host == "127.0.0.1"


def test_the_environment_sets_everything_and_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTILLERY_DATABASE_URL", "postgresql://db/distillery")
    monkeypatch.setenv("DISTILLERY_RESOURCE_CLASSES", "cpu, gpu")
    monkeypatch.setenv("DISTILLERY_DATA", "/srv/data")
    found = Settings()
    assert found.database_url == "postgresql://db/distillery"
    assert found.resource_classes == ("cpu", "gpu")
    assert found.data_dir == Path("/srv/data")


def test_a_lease_shorter_than_its_margin_and_beat_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValidationError, match="raise DISTILLERY_LEASE_SECONDS"):
        Settings(lease_seconds=20, lease_margin_seconds=15, beat_seconds=10)


@pytest.mark.parametrize("name", ["claim_seconds", "sweep_seconds", "slots", "max_attempts"])
def test_zero_is_refused_where_it_would_spin_or_stand_still(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings(**{name: 0})


def test_the_secret_is_read_from_its_file_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s" * 40 + "\n")
    assert Settings(home=tmp_path).secret_bytes() == b"s" * 40
    assert "sss" not in repr(Settings(secret="s" * 40))


def test_a_missing_or_short_secret_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="DISTILLERY_SECRET"):
        Settings(home=tmp_path).secret_bytes()
    with pytest.raises(RuntimeError, match="shorter than 32"):
        Settings(home=tmp_path, secret="short").secret_bytes()


def test_the_wait_between_attempts_doubles_up_to_a_cap() -> None:
    assert [Backoff(2, 60).seconds(failures) for failures in (1, 2, 3, 6, 500)] == [2, 4, 8, 60, 60]
