"""What operators let users bring from places of their own: that and nothing beside it."""

from __future__ import annotations

import os
from pathlib import Path

import obstore
import pytest
from servers import S3

from store import imports
from store.errors import FilesError, Invalid
from store.objectfiles import open_bucket
from store.settings import Settings

FILES = {
    "cifar/train/a.png": b"a" * 10,
    "cifar/train/b.png": b"b" * 20,
    "cifar/notes.txt": b"n",
    "one.csv": b"x,y\n1,2\n",
}


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with files."""
    for name, data in FILES.items():
        path = tmp_path / "shelf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "shelf"


def places(shelf: Path, **limits: int) -> Settings:
    """Settings that name the folder."""
    return Settings(home=shelf.parent / "home", imports=f"shelf={shelf}", **limits)


def fetched(settings: Settings, name: str, folder: Path) -> dict[str, bytes]:
    """What an import brings."""
    imports.fetch(settings, name, folder, lambda count: None)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_file_comes_under_its_name_and_a_folder_with_what_is_in_it(shelf: Path, tmp_path: Path) -> None:
    settings = places(shelf)
    assert fetched(settings, "shelf/one.csv", tmp_path / "1") == {"one.csv": FILES["one.csv"]}
    inside = {"train/a.png": b"a" * 10, "train/b.png": b"b" * 20, "notes.txt": b"n"}
    assert fetched(settings, "shelf/cifar", tmp_path / "2") == inside
    assert fetched(settings, "shelf", tmp_path / "3") == FILES
    assert imports.look(settings, "shelf/cifar") == {"files": 3, "bytes": 31}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("lake/cifar", "unknown_place"),
        ("shelf/nothing", "not_found"),
        ("shelf/one.csv/inner", "not_found"),
        ("shelf/../home", "invalid_value"),
        ("shelf//etc/passwd", "invalid_value"),
        ("/etc/passwd", "unknown_place"),
        ("shelf/./cifar", "invalid_value"),
        ("shelf/cifar\\train", "invalid_value"),
        ("shelf/\0", "invalid_value"),
        ("", "unknown_place"),
    ],
)
def test_a_name_that_leads_nowhere_or_out_is_refused(shelf: Path, name: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        imports.look(places(shelf), name)
    assert refusal.value.code == code
    assert refusal.value.message.startswith("/source/import: ")
    assert str(shelf) not in refusal.value.message


def test_without_places_nothing_can_be_imported(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="ask whoever operates"):
        imports.look(Settings(home=tmp_path), "shelf")


def test_links_pipes_and_sockets_are_not_there(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("s")
    (shelf / "cifar" / "out").symlink_to(tmp_path / "secret")
    (shelf / "cifar" / "key").symlink_to(tmp_path / "secret" / "key")
    (shelf / "cifar" / "self").symlink_to(shelf)
    os.mkfifo(shelf / "cifar" / "pipe")
    settings = places(shelf)
    assert imports.look(settings, "shelf/cifar") == {"files": 3, "bytes": 31}
    for name in (
        "shelf/cifar/out",
        "shelf/cifar/out/key",
        "shelf/cifar/key",
        "shelf/cifar/pipe",
        "shelf/cifar/self/one.csv",
    ):
        with pytest.raises(Invalid, match="nothing called"):
            imports.look(settings, name)


def test_a_folder_that_becomes_a_link_while_it_is_read_leads_nowhere(shelf: Path, tmp_path: Path) -> None:
    place = imports.opened(str(shelf))
    found = list(place.files("cifar/train"))
    (shelf / "cifar" / "train").rename(tmp_path / "away")
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "a.png").write_text("evil")
    (shelf / "cifar" / "train").symlink_to(tmp_path / "evil")
    with pytest.raises(FileNotFoundError):
        list(place.open(found[0].whole))


@pytest.mark.parametrize(
    ("limits", "code"), [({"import_files": 2}, "too_many_files"), ({"import_bytes": 30}, "too_large")]
)
def test_an_import_is_bounded(shelf: Path, limits: dict[str, int], code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        imports.look(places(shelf, **limits), "shelf/cifar")
    assert refusal.value.code == code


def test_a_file_that_grows_while_it_is_copied_ends_the_copy(shelf: Path, tmp_path: Path) -> None:
    big = shelf / "big"
    big.write_bytes(b"x" * 3 * 2**20)

    def grow(_: int) -> None:
        with big.open("ab") as file:
            file.write(b"y" * 2**20)

    with pytest.raises(FilesError, match="grew"):
        imports.fetch(places(shelf), "shelf/big", tmp_path / "copy", grow)


def test_names_that_are_no_text_are_passed_over(shelf: Path) -> None:
    (shelf / "cifar" / os.fsdecode(b"\xff.png")).write_bytes(b"?")
    assert imports.look(places(shelf), "shelf/cifar")["files"] == 3


@pytest.mark.parametrize("word", ["shelf", "shelf=relative", "Shelf=/x", "a=http://x", "=/x"])
def test_a_place_that_is_none_is_said_when_the_service_starts(word: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="DISTILLERY_IMPORTS"):
        Settings(home=tmp_path, imports=word)


def test_caps_that_an_operator_sets_are_told_by_the_engines_names(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).caps() == {}
    assert Settings(home=tmp_path, dataset_pixels=100, dataset_ratio=20.5).caps() == {"pixels": 100, "ratio": 20.5}


@pytest.mark.servers
def test_a_prefix_of_a_bucket_is_a_place(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.config().items():
        monkeypatch.setenv(name.upper(), value)
    bucket = s3.bucket("imports")
    for name, data in FILES.items():
        obstore.put(open_bucket(f"s3://{bucket}/lake"), name, data)
    obstore.put(open_bucket(f"s3://{bucket}"), "outside/secret", b"s")
    settings = Settings(home=tmp_path, imports=f"lake=s3://{bucket}/lake")
    assert fetched(settings, "lake/cifar", tmp_path / "1") == {
        "train/a.png": b"a" * 10,
        "train/b.png": b"b" * 20,
        "notes.txt": b"n",
    }
    assert fetched(settings, "lake/one.csv", tmp_path / "2") == {"one.csv": FILES["one.csv"]}
    assert imports.look(settings, "lake")["files"] == 4
    for name in ("lake/cif", "lake/outside"):
        with pytest.raises(Invalid, match="has no files"):
            imports.look(settings, name)
