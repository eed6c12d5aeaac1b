"""``idx``: the files of MNIST and its kin (Y. LeCun, "The MNIST database", file formats), packed by gzip or not."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

import numpy as np

from kdcore.bring.room import Array, Reading, Room
from kdcore.errors import EngineError
from kdcore.spec.bringing.pictures import Idx
from kdcore.spec.cards import InputCard, SplitName, TargetCard

BLOCK: Final = 1 << 22
_BYTES: Final = 8
"""The type number of unsigned bytes; the only type that pictures and classes have here."""


def read_idx(room: Room, options: Idx) -> Reading:
    """Read pictures and their classes.

    Raises:
        EngineError: ``invalid_data``, naming the file.
    """
    pairs = _pairs(room, options)
    room.steps.begin("read", sum(room.tree.path(name).stat().st_size for pair in pairs.values() for name in pair))
    headers = [_header(room, images, 3) for images, _ in pairs.values()]
    if len({tuple(shape[1:]) for shape in headers}) > 1:
        raise _bad(next(iter(pairs.values()))[0], f"the splits' pictures have several sizes ({headers}): bring one")
    for (images, _), shape in zip(pairs.values(), headers, strict=True):
        room.check_claim(images, math.prod(shape), room.tree.path(images).stat().st_size)
    pixels = room.rows("pictures", sum(shape[0] for shape in headers), (1, *headers[0][1:]), np.uint8)
    labels = room.rows("labels", len(pixels), (), np.uint8)
    names: list[str] = []
    given: list[SplitName] = []
    for (split, (images, answers)), shape in zip(pairs.items(), headers, strict=True):
        start = len(names)
        _fill(room, images, pixels[start : start + shape[0]], shape)
        _fill(room, answers, labels[start : start + shape[0]], (shape[0],))
        names += [f"{images}:{place}" for place in range(shape[0])]
        given += [split] * shape[0]
    return Reading(
        task="classification",
        input=InputCard(kind="image", shape=pixels.shape[1:], channels=("grey",)),
        target=TargetCard(classes=_classes(options, labels)),
        inputs=pixels,
        targets=np.asarray(labels, dtype=np.int64),
        names=names,
        given=given,
        flip=options.flip,
    )


def _classes(options: Idx, labels: Array) -> tuple[str, ...]:
    highest = int(labels.max()) if len(labels) else 0
    if options.classes and highest >= len(options.classes):
        message = f"label {highest} occurs, and classes has {len(options.classes)} names: name all of them"
        raise EngineError("invalid_data", message, "/classes")
    return options.classes or tuple(map(str, range(highest + 1)))


def _pairs(room: Room, options: Idx) -> dict[SplitName, tuple[str, str]]:
    """Files of pictures and of labels by split."""
    found: dict[SplitName, tuple[str, str]] = {
        "train": (
            _file(room, options.images, ("train",), "images", "/images"),
            _file(room, options.labels, ("train",), "labels", "/labels"),
        )
    }
    has_test = any(_is(name, ("t10k", "test"), "images") for name in room.tree.names)
    if has_test or options.test_images is not None:
        found["test"] = (
            _file(room, options.test_images, ("t10k", "test"), "images", "/test_images"),
            _file(room, options.test_labels, ("t10k", "test"), "labels", "/test_labels"),
        )
    return found


def _file(room: Room, wanted: str | None, beginnings: tuple[str, ...], kind: str, option: str) -> str:
    if wanted is None:
        fitting = [name for name in room.tree.names if _is(name, beginnings, kind)]
        found = fitting[0] if len(fitting) == 1 else None
    else:
        found = room.tree.find(wanted)
    if found is None:
        meant = repr(wanted) if wanted else f"that begins with {' or '.join(beginnings)} and holds {kind!r}"
        raise EngineError("invalid_data", f"there is not one file {meant}: name the file", option)
    return found


def _is(name: str, beginnings: tuple[str, ...], kind: str) -> bool:
    file = name.rpartition("/")[2].lower()
    return file.startswith(beginnings) and kind in file


@contextmanager
def _opened(room: Room, name: str) -> Iterator[BinaryIO]:
    with room.tree.path(name).open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            if is_packed:
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield unpacked  # type: ignore[misc]  # read as a binary file is, typed apart
            else:
                yield file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _bad(name, f"it is damaged ({error}): upload it anew") from None


def _header(room: Room, name: str, axes: int) -> tuple[int, ...]:
    """The shape that a file claims."""
    with _opened(room, name) as file:
        return _shape(name, file, axes)


def _shape(name: str, file: BinaryIO, axes: int) -> tuple[int, ...]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise _bad(name, "it is no idx file: it does not begin with two zero bytes")
    if magic[2] != _BYTES or magic[3] != axes:
        raise _bad(name, f"it has type {magic[2]} and {magic[3]} axes, expected are type {_BYTES} and {axes}")
    sides = file.read(4 * axes)
    if len(sides) < 4 * axes:
        raise _bad(name, "it ends within its header: upload it anew")
    return struct.unpack(f">{axes}I", sides)


def _fill(room: Room, name: str, rows: Array, shape: tuple[int, ...]) -> None:
    """Read a file's numbers into ``rows``."""
    flat, done = rows.reshape(-1), 0
    packed = room.tree.path(name).stat().st_size
    with _opened(room, name) as file:
        if (claimed := _shape(name, file, len(shape))) != shape:
            raise _bad(name, f"it has {claimed[0]} labels for {shape[0]} pictures: bring files that belong together")
        while data := file.read(BLOCK):
            if done + len(data) > flat.size:
                raise _bad(name, f"it has more than the {flat.size} bytes that its header promises: upload it anew")
            flat[done : done + len(data)] = np.frombuffer(data, np.uint8)
            done += len(data)
            room.steps.advance(0)
    if done < flat.size:
        raise _bad(name, f"it has {done} of the {flat.size} bytes that its header promises: upload it anew")
    room.steps.advance(packed)


def _bad(name: str, fault: str) -> EngineError:
    return EngineError("invalid_data", f"{name}: {fault}", "/source")
