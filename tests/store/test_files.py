"""Files by content: whole or not there, once however often they are put, in a folder and in a bucket alike."""

from __future__ import annotations

import errno
import hashlib
import os
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from servers import S3

from store.errors import FileDamaged, FileMissing, FilesError, FilesFull
from store.files import Files, files, key_of
from store.localfiles import LocalFiles
from store.objectfiles import ObjectFiles
from store.settings import Settings

_buckets = count(1)


@pytest.fixture
def local(tmp_path: Path) -> LocalFiles:
    """Files in a folder."""
    return LocalFiles(tmp_path / "files")


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> ObjectFiles:
    """Files in a bucket, configured as an operator would: by the environment."""
    for name, value in s3.config().items():
        monkeypatch.setenv(name.upper(), value)
    found = files(Settings(files_url=f"s3://{s3.bucket(f'bucket-{next(_buckets)}')}/some/prefix"))
    assert isinstance(found, ObjectFiles)
    return found


@pytest.fixture(params=["local", pytest.param("bucket", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest) -> Files:
    """Both kinds in turn."""
    found: Files = request.getfixturevalue(request.param)
    return found


def written(folder: Path, data: bytes) -> tuple[Path, str]:
    """A file and its sha256."""
    path = folder / f"source-{len(data)}"
    path.write_bytes(data)
    return path, hashlib.sha256(data).hexdigest()


def test_what_was_put_is_read_back_whole_and_in_parts(store: Files, tmp_path: Path) -> None:
    data = os.urandom(9 * 1024 * 1024 + 17)
    path, digest = written(tmp_path, data)
    key = store.put(path, digest)
    assert key == f"sha256/{digest[:2]}/{digest}"
    assert store.size(key) == len(data)
    assert b"".join(store.open(key)) == data
    assert b"".join(store.open(key, 5, 11)) == data[5:11]
    assert b"".join(store.open(key, len(data) - 3)) == data[-3:]
    assert b"".join(store.open(key, 8_000_000, 99_000_000)) == data[8_000_000:]
    assert b"".join(store.open(key, 4, 4)) == b""
    assert max(len(chunk) for chunk in store.open(key)) <= 8 * 1024 * 1024


def test_an_empty_file_is_a_file(store: Files, tmp_path: Path) -> None:
    path, digest = written(tmp_path, b"")
    key = store.put(path, digest)
    assert (store.size(key), b"".join(store.open(key))) == (0, b"")
    store.fetch(key, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b""


def test_putting_again_changes_nothing_and_many_may_put_at_once(store: Files, tmp_path: Path) -> None:
    path, digest = written(tmp_path, b"weights" * 1000)
    with ThreadPoolExecutor(6) as pool:
        keys = set(pool.map(lambda _: store.put(path, digest), range(18)))
    assert keys == {key_of(digest)}
    assert b"".join(store.open(keys.pop())) == path.read_bytes()


def test_bytes_that_are_not_those_of_the_digest_are_refused_and_not_kept(store: Files, tmp_path: Path) -> None:
    path, _ = written(tmp_path, b"what is there")
    claimed = hashlib.sha256(b"what was promised").hexdigest()
    with pytest.raises(FileDamaged):
        store.put(path, claimed)
    with pytest.raises(FileMissing):
        store.size(key_of(claimed))


def test_a_fetched_file_appears_whole_with_its_folder(store: Files, tmp_path: Path) -> None:
    path, digest = written(tmp_path, b"checkpoint" * 99)
    key = store.put(path, digest)
    target = tmp_path / "work" / "runs" / "distil" / "checkpoint.pt"
    store.fetch(key, target)
    assert target.read_bytes() == path.read_bytes()
    assert list(target.parent.iterdir()) == [target]


def test_a_missing_file_is_named_before_the_first_byte(store: Files, tmp_path: Path) -> None:
    key = key_of("a" * 64)
    for action in (store.size, store.open, lambda key: store.fetch(key, tmp_path / "out")):
        with pytest.raises(FileMissing):
            action(key)
    assert not (tmp_path / "out").exists()
    store.delete(key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "../../etc/passwd",
        "sha256/aa/../../../x",
        "/etc/passwd",
        "sha256/ab/" + "a" * 64,
        "x\x00",
        "sha256/aa/" + "A" * 64,
    ],
)
def test_a_key_that_is_not_ours_names_no_file(store: Files, tmp_path: Path, key: str) -> None:
    for action in (store.size, store.open, store.delete, lambda key: store.url(key, 60) or store.size(key)):
        with pytest.raises(FileMissing):
            action(key)


def test_a_deleted_file_is_gone(store: Files, tmp_path: Path) -> None:
    path, digest = written(tmp_path, b"x")
    key = store.put(path, digest)
    store.delete(key)
    with pytest.raises(FileMissing):
        store.size(key)


def test_a_file_that_was_put_lately_is_not_discarded_and_an_idle_one_is(store: Files, tmp_path: Path) -> None:
    path, digest = written(tmp_path, b"x")
    key = store.put(path, digest)
    assert not store.discard(key, 60)
    assert store.size(key) == 1
    time.sleep(1.1)  # S3 counts in seconds
    assert store.discard(key, 1)
    assert store.discard(key, 1)
    with pytest.raises(FileMissing):
        store.size(key)


def test_a_damaged_copy_in_the_folder_is_noticed_when_it_is_fetched(local: LocalFiles, tmp_path: Path) -> None:
    path, digest = written(tmp_path, b"right")
    key = local.put(path, digest)
    (local.root / key).write_bytes(b"wrong")
    with pytest.raises(FileDamaged, match="sha256"):
        local.fetch(key, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_old_file_that_is_put_again_is_young_again(local: LocalFiles, tmp_path: Path) -> None:
    path, digest = written(tmp_path, b"x")
    key = local.put(path, digest)
    os.utime(local.root / key, (1, 1))
    local.put(path, digest)
    assert not local.discard(key, 60)


def test_a_file_that_is_put_while_it_is_discarded_stays(
    local: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = written(tmp_path, b"x" * 1000)
    key = local.put(path, digest)
    rename = os.rename

    def put_just_before(source: Path, target: Path) -> None:
        local.put(path, digest)
        rename(source, target)

    os.utime(local.root / key, (1, 1))
    monkeypatch.setattr(os, "rename", put_just_before)
    assert not local.discard(key, 60)
    assert b"".join(local.open(key)) == b"x" * 1000
    assert list((local.root / "incoming").iterdir()) == []


def test_a_file_that_is_put_after_it_was_set_aside_is_written_anew(
    local: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = written(tmp_path, b"x" * 1000)
    key = local.put(path, digest)
    rename = os.rename

    def put_just_after(source: Path, target: Path) -> None:
        rename(source, target)
        local.put(path, digest)

    os.utime(local.root / key, (1, 1))
    monkeypatch.setattr(os, "rename", put_just_after)
    local.discard(key, 60)
    assert b"".join(local.open(key)) == b"x" * 1000


def test_a_full_disk_is_named_and_leaves_nothing(
    local: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = written(tmp_path, b"x")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FilesFull, match="No room left"):
        local.put(path, digest)
    assert [found for found in local.root.rglob("*") if found.is_file()] == []


def test_what_an_interrupted_upload_left_is_tidied_up_when_it_is_old(local: LocalFiles) -> None:
    local._aside().write_bytes(b"half")
    old = local._aside()
    old.write_bytes(b"half")
    os.utime(old, (1, 1))
    assert local.tidy(3600) == 1
    assert not old.exists()
    assert len(list((local.root / "incoming").iterdir())) == 1


def test_a_local_file_has_no_address_of_its_own(local: LocalFiles, tmp_path: Path) -> None:
    path, digest = written(tmp_path, b"x")
    assert local.url(local.put(path, digest), 60) is None


@pytest.mark.servers
def test_a_presigned_address_serves_the_file_to_anyone(bucket: ObjectFiles, tmp_path: Path) -> None:
    path, digest = written(tmp_path, b"student")
    address = bucket.url(bucket.put(path, digest), 60)
    assert address is not None
    assert "X-Amz-Expires=60" in address
    with urllib.request.urlopen(address) as answer:
        assert answer.read() == b"student"


@pytest.mark.servers
def test_a_bucket_that_does_not_answer_is_an_error_of_files(s3: S3, tmp_path: Path) -> None:
    nowhere = ObjectFiles("s3://no-such-bucket/x", **s3.config())
    path, digest = written(tmp_path, b"x")
    with pytest.raises(FilesError):
        nowhere.put(path, digest)


@pytest.mark.parametrize("url", ["/just/a/path", "ftp://x/y", "s3:///nobucket", "file://host/x"])
def test_an_address_of_files_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="files_url"):
        files(Settings(files_url=url))


def test_a_file_that_was_written_aside_is_taken_in_and_gone_from_there(store: Files) -> None:
    for data in (b"taken", b"taken", b""):
        path = store.aside()
        path.write_bytes(data)
        key = store.take(path, hashlib.sha256(data).hexdigest())
        assert b"".join(store.open(key)) == data
        assert not path.exists()


def test_every_key_is_listed_and_young_files_are_left_out_where_that_is_asked(store: Files, tmp_path: Path) -> None:
    keys = set()
    for data in (b"one", b"three"):
        path, digest = written(tmp_path, data)
        keys.add(store.put(path, digest))
    assert set(store.keys(0)) == keys
    assert list(store.keys(3600)) == []


@pytest.mark.parametrize("wrong", [-18_000, 18_000])
def test_a_machine_with_a_wrong_clock_removes_no_young_file_and_keeps_no_old_one(
    local: LocalFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    import time

    young, old = (local.put(*written(tmp_path, data)) for data in (b"young", b"old one"))
    past = (local.root / old).stat().st_mtime - 2000
    os.utime(local.root / old, (past, past))
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + wrong)
    assert list(local.keys(1000)) == [old]
    assert (local.discard(young, 1000), local.discard(old, 1000)) == (False, True)
