"""Tar archives, plain or packed by gzip, bzip2 or xz, read once from front to back by headers that we check ourselves.

``tarfile`` reads a long name of any size into memory before anybody can refuse it; so only its parser of one header is
used (POSIX.1-2001 pax; GNU long names).
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from kdcore.bring.members import CHUNK, Shelf
from kdcore.errors import EngineError

BLOCK: Final = tarfile.BLOCKSIZE
LONGEST_HEADER: Final = 1 << 16
"""Bytes of a pax header or a long name."""

XZ_MEMORY: Final = 1 << 28
"""Bytes that xz may take; its strongest setting takes a quarter of it."""

DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error, tarfile.HeaderError)


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""


class Xz:
    """An xz file, unpacked with a bound on memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._one, self._rest = file, self._new(), b""

    @staticmethod
    def _new() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=XZ_MEMORY)

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        while True:
            if self._one.eof:
                self._rest = (self._one.unused_data or self._file.read(CHUNK)).lstrip(b"\0")
                if not self._rest:
                    return b""
                self._one = self._new()
            packed = self._rest
            if not packed and self._one.needs_input:
                packed = self._file.read(CHUNK)
                if not packed:
                    raise EOFError("the xz file ends too early")
            self._rest = b""
            if found := self._one.decompress(packed, size):
                return found


def unpack_tar(archive: Path, shelf: Shelf) -> None:
    """Write an archive's plain files to its shelf.

    Raises:
        EngineError: ``invalid_data`` when it is damaged or a member is refused; ``disk_full``.
    """
    with archive.open("rb") as file:
        reading = Reading(_opened(file), file, shelf)
        try:
            for member, name in reading.members():
                reading.copy(member, name)
        except DAMAGED as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise shelf.full(error) from error
            message = f"{archive.name}: behind {reading.last!r} the archive is damaged ({error}): pack it anew"
            raise EngineError("invalid_data", message, "/source") from None


def _opened(file: BinaryIO) -> Stream:
    magic = file.read(6)
    file.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(file)
    return Xz(file) if magic == b"\xfd7zXZ\0" else file


class Reading:
    """One pass over a tar archive."""

    def __init__(self, stream: Stream, file: BinaryIO, shelf: Shelf) -> None:
        self.stream, self.file, self.shelf, self.last = stream, file, shelf, ""
        self._seen = 0

    def members(self) -> Iterator[tuple[tarfile.TarInfo, str | None]]:
        """Each plain file and the name to write it to, if any; its bytes must be read before the next one."""
        named: dict[str, str] = {}
        while header := self._header():
            if header.type == tarfile.GNUTYPE_LONGNAME:
                named["path"] = self._text(header).rstrip("\0")
            elif header.type == tarfile.XHDTYPE:
                named |= self._pax(header)
            elif header.type in {tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK}:
                self._text(header)
            else:
                self._apply(header, named)
                named = {}
                name = self.shelf.enter(header.name, is_folder=header.isdir())
                if not header.isdir():
                    yield header, name

    def _apply(self, header: tarfile.TarInfo, named: dict[str, str]) -> None:
        header.name = named.get("path", header.name)
        if "size" in named:
            header.size = int(named["size"]) if named["size"].isdecimal() else -1
        self.last = header.name
        kind = next((kind for kind, types in _REFUSED.items() if header.type in types), None)
        if any(key.startswith("GNU.sparse") for key in named):
            kind = "a sparse file"
        if kind is None and header.type not in _PLAIN and not header.isdir():
            kind = f"of the unknown type {header.type!r}"
        if kind is not None:
            self.shelf.refuse(header.name, f"is {kind}: archives may hold plain files and folders only")
        if header.size < 0 or (header.isdir() and header.size):
            self.shelf.refuse(header.name, f"claims {header.size} bytes: pack it anew")

    def copy(self, member: tarfile.TarInfo, name: str | None) -> None:
        """Write a member's bytes, or pass over them where ``name`` is None."""
        with open(os.devnull if name is None else self.shelf.open(name), "wb") as out:
            left = member.size
            while left:
                data = self._read(min(CHUNK, left))
                left -= len(data)
                self.shelf.spend(member.name, len(data), member.size - left, self.shelf.packed)
                out.write(data)
        self._read(-member.size % BLOCK)

    def _header(self) -> tarfile.TarInfo | None:
        block = self._read(BLOCK)
        if not any(block):
            return None
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")

    def _text(self, header: tarfile.TarInfo) -> str:
        if not 0 <= header.size <= LONGEST_HEADER:
            self.shelf.refuse(header.name, f"has a header of {header.size} bytes: pack it anew")
        data = self._read(header.size)
        self._read(-header.size % BLOCK)
        return data.decode("utf-8", "surrogateescape")

    def _pax(self, header: tarfile.TarInfo) -> dict[str, str]:
        text, found = self._text(header).encode("utf-8", "surrogateescape"), {}
        while text:
            length, blank, _ = text.partition(b" ")
            if not blank or not length.isdigit() or not len(length) + 3 <= int(length) <= len(text):
                self.shelf.refuse(header.name, "has a damaged header: pack it anew")
            key, _, value = text[len(length) + 1 : int(length) - 1].partition(b"=")
            found[key.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
            text = text[int(length) :]
        return found

    def _read(self, size: int) -> bytes:
        """Exactly ``size`` bytes."""
        parts = []
        while size:
            data = self.stream.read(size)
            if not data:
                raise EOFError("it ends too early")
            parts.append(data)
            size -= len(data)
        place = self.file.tell()
        self.shelf.steps.advance(place - self._seen)
        self._seen = place
        return b"".join(parts)


_PLAIN: Final = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE}
_REFUSED: Final = {
    "a link": {tarfile.SYMTYPE, tarfile.LNKTYPE},
    "a device": {tarfile.CHRTYPE, tarfile.BLKTYPE},
    "a pipe": {tarfile.FIFOTYPE},
    "a sparse file": {tarfile.GNUTYPE_SPARSE},
}
