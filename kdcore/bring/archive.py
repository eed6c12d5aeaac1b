"""Archives of strangers, unpacked into a folder of their own and nowhere else: zip and tar.

Refused, by the member's name: absolute paths, ``..``, links, devices, names that come twice, encrypted members, and
what costs more members, bytes, or bytes for a packed byte than allowed, counted while it is unpacked. Archives within
archives stay closed.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from kdcore.bring.findings import Findings
from kdcore.bring.members import CHUNK, Budget, Shelf
from kdcore.bring.steps import Steps
from kdcore.bring.tarball import unpack_tar
from kdcore.errors import EngineError

__all__ = ["Budget", "is_archive", "unpack"]

TARS: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
OTHERS: Final = (".7z", ".rar", ".tar.zst", ".tar.lz4", ".cab", ".iso")
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, struct.error)
"""What ``zipfile`` raises for damaged archives; ``NotImplementedError`` for ways of packing it does not know."""


def is_archive(name: str) -> bool:
    """Whether a file is opened as an archive, by its name.

    Raises:
        EngineError: ``invalid_data``, for archives of other kinds.
    """
    lower = name.lower()
    if lower.endswith(OTHERS):
        raise EngineError("invalid_data", f"{name}: pack it as .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz", "/source")
    return lower.endswith((".zip", *TARS))


def unpack(archive: Path, folder: Path, budget: Budget, found: Findings, steps: Steps) -> None:
    """Write the plain files of an archive into a new folder, but hidden ones and what systems leave behind.

    Args:
        archive: the file; a name that `is_archive` accepts.
        folder: does not exist yet.
        budget: what unpacking may cost and has cost.
        found: takes members of a zip that are damaged by themselves.
        steps: told the packed bytes that were read.

    Raises:
        EngineError: ``invalid_data``, naming the member; ``disk_full``.
    """
    shelf = Shelf(archive, folder, budget, steps)
    if archive.name.lower().endswith(".zip"):
        _unpack_zip(archive, shelf, found)
    else:
        unpack_tar(archive, shelf)


def _unpack_zip(archive: Path, shelf: Shelf, found: Findings) -> None:
    try:
        with archive.open("rb") as file:
            _count(file, shelf)
        opened = zipfile.ZipFile(archive)
    except DAMAGED as error:
        message = f"{archive.name}: no readable zip file ({error}): pack or upload it anew"
        raise EngineError("invalid_data", message, "/source") from None
    with opened:
        for member in opened.infolist():
            _judge(member, shelf)
            name = shelf.enter(member.filename, is_folder=member.filename.endswith(("/", "\\")))
            if name is not None:
                _copy(opened, member, name, shelf, found)
            shelf.steps.advance(min(member.compress_size, shelf.packed))


def _judge(member: zipfile.ZipInfo, shelf: Shelf) -> None:
    if member.flag_bits & 0x2041:
        shelf.refuse(member.filename, "is encrypted: pack it without a password")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        said = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe"}.get(kind, "a device")
        shelf.refuse(member.filename, f"is {said}: archives may hold plain files and folders only")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        shelf.refuse(member.filename, f"is packed by method {member.compress_type}: pack it by deflate")


def _copy(opened: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, shelf: Shelf, found: Findings) -> None:
    descriptor = shelf.open(name)
    written = 0
    try:
        with open(descriptor, "wb") as out, opened.open(member) as source:
            while data := source.read(CHUNK):
                written += len(data)
                shelf.spend(member.filename, len(data), written, member.compress_size)
                out.write(data)
                shelf.steps.advance(0)
        if written != member.file_size:
            raise EOFError(f"{written} bytes, {member.file_size} were promised")
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # a damaged offset cannot be sought
            raise shelf.full(error) from error
        (shelf.folder / name).unlink(missing_ok=True)
        found.fault(member.filename, "damaged_member", f"cannot be unpacked ({error}): pack or upload it anew")


_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_BEFORE_END: Final = 76
"""Bytes of the 64-bit end of the directory and its locator, which stand before the old end."""

_ENTRY: Final = 46


def _count(file: BinaryIO, shelf: Shelf) -> None:
    """Refuse a zip whose directory has too many entries, before ``zipfile`` keeps all of them in memory.

    APPNOTE.TXT 6.3.10, sections 4.3.12 to 4.3.16.
    """
    place, size = _directory(file)
    file.seek(place)
    count, left = 0, size
    while left >= _ENTRY:
        head = file.read(_ENTRY)
        if head[:4] != b"PK\1\2":
            raise zipfile.BadZipFile("its directory is damaged")
        length = sum(struct.unpack("<3H", head[28:34]))
        file.seek(length, os.SEEK_CUR)
        left -= _ENTRY + length
        count += 1
        if count > shelf.budget.caps.members:
            message = f"{shelf.archive}: more than {shelf.budget.caps.members} members: pack fewer files"
            raise EngineError("invalid_data", message, "/source")


def _directory(file: BinaryIO) -> tuple[int, int]:
    """Place and size of a zip's directory."""
    length = file.seek(0, os.SEEK_END)
    start = max(0, length - (1 << 16) - _END.size)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0:
        raise zipfile.BadZipFile("it has no directory, or ends too early")
    size, end = int(_END.unpack_from(tail, at)[5]), start + at
    if at >= _BEFORE_END and tail[at - 20 : at - 16] == b"PK\6\7":
        size, end = int(_END_64.unpack_from(tail, at - _BEFORE_END)[8]), end - _BEFORE_END
    if size > end:
        raise zipfile.BadZipFile("its directory is larger than the file")
    return end - size, size
