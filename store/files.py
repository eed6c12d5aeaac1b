"""Files of jobs by content: a key is the sha256 of the bytes, so the same file is stored once and never changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from store.errors import FileMissing
from store.settings import Settings

CHUNK = 1 << 20
_KEY = re.compile(r"sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Files(Protocol):
    """A store of files, on this machine or in a bucket."""

    def put(self, path: Path, sha256: str) -> str:
        """Stores the file and returns its key. A file that is there already costs nothing and becomes fresh again.

        Raises:
            FileDamaged: the bytes are not those of ``sha256``.
            FilesFull: no room.
        """

    def aside(self) -> Path:
        """A fresh path to write a file to that ``take`` is to move in."""

    def take(self, path: Path, sha256: str) -> str:
        """Like ``put``, for a file at a path of ``aside`` that was hashed while it was written: it is moved if that can
        be, and gone afterwards."""

    def open(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from ``start`` up to ``end`` (exclusive), in chunks.

        Raises:
            FileMissing: before the first chunk.
        """

    def fetch(self, key: str, path: Path) -> None:
        """Copies the file to ``path``, which appears only when it is whole and its sha256 is right."""

    def size(self, key: str) -> int:
        """Bytes of the file."""

    def url(self, key: str, seconds: float) -> str | None:
        """An address that anyone may read for so long, or None where the API has to serve the bytes itself."""

    def delete(self, key: str) -> None:
        """Removes the file, if it is there."""

    def discard(self, key: str, idle_seconds: float) -> bool:
        """Removes the file unless it was put within ``idle_seconds``; whether it is gone now."""

    def keys(self, idle_seconds: float) -> Iterator[str]:
        """Keys of all files that were not put within ``idle_seconds``."""

    def tidy(self, idle_seconds: float) -> int:
        """Removes what interrupted uploads left ``idle_seconds`` ago and returns how many."""


def files(settings: Settings) -> Files:
    """The store of files that ``files_url`` names.

    Raises:
        ValueError: neither file:// nor s3://.
    """
    address = urlsplit(settings.files_url)
    if address.scheme == "file" and address.netloc in ("", "localhost"):
        from store.localfiles import LocalFiles

        return LocalFiles(Path(unquote(address.path)))
    if address.scheme == "s3" and address.netloc:
        from store.objectfiles import ObjectFiles

        return ObjectFiles(settings.files_url, fresh_seconds=settings.garbage_seconds / 3)
    raise ValueError(f"files_url: {settings.files_url!r} is not supported; use file:///folder or s3://bucket/prefix")


def key_of(sha256: str) -> str:
    """The key of the file with this digest."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is no sha256: 64 lower-case hexadecimal digits")
    return f"sha256/{sha256[:2]}/{sha256}"


def digest_of(key: str) -> str:
    """The sha256 that a key names; anything that is no key of ours names no file."""
    found = _KEY.fullmatch(key)
    if found is None:
        raise FileMissing("file_missing", f"No file under the key {key[:80]!r}.")
    return found[2]
