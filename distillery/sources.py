"""What can be sent: a file as it is, or a folder as one tar that is made while it is read and is the same each time."""

import os
import tarfile
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from distillery.errors import IntegrityError

BLOCK = 512
END = bytes(2 * BLOCK)
"""Two empty blocks end a tar (POSIX.1-2001, pax)."""


class Source(Protocol):
    """Bytes of a known number that can be read from any place, by several threads."""

    name: str
    size: int

    def read(self, at: int, count: int) -> bytes:
        """``count`` bytes from ``at``, fewer at the end.

        Raises:
            IntegrityError: they are not what they were when the reading began.
        """

    def check(self) -> None:
        """See that it is still as it was.

        Raises:
            IntegrityError: it is not.
        """


def source_of(path: Path, name: str | None = None) -> Source:
    """A file, or a folder with everything in it but links and what is hidden.

    Raises:
        OSError: there is no such thing, or it cannot be read.
    """
    return Folder(path, name) if path.is_dir() else File(path, name)


class File:
    """A file as it is."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        self._path, self.name, self.size = path, name or path.name, path.stat().st_size

    def read(self, at: int, count: int) -> bytes:
        """See `Source.read`."""
        with self._path.open("rb") as file:
            file.seek(at)
            return file.read(count)

    def check(self) -> None:
        """See `Source.check`."""
        if self._path.stat().st_size != self.size:
            raise IntegrityError(f"{self._path} changed while it was being sent: send it again.")


class Folder:
    """A folder as a tar: members sorted, without owners and times, so that what broke off can be gone on with."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        root = path.resolve()
        self.name = name or f"{root.name or 'folder'}.tar"
        self._members = [_Member(found, relative) for relative, found in sorted(_plain_files(root))]
        self._starts, at = [], 0
        for member in self._members:
            self._starts.append(at)
            at += member.length
        self.size = at + len(END)

    @property
    def files(self) -> int:
        """How many there are in it."""
        return len(self._members)

    def read(self, at: int, count: int) -> bytes:
        """See `Source.read`."""
        found = bytearray()
        until = min(at + count, self.size)
        while (here := at + len(found)) < until:
            found += self._piece(here, until - here)
        return bytes(found)

    def _piece(self, at: int, count: int) -> bytes:
        index = bisect_right(self._starts, at) - 1
        if index >= 0 and at < self._starts[index] + self._members[index].length:
            return self._members[index].read(at - self._starts[index], count)
        begin = at - (self.size - len(END))
        return END[begin : begin + count]

    def check(self) -> None:
        """See `Source.check`."""
        for member in self._members:
            member.check()


class _Member:
    """A file with its header before it and zeros behind it."""

    def __init__(self, path: Path, name: str) -> None:
        about = path.stat()
        self._path, self._bytes, self._changed = path, about.st_size, about.st_mtime_ns
        info = tarfile.TarInfo(name)
        info.size = about.st_size
        self._header = info.tobuf(tarfile.PAX_FORMAT)
        self.length = len(self._header) + -(-about.st_size // BLOCK) * BLOCK

    def read(self, at: int, count: int) -> bytes:
        """Up to ``count`` bytes; at least one."""
        if at < len(self._header):
            return self._header[at : at + count]
        begin = at - len(self._header)
        if begin >= self._bytes:
            return bytes(min(count, self.length - at))
        wanted = min(count, self._bytes - begin)
        with self._path.open("rb") as file:
            file.seek(begin)
            data = file.read(wanted)
        if len(data) < wanted:
            raise IntegrityError(f"{self._path} changed while it was being sent: send it again.")
        return data

    def check(self) -> None:
        about = self._path.stat()
        if (about.st_size, about.st_mtime_ns) != (self._bytes, self._changed):
            raise IntegrityError(f"{self._path} changed while it was being sent: send it again.")


def _plain_files(root: Path) -> Iterator[tuple[str, Path]]:
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(place, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path.relative_to(root).as_posix(), path
