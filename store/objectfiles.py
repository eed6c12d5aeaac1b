"""The store of files in an S3 bucket, whose address and keys come from the AWS_* variables."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from store.errors import FileDamaged, FileMissing, FilesError
from store.files import CHUNK, digest_of, key_of
from store.localfiles import disk_errors_named, write_checked

if TYPE_CHECKING:
    from obstore import ObjectMeta

_RANGE = 8 * CHUNK
_UPLOADS = 4


class ObjectFiles:
    """Files in ``s3://bucket/prefix``."""

    def __init__(self, url: str, *, fresh_seconds: float = 300, **config: Any) -> None:
        self._fresh = timedelta(seconds=fresh_seconds)
        self._store = open_bucket(url, **config)

    def put(self, path: Path, sha256: str) -> str:
        """Stores the file; see ``Files.put``."""
        key = key_of(sha256)
        if not self._is_fresh(key):
            _check(path, sha256)
            self._send(key, path)
        return key

    def aside(self) -> Path:
        """A path on this machine's disk; see ``Files.aside``."""
        return Path(tempfile.gettempdir()) / f"distillery-{secrets.token_hex(12)}"

    def take(self, path: Path, sha256: str) -> str:
        """Sends the file and removes it here; see ``Files.take``."""
        key = key_of(sha256)
        if not self._is_fresh(key):
            self._send(key, path)
        path.unlink()
        return key

    def open(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes in chunks; see ``Files.open``. Each chunk is a request of its own, so a slow reader holds none."""
        size = self.size(key)
        return self._ranges(key, start, size if end is None else min(end, size))

    def fetch(self, key: str, path: Path) -> None:
        """Copies the file out; see ``Files.fetch``."""
        with disk_errors_named():
            write_checked(self.open(key), path, digest_of(key))

    def size(self, key: str) -> int:
        """Bytes of the file."""
        return int(self._meta(key)["size"])

    def url(self, key: str, seconds: float) -> str | None:
        """A presigned address."""
        digest_of(key)
        return obstore.sign(self._store, "GET", key, timedelta(seconds=seconds))

    def delete(self, key: str) -> None:
        """Removes the file, if it is there."""
        digest_of(key)
        with _named(key):
            obstore.delete(self._store, key)

    def discard(self, key: str, idle_seconds: float) -> bool:
        """Removes a file that nobody put lately; see ``Files.discard``.

        S3 cannot look and remove in one step. A put between the two, of a file that was idle for so long, loses it;
        a checkpoint that misses a file counts as damaged, and the one before it is used.
        """
        try:
            age = _now() - self._meta(key)["last_modified"]
        except FileMissing:
            return True
        if age < timedelta(seconds=idle_seconds):
            return False
        self.delete(key)
        return True

    def keys(self, idle_seconds: float) -> Iterator[str]:
        """Keys of files that nobody put lately; see ``Files.keys``."""
        limit = _now() - timedelta(seconds=idle_seconds)
        with _named("sha256/"):
            for page in obstore.list(self._store, "sha256/"):
                yield from (str(meta["path"]) for meta in page if meta["last_modified"] <= limit)

    def tidy(self, idle_seconds: float) -> int:
        """Nothing: parts of interrupted uploads are removed by the bucket's own lifecycle rule."""
        return 0

    def _send(self, key: str, path: Path) -> None:
        with _named(key):
            obstore.put(self._store, key, path, max_concurrency=_UPLOADS)

    def _is_fresh(self, key: str) -> bool:
        # An old copy is written again, which makes it young: the garbage collector leaves young files alone.
        try:
            return _now() - self._meta(key)["last_modified"] < self._fresh
        except FileMissing:
            return False

    def _meta(self, key: str) -> ObjectMeta:
        digest_of(key)
        with _named(key):
            return obstore.head(self._store, key)

    def _ranges(self, key: str, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, end, _RANGE):
            with _named(key):
                chunk = bytes(obstore.get_range(self._store, key, start=at, end=min(at + _RANGE, end)))
            yield chunk


def open_bucket(url: str, **config: Any) -> S3Store:
    """The bucket, or its part below a prefix."""
    return S3Store.from_url(
        url,
        client_options={"timeout": "120s", "connect_timeout": "5s", "allow_http": _plain_http(config)},
        retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=60)},
        **config,
    )


def _plain_http(config: dict[str, Any]) -> bool:
    # An operator who writes http:// means it; the client would want to be told a second time.
    addresses = (config.get("aws_endpoint_url"), os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("AWS_ENDPOINT"))
    return any(address and address.startswith("http://") for address in addresses)


def _now() -> datetime:
    return datetime.now(UTC)


def _check(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise FileDamaged("file_damaged", f"{path.name}: sha256 is {found}, expected {sha256}.")


@contextmanager
def _named(key: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotFoundError):
        raise FileMissing("file_missing", f"No file under the key {key} in the bucket.") from None
    except BaseError as error:
        reason = str(error).splitlines()[0][:300]
        raise FilesError("files_failed", f"The bucket did not serve {key}: {reason}") from error
