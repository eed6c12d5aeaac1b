"""Address and key come from the right place, and a key never goes to a server that it does not belong to."""

import json
from pathlib import Path

import pytest

from distillery.config import connection
from distillery.errors import ConfigError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DISTILLERY_URL", "DISTILLERY_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISTILLERY_HOME", str(tmp_path))
    (tmp_path / "client.json").write_text(json.dumps({"url": "http://127.0.0.1:9000", "key": "dk_stored"}))
    return tmp_path


def test_what_distill_up_stored_is_used_by_itself() -> None:
    found = connection()
    assert (found.url, found.key) == ("http://127.0.0.1:9000", "dk_stored")


def test_the_environment_comes_before_the_stored_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTILLERY_URL", "https://other.example")
    monkeypatch.setenv("DISTILLERY_API_KEY", "dk_env")
    found = connection()
    assert (found.url, found.key) == ("https://other.example", "dk_env")


def test_arguments_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTILLERY_URL", "https://other.example")
    monkeypatch.setenv("DISTILLERY_API_KEY", "dk_env")
    found = connection("http://third.example/", "dk_mine")
    assert (found.url, found.key) == ("http://third.example", "dk_mine")


def test_the_stored_key_is_not_sent_to_another_server() -> None:
    assert connection("https://other.example").key is None
    assert connection("http://127.0.0.1:9000/").key == "dk_stored"


def test_without_anything_it_is_the_local_default(home: Path) -> None:
    (home / "client.json").unlink()
    found = connection()
    assert (found.url, found.key) == ("http://127.0.0.1:8400", None)


def test_a_damaged_file_is_named_with_the_remedy(home: Path) -> None:
    (home / "client.json").write_text("{")
    with pytest.raises(ConfigError, match=r"client\.json is damaged: delete it"):
        connection()


def test_a_damaged_file_does_not_matter_to_who_names_both(home: Path) -> None:
    (home / "client.json").write_text("{")
    assert connection("http://127.0.0.1:1", "dk_x").key == "dk_x"


def test_an_address_without_scheme_is_refused() -> None:
    with pytest.raises(ConfigError, match="http://host:port"):
        connection("localhost:8400")


def test_the_key_is_not_printed() -> None:
    assert "dk_stored" not in repr(connection())
