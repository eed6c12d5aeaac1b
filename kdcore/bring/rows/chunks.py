"""Chunks: some rows of a file at a time, column by column, with their places in the user's file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

ROWS = 4096
"""Rows of a chunk: enough to work by column, few enough to hold."""

Cell = Any
"""Text from text files; text, a number, a switch, a date or None from typed ones."""


class Unreadable(Exception):
    """A file that cannot be used as a whole, or not from here on.

    Attributes:
        code: stable machine-readable name.
        message: what is wrong, where, and the remedy.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


@dataclass(frozen=True)
class Chunk:
    """Rows that follow each other in one file.

    Attributes:
        file: its path within the upload.
        places: line (in Parquet: row) of each row, from 1.
        columns: cells by the column's name, each as long as ``places``.
        read: bytes of the file that were read up to here.
    """

    file: str
    places: Sequence[int]
    columns: Mapping[str, Sequence[Cell]]
    read: int = 0

    def __len__(self) -> int:
        return len(self.places)

    def name(self, row: int) -> str:
        """What reports call a row of this chunk."""
        return f"{self.file}:{self.places[row]}"

    def take(self, rows: Sequence[int]) -> Chunk:
        """The rows at ``rows``."""
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        return Chunk(self.file, [self.places[row] for row in rows], columns, self.read)


def gathered(
    file: str, names: Sequence[str], records: Iterable[tuple[int, Sequence[Cell]]], tell: Callable[[], int]
) -> Iterator[Chunk]:
    """Chunks of records, each a place and as many cells as there are ``names``; ``tell`` says what was read."""
    source = iter(records)
    while batch := list(islice(source, ROWS)):
        places = [place for place, _ in batch]
        columns = dict(zip(names, zip(*(cells for _, cells in batch), strict=True), strict=True))
        yield Chunk(file, places, columns, tell())
