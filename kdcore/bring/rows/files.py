"""Which files of an upload are read, as which split, and by which reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from kdcore.bring.caps import Caps
from kdcore.bring.cutting import SPLITS
from kdcore.bring.findings import Findings
from kdcore.bring.room import Room
from kdcore.bring.rows.chunks import Chunk, Unreadable
from kdcore.bring.rows.delimited import delimited
from kdcore.bring.rows.documents import json_lines, json_list
from kdcore.bring.rows.parquet import parquet
from kdcore.bring.rows.patterned import patterned
from kdcore.bring.tree import Tree
from kdcore.errors import EngineError
from kdcore.spec.bringing.rows import FilesBringing, RowsReading
from kdcore.spec.cards import SplitName

Reader = Callable[[Path, str, RowsReading, Caps, Findings], Iterator[Chunk]]

READERS: dict[str, Reader] = {
    ".csv": delimited,
    ".tsv": delimited,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_list,
    ".parquet": parquet,
}
"""By the ending; anything else is delimited text, or follows ``reading.pattern``."""

SYNONYMS: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}


@dataclass(frozen=True)
class RowsFile:
    """A file to read.

    Attributes:
        name: its path within the upload, as reports call it.
        split: that it is, or None.
    """

    path: Path
    name: str
    split: SplitName | None = None

    def chunks(self, reading: RowsReading, caps: Caps, findings: Findings) -> Iterator[Chunk]:
        """Its rows; what cannot be read any further is a fault of the file.

        Every text file is read twice: once for its encoding, so that no row of a file in a wrong one is taken.
        """
        try:
            yield from self._reader(reading)(self.path, self.name, reading, caps, findings)
        except Unreadable as error:
            findings.fault(self.name, error.code, error.message)

    def _reader(self, reading: RowsReading) -> Reader:
        ending = self.path.suffix.lower()
        return patterned if reading.pattern and ending != ".parquet" else READERS.get(ending, delimited)


def rows_files(tree: Tree, bringing: FilesBringing, endings: Iterable[str] = READERS) -> list[RowsFile]:
    """The files of an upload that a dataset has its rows in, by name.

    Args:
        endings: kinds of files to look for where nobody named any.

    Raises:
        EngineError: ``invalid_data``, when patterns match nothing, or it is unclear which files belong to the dataset.
    """
    if bringing.splits:
        return [
            RowsFile(tree.path(name), name, split)
            for split in SPLITS
            for name in matching(tree, bringing.splits.get(split, ()), f"/splits/{split}")
        ]
    names = matching(tree, bringing.files, "/files") if bringing.files else _of_one_kind(tree, endings)
    splits = _splits_of(names)
    return [RowsFile(tree.path(name), name, splits.get(name)) for name in names]


def chunks_of(files: Sequence[RowsFile], reading: RowsReading, room: Room) -> Iterator[tuple[RowsFile, Chunk]]:
    """The chunks of all files, one file after the other; progress is told, and stopping asked for, at each."""
    room.steps.begin("read", sum(file.path.stat().st_size for file in files))
    for file in files:
        before = 0
        for chunk in file.chunks(reading, room.caps, room.found):
            yield file, chunk
            room.steps.advance(max(chunk.read - before, 0))
            before = max(chunk.read, before)


def matching(tree: Tree, patterns: tuple[str, ...], pointer: str) -> list[str]:
    """Names of files that fit patterns, in order.

    Raises:
        EngineError: ``invalid_data``, at ``pointer``, for a pattern that none fits.
    """
    chosen: dict[str, None] = {}
    for pattern in patterns:
        names = [name for name in tree.names if fnmatchcase(name, pattern)]
        if not names:
            shown = ", ".join(tree.names[:5])
            raise EngineError("invalid_data", f"no file is called {pattern!r}; files of the upload: {shown}", pointer)
        chosen.update(dict.fromkeys(names))
    return sorted(chosen)


def _of_one_kind(tree: Tree, endings: Iterable[str]) -> list[str]:
    if len(tree.names) == 1:
        return list(tree.names)
    kinds = [names for ending in endings if (names := tree.ending(ending))]
    if len(kinds) == 1:
        return kinds[0]
    shown = ", ".join(tree.names[:5])
    message = f"cannot tell which files have the rows (files of the upload: {shown}): name them in files or splits"
    raise EngineError("invalid_data", message, "/files")


def _splits_of(names: list[str]) -> dict[str, SplitName]:
    """Splits that names speak of, where every file's does and one is for training."""
    spoken = {
        name: {SYNONYMS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in SYNONYMS} for name in names
    }
    if all(len(splits) == 1 for splits in spoken.values()):
        found = {name: next(iter(splits)) for name, splits in spoken.items()}
        return found if "train" in found.values() else {}
    return {}
