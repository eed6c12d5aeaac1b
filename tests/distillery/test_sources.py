"""A folder is sent as a tar that nobody ever writes: any stretch of it can be read, and it is the same each time."""

import io
import os
import random
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distillery import IntegrityError
from distillery.sources import Folder, source_of

LONG = "ä" * 120 + ".txt"
FILES = {
    "a.txt": b"hello",
    "empty": b"",
    "deep/er/b.bin": random.Random(1).randbytes(2000),
    "block": bytes(512),
    LONG: b"long",
    "dir with space/ü.txt": b"x" * 513,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files of all kinds."""
    for name, data in FILES.items():
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "scans"


def whole(source: Folder) -> bytes:
    """All of it."""
    return source.read(0, source.size)


def test_the_tar_has_every_file_and_is_read_by_others(folder: Path) -> None:
    source = Folder(folder)
    assert (source.name, source.files) == ("scans.tar", len(FILES))
    assert len(whole(source)) == source.size
    with tarfile.open(fileobj=io.BytesIO(whole(source))) as archive:
        found = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}
    assert found == FILES


def test_hidden_files_and_links_stay_here(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (folder / ".hidden").write_text("h")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("c")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "away").symlink_to(tmp_path)
    assert Folder(folder).files == len(FILES)


def test_it_is_the_same_whenever_and_wherever_it_is_made(folder: Path, tmp_path: Path) -> None:
    before = whole(Folder(folder))
    for path in folder.rglob("*"):
        os.utime(path, (5, 5))
    assert whole(Folder(folder)) == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(at=st.integers(0, 12_000), count=st.integers(0, 4000))
def test_any_stretch_is_that_of_the_whole(folder: Path, at: int, count: int) -> None:
    source = Folder(folder)
    assert source.read(at, count) == whole(source)[at : at + count]


def test_a_file_that_changes_is_told(folder: Path) -> None:
    source = Folder(folder)
    (folder / "a.txt").write_bytes(b"hell")
    with pytest.raises(IntegrityError, match=r"a\.txt changed"):
        whole(source)
    with pytest.raises(IntegrityError, match=r"a\.txt changed"):
        source.check()


def test_an_empty_folder_is_an_empty_tar(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert whole(Folder(tmp_path / "none")) == bytes(1024)
    assert source_of(tmp_path / "none").size == 1024
