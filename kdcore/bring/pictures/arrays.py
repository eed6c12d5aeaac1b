"""NumPy files of strangers: arrays of plain numbers, streamed to a mapped file; pickles are never opened.

The form of a file is that of NumPy's NEP 1. ``numpy.load`` would do, but takes a member of any size into memory.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

import numpy as np
from numpy.lib import format as npy

from kdcore.bring.members import CHUNK
from kdcore.bring.room import Array, Room
from kdcore.errors import EngineError
from kdcore.spec.base import suggestion

KINDS: Final = "buif"
"""NumPy's letters for switches, whole numbers and fractions."""

LONGEST_HEADER: Final = 10_000
_DAMAGED = (EOFError, OSError, ValueError, SyntaxError, zipfile.BadZipFile, zlib.error, NotImplementedError)
"""What NumPy and ``zipfile`` raise for damaged files; the last, for an unknown way of packing."""


def open_array(room: Room, key: str, pointer: str) -> Array:
    """An array by its key in the only NPZ file, by ``file.npz:key``, or by ``file.npy``; mapped.

    Args:
        pointer: the option that names it.

    Raises:
        EngineError: ``invalid_data``, when there is none, it holds objects, is damaged, or too large.
    """
    name, member = _named(room, key, pointer)
    label = f"{name}:{member}" if member else name
    try:
        with _opened(room, name, member, pointer) as (file, packed):
            return _stream(room, file, label, packed)
    except _DAMAGED as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise EngineError("invalid_data", f"{label}: no readable array ({first}): save it anew", pointer) from None


def _named(room: Room, key: str, pointer: str) -> tuple[str, str | None]:
    file, colon, member = key.rpartition(":")
    if not colon and key.lower().endswith(".npy"):
        file, member = key, ""
    name = room.tree.find(file) if file else None
    if file and name is None:
        raise EngineError("invalid_data", f"no file {file!r}; {suggestion(file, room.tree.names)}", pointer)
    return name or room.tree.only("the NPZ file", ".npz"), member or None


@contextmanager
def _opened(room: Room, name: str, member: str | None, pointer: str) -> Iterator[tuple[IO[bytes], int]]:
    """An array's bytes, and how many packed ones there are."""
    path = room.tree.path(name)
    if member is None:
        with path.open("rb") as file:
            yield file, path.stat().st_size
        return
    with zipfile.ZipFile(path) as archive:
        keys = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
        if member not in keys:
            raise EngineError("invalid_data", f"{name} has no array {member!r}; {suggestion(member, keys)}", pointer)
        entry = keys[member]
        if entry.flag_bits & 1 or entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise EngineError("invalid_data", f"{name}: {member} is packed in a way that is not read", pointer)
        with archive.open(entry) as packed:
            yield packed, min(entry.compress_size, path.stat().st_size)


def _stream(room: Room, file: IO[bytes], label: str, packed: int) -> Array:
    shape, is_fortran, dtype = _header(file)
    if dtype.hasobject or dtype.kind not in KINDS:
        what = "Python objects, which are never opened" if dtype.hasobject else f"values of type {dtype}"
        raise ValueError(f"it holds {what}: save plain numbers")
    if not shape:
        raise ValueError("it is a single number")
    stored = shape[::-1] if is_fortran else shape
    room.check_claim(label, math.prod(shape) * dtype.itemsize, packed)
    rows = room.rows(re.sub(r"\W", "-", label), stored[0], stored[1:], dtype)
    flat, done = rows.reshape(-1).view(np.uint8), 0
    room.steps.begin("read", flat.size)
    while data := file.read(CHUNK):
        if done + len(data) > flat.size:
            raise ValueError(f"more than the {flat.size} bytes that its header promises")
        flat[done : done + len(data)] = np.frombuffer(data, np.uint8)
        done += len(data)
        room.steps.advance(len(data))
    if done < flat.size:
        raise ValueError(f"{done} of the {flat.size} bytes that its header promises")
    return rows.T if is_fortran else rows


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return read(file, max_header_size=LONGEST_HEADER)
