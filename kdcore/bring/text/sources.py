"""Sources and the texts to be written for them, as files have them: columns, objects within objects, or two files."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import zip_longest
from typing import Any

import numpy as np

from kdcore.bring.cutting import SPLITS, Places
from kdcore.bring.room import Room
from kdcore.bring.rows.chunks import Chunk, Unreadable
from kdcore.bring.rows.columns import require
from kdcore.bring.rows.encoding import codec_of, opened
from kdcore.bring.rows.files import chunks_of, matching, rows_files
from kdcore.bring.rows.numbers import as_text
from kdcore.bring.text.spool import TextSpool
from kdcore.errors import EngineError
from kdcore.spec.bringing.generation import Generation
from kdcore.spec.cards import SplitName

WITHIN, BETWEEN = " | ", " ; "
"""Between the entries of a list, and between lists, of a source."""


@dataclass(frozen=True)
class _Row:
    """A source with its references, from one place of a file."""

    name: str
    split: SplitName | None
    source: str
    references: Sequence[str]


@dataclass(frozen=True)
class Sources:
    """All pairs of a source and one reference.

    Attributes:
        texts: source and reference of each pair, [N].
        names: of each pair.
        split: [N], places in ``SPLITS``; None where nobody said.
        group: [N], equal where split and source are.
    """

    texts: TextSpool
    names: Sequence[str]
    split: Places | None
    group: Places


def sources(room: Room, options: Generation) -> Sources:
    """Read every pair once.

    Raises:
        EngineError: ``invalid_data``, for columns or files that are missing, and beyond the caps.
    """
    spool, names = TextSpool(room.scratch / "texts", room.caps.pack_bytes), []
    splits, groups, known = array("q"), array("q"), dict[tuple[int, bytes], int]()
    for row in _parallel(room, options) if options.parallel else _columns(room, options):
        split = SPLITS.index(row.split) if row.split is not None else 0
        key = (split, blake2b(row.source.encode(), digest_size=8).digest())
        group = known.setdefault(key, len(known))
        for number, reference in enumerate(row.references):
            spool.add([row.source, reference])
            names.append(row.name if len(row.references) == 1 else f"{row.name}, reference {number + 1}")
            splits.append(split if row.split is not None else -1)
            groups.append(group)
        if len(spool) > room.caps.examples:
            message = f"has more than {room.caps.examples} examples: bring fewer"
            raise EngineError("invalid_data", message, "/source")
    room.found.settle(len(spool))
    _warn_of_leaks(known, room)
    split_of = np.array(splits, np.int64)
    return Sources(spool, names, None if (split_of < 0).any() else split_of, np.array(groups, np.int64))


def _warn_of_leaks(known: dict[tuple[int, bytes], int], room: Room) -> None:
    for one, first in enumerate(SPLITS):
        for other in range(one + 1, len(SPLITS)):
            shared = sum((one, digest) in known for split, digest in known if split == other)
            if shared:
                message = f"{shared} sources of {SPLITS[other]} are in {first} as well: figures will be too good"
                room.found.warn("leak", message, splits=[first, SPLITS[other]])


def _columns(room: Room, options: Generation) -> Iterator[_Row]:
    for file, chunk in chunks_of(rows_files(room.tree, options), options.reading, room):
        wanted = [
            _Path.of(chunk, name, pointer) for name, pointer in ((options.text, "/text"), (options.target, "/target"))
        ]
        for row in range(len(chunk)):
            source, target = (path.at(chunk, row) for path in wanted)
            yield from _checked(chunk.name(row), file.split, source, target, room)


def _checked(name: str, split: SplitName | None, source: Any, target: Any, room: Room) -> Iterator[_Row]:
    written = _written(source)
    references = [text for one in (target if isinstance(target, list) else [target]) if (text := _written(one))]
    if not written or not references:
        missing = "source" if not written else "text to be written"
        room.found.fault(name, "no_text", f"has no {missing}: give one, or leave it out")
    else:
        yield _Row(name, split, written, references)


def _written(value: Any) -> str:
    """A cell as text; nothing for what is none."""
    if isinstance(value, list):
        nested = any(isinstance(part, list) for part in value)
        return (BETWEEN if nested else WITHIN).join(filter(None, map(_written, value)))
    return "" if value is None or isinstance(value, dict) else as_text(value)


@dataclass(frozen=True)
class _Path:
    """Where a value lies: a column, and keys of the objects in it."""

    column: str
    keys: tuple[str, ...]

    @classmethod
    def of(cls, chunk: Chunk, name: str, pointer: str) -> _Path:
        """The column called ``name``, or the one before its first point."""
        if name in chunk.columns or "." not in name:
            require(chunk.columns, [name], chunk.file, pointer)
            return cls(name, ())
        column, *keys = name.split(".")
        require(chunk.columns, [column], chunk.file, pointer)
        return cls(column, tuple(keys))

    def at(self, chunk: Chunk, row: int) -> Any:
        """The value of a row; of a list of objects, the list of their values."""
        value = chunk.columns[self.column][row]
        for key in self.keys:
            value = [_got(one, key) for one in value] if isinstance(value, list) else _got(value, key)
        return value


def _got(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _parallel(room: Room, options: Generation) -> Iterator[_Row]:
    pairs = {
        split: [
            matching(room.tree, (pattern,), f"/parallel/{split}/{side}")[0]
            for side, pattern in (("source", files.source), ("target", files.target))
        ]
        for split, files in options.parallel.items()
    }
    room.steps.begin("read", sum(room.tree.path(names[0]).stat().st_size for names in pairs.values()))
    for split, names in pairs.items():
        try:
            yield from _lines(names, split, options, room)
        except Unreadable as error:
            room.found.fault(names[0], error.code, error.message)


def _lines(names: Sequence[str], split: SplitName, options: Generation, room: Room) -> Iterator[_Row]:
    paths = [room.tree.path(name) for name in names]
    codecs = [codec_of(path, options.reading.encoding, room.caps.line_bytes) for path in paths]
    with opened(paths[0], codecs[0]) as (one, _), opened(paths[1], codecs[1]) as (other, _):
        for place, (source, target) in enumerate(zip_longest(one, other), 1):
            if source is None or target is None:
                shorter, longer = (names[0], names[1]) if source is None else (names[1], names[0])
                message = f"{shorter} has {place - 1} lines and {longer} has more: line i belongs to line i"
                raise Unreadable("wrong_lines", message)
            yield from _checked(f"{names[1]}:{place}", split, source.strip(), target.strip(), room)
            room.steps.advance(len(source))
