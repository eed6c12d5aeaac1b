"""The store of files in a folder: written aside, checked, made durable, then moved into place at once."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from store.errors import FileDamaged, FileMissing, FilesError, FilesFull
from store.files import CHUNK, digest_of, key_of


class LocalFiles:
    """Files under ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "incoming"

    def put(self, path: Path, sha256: str) -> str:
        """Stores the file; see ``Files.put``."""
        key = key_of(sha256)
        target = self.root / key
        if not _touch(target):
            with disk_errors_named(), path.open("rb") as source:
                write_checked(_chunks(source.fileno(), 0, None), target, sha256, aside=self._aside())
        return key

    def aside(self) -> Path:
        """A path on the same disk; see ``Files.aside``."""
        return self._aside()

    def take(self, path: Path, sha256: str) -> str:
        """Moves the file in; see ``Files.take``."""
        key = key_of(sha256)
        target = self.root / key
        if _touch(target):
            path.unlink()
            return key
        with disk_errors_named():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
            _sync_folder(target.parent)
        return key

    def open(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes in chunks; see ``Files.open``."""
        handle = self._handle(key)
        return _closing(handle, start, end)

    def fetch(self, key: str, path: Path) -> None:
        """Copies the file out; see ``Files.fetch``."""
        with disk_errors_named():
            write_checked(self.open(key), path, digest_of(key))

    def size(self, key: str) -> int:
        """Bytes of the file."""
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            raise _missing(key) from None

    def url(self, key: str, seconds: float) -> str | None:
        """None: the API serves local files itself."""
        return None

    def delete(self, key: str) -> None:
        """Removes the file, if it is there."""
        self._path(key).unlink(missing_ok=True)

    def discard(self, key: str, idle_seconds: float) -> bool:
        """Removes a file that nobody put lately; see ``Files.discard``."""
        path = self._path(key)
        aside = self._aside()
        at = self._clock()
        try:
            if _age(path, at) < idle_seconds:
                return False
            os.rename(path, aside)
        except FileNotFoundError:
            return True
        # From here on a put finds no file and writes a new one; one that came just before has made this file young.
        young = _age(aside, at) < idle_seconds
        if young:
            with suppress(FileExistsError):
                os.link(aside, path)
        aside.unlink()
        return not young

    def keys(self, idle_seconds: float) -> Iterator[str]:
        """Keys of files that nobody put lately; see ``Files.keys``."""
        at = self._clock()
        for path in self.root.glob("sha256/*/*"):
            with suppress(FileNotFoundError):
                if _age(path, at) >= idle_seconds:
                    yield str(path.relative_to(self.root))

    def tidy(self, idle_seconds: float) -> int:
        """Removes abandoned uploads; see ``Files.tidy``."""
        removed, at = 0, self._clock()
        for path in self._incoming.glob("*"):
            with suppress(FileNotFoundError):
                if _age(path, at) >= idle_seconds:
                    path.unlink()
                    removed += 1
        return removed

    def _path(self, key: str) -> Path:
        digest_of(key)
        return self.root / key

    def _handle(self, key: str) -> int:
        try:
            return os.open(self._path(key), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise _missing(key) from None

    def _clock(self) -> float:
        """The time by the clock that the files' own times come from: this machine's may be wrong."""
        probe = self._aside()
        try:
            probe.touch()
            return probe.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)

    def _aside(self) -> Path:
        self._incoming.mkdir(parents=True, exist_ok=True)
        return self._incoming / secrets.token_hex(12)


def write_checked(chunks: Iterable[bytes], target: Path, sha256: str, aside: Path | None = None) -> None:
    """Writes ``target`` in one step, or not at all when the bytes are not those of ``sha256``.

    Raises:
        FileDamaged: they are not.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = aside or target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    digest = hashlib.sha256()
    try:
        with aside.open("xb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != sha256:
            raise FileDamaged("file_damaged", f"{target.name}: sha256 is {digest.hexdigest()}, expected {sha256}.")
        os.replace(aside, target)
        _sync_folder(target.parent)
    finally:
        aside.unlink(missing_ok=True)


def _touch(path: Path) -> bool:
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _age(path: Path, at: float) -> float:
    return at - path.stat().st_mtime


def _closing(handle: int, start: int, end: int | None) -> Iterator[bytes]:
    try:
        yield from _chunks(handle, start, end)
    finally:
        os.close(handle)


def _chunks(handle: int, start: int, end: int | None) -> Iterator[bytes]:
    at = start
    while end is None or at < end:
        chunk = os.pread(handle, CHUNK if end is None else min(CHUNK, end - at), at)
        if not chunk:
            return
        yield chunk
        at += len(chunk)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _missing(key: str) -> FileMissing:
    return FileMissing("file_missing", f"No file under the key {key}; it was removed, or files_url changed.")


@contextmanager
def disk_errors_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FilesFull(
                "disk_full", "No room left for files: free some, or let files_url point elsewhere."
            ) from error
        raise FilesError("files_failed", f"Could not write a file: {error.strerror}.") from error
