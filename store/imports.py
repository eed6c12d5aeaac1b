"""What operators let users bring from places of their own: folders and prefixes of buckets, each under a name.

Nothing outside of a place is ever read: names are taken apart here, no link is followed, and only plain files count.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from store.errors import FilesError, Invalid
from store.files import CHUNK
from store.settings import Settings

Tell = Callable[[int], None]
"""Told of bytes as they come; raises to end the copy."""

_NO_LINKS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
DEPTH_MAX = 64


@dataclass(frozen=True, slots=True)
class Found:
    """A plain file of an import: its path within what was named, its path in the place, and its bytes."""

    path: str
    whole: str
    bytes: int


class Place(Protocol):
    """A folder or a prefix."""

    def files(self, path: str) -> Iterator[Found]:
        """Plain files of what ``path`` names: of a file itself alone, under its own name.

        Raises:
            FileNotFoundError: there is nothing of that name.
        """

    def open(self, whole: str) -> Iterator[bytes]:
        """The bytes of a file that ``files`` named."""


def look(settings: Settings, name: str) -> dict[str, Any]:
    """How many files an import has, and bytes; what users may not have is refused.

    Raises:
        Invalid: no such place, nothing in it of that name, or more than may be imported.
    """
    place, path = _place(settings, name)
    count = total = 0
    for found in _listed(place, path):
        count, total = count + 1, total + found.bytes
        _check(settings, count, total)
    if not count:
        raise _wrong("not_found", f"{name!r} has no files")
    return {"files": count, "bytes": total}


def fetch(settings: Settings, name: str, folder: Path, tell: Tell) -> None:
    """Copies an import into ``folder``, which is not there yet.

    Raises:
        Invalid: as ``look``.
        FilesError, OSError: it could not be read or written.
    """
    place, path = _place(settings, name)
    count = total = 0
    for found in _listed(place, path):
        count, total = count + 1, total + found.bytes
        _check(settings, count, total)
        target = folder / found.path
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(place.open(found.whole), target, found.bytes, tell)
    if not count:
        raise _wrong("not_found", f"{name!r} has no files")


def _copy(chunks: Iterator[bytes], target: Path, most: int, tell: Tell) -> None:
    left = most
    with target.open("xb") as file:
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                raise FilesError("import_changed", f"{target.name} grew while it was copied; try again.")
            tell(len(chunk))
            file.write(chunk)


def _listed(place: Place, path: str) -> Iterator[Found]:
    try:
        yield from place.files(path)
    except (FileNotFoundError, NotADirectoryError):
        raise _wrong("not_found", f"there is nothing called {path!r} in that place") from None


def _check(settings: Settings, count: int, total: int) -> None:
    if count > settings.import_files:
        raise _wrong("too_many_files", f"more than {settings.import_files} files; bring an archive instead")
    if total > settings.import_bytes:
        raise _wrong("too_large", f"more than {settings.import_bytes} bytes")


def _place(settings: Settings, name: str) -> tuple[Place, str]:
    """The place that the first part of a name means, and the rest of it."""
    first, *rest = name.split("/")
    url = settings.places.get(first)
    if url is None:
        known = ", ".join(sorted(settings.places)) or "none, ask whoever operates the service"
        raise _wrong("unknown_place", f"{first[:80]!r} is no place to import from; known: {known}")
    for part in rest:
        if not is_plain(part):
            raise _wrong("invalid_value", f"{part[:80]!r} cannot be part of a name: write place/folder/file")
    return opened(url), "/".join(rest)


def is_plain(part: str) -> bool:
    """Whether one part of a path is a name and nothing else."""
    return part not in ("", ".", "..") and "\\" not in part and part.isprintable() and len(part.encode()) <= 255


def _wrong(code: str, detail: str) -> Invalid:
    return Invalid(code, f"/source/import: {detail}")


def opened(url: str) -> Place:
    """The place that an operator's URL means."""
    address = urlsplit(url)
    if address.scheme == "s3":
        from store.importbuckets import Bucket

        return Bucket(url)
    return Folder(Path(unquote(address.path)))


class Folder:
    """A folder on this machine, walked by handles of folders so that nothing can be put in between."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def files(self, path: str) -> Iterator[Found]:
        """See ``Place.files``."""
        with self._handle(path) as handle:
            about = os.fstat(handle)
            if stat.S_ISREG(about.st_mode):
                yield Found(path.rpartition("/")[2], path, about.st_size)
            elif stat.S_ISDIR(about.st_mode):
                yield from _walk(handle, path, "", DEPTH_MAX)
            else:
                raise FileNotFoundError(path)

    def open(self, whole: str) -> Iterator[bytes]:
        """See ``Place.open``."""
        with self._handle(whole) as handle:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise FileNotFoundError(whole)
            while chunk := os.read(handle, CHUNK):
                yield chunk

    @contextmanager
    def _handle(self, path: str) -> Iterator[int]:
        """What lies at ``path`` below the root, reached without a link on the way."""
        handle = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)  # the root itself is the operator's word
        try:
            for part in filter(None, path.split("/")):
                handle, above = _inside(handle, part), handle
                os.close(above)
            yield handle
        finally:
            os.close(handle)


def _inside(folder: int, name: str) -> int:
    try:
        return os.open(name, _NO_LINKS, dir_fd=folder)
    except OSError as error:  # a link, a socket, somebody else's: none of the user's business
        raise FileNotFoundError(name) from error


def _walk(folder: int, above: str, before: str, depth: int) -> Iterator[Found]:
    if not depth:
        raise _wrong("too_deep", f"folders lie deeper than {DEPTH_MAX} in each other")
    for name in sorted(filter(is_plain, os.listdir(folder))):
        with suppress(FileNotFoundError):
            handle = _inside(folder, name)
            try:
                about = os.fstat(handle)
                if stat.S_ISDIR(about.st_mode):
                    yield from _walk(handle, above, f"{before}{name}/", depth - 1)
                elif stat.S_ISREG(about.st_mode):
                    yield Found(before + name, f"{above}/{before}{name}".strip("/"), about.st_size)
            finally:
                os.close(handle)
