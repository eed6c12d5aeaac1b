"""What is known of every row that is kept: where it came from, its group, and the split that somebody gave it."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.caps import Caps
from kdcore.bring.cutting import SPLITS, Places
from kdcore.bring.findings import Findings
from kdcore.bring.rows.chunks import Cell, Chunk
from kdcore.bring.rows.columns import cells_of
from kdcore.bring.rows.files import SYNONYMS, RowsFile
from kdcore.bring.rows.numbers import as_text, is_missing
from kdcore.errors import EngineError


class RowNames(Sequence[str]):
    """Names such as ``train.csv:17``, made when they are asked for."""

    def __init__(self, files: Sequence[str], file: Places, place: Places) -> None:
        self._files, self._file, self._place = files, file, place

    def __len__(self) -> int:
        return len(self._file)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        """The name of a row."""
        if isinstance(row, slice):
            return RowNames(self._files, self._file[row], self._place[row])
        return f"{self._files[self._file[row]]}:{self._place[row]}"

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))

    def at(self, rows: Places) -> RowNames:
        """The names of some rows."""
        return RowNames(self._files, self._file[rows], self._place[rows])


class RowIndex:
    """Rows as they are kept.

    Args:
        group, split_column: columns that say so, or None.
    """

    def __init__(self, group: str | None, split_column: str | None, caps: Caps) -> None:
        self._group, self._split_column, self._caps = group, split_column, caps
        self._files: list[str] = []
        self._file, self._place, self._groups, self._splits = (array("q") for _ in range(4))
        self.group_names: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._file)

    def usable(self, chunk: Chunk, findings: Findings) -> NDArray[np.bool_]:
        """Rows [n] whose group and split can be read; the others are faults."""
        good = np.ones(len(chunk), bool)
        if self._group is not None:
            for row, cell in enumerate(cells_of(chunk, self._group, "/group")):
                if is_missing(cell):
                    findings.fault(chunk.name(row), "no_group", f"has no {self._group!r}: give one, or leave it out")
                    good[row] = False
        if self._split_column is not None:
            for row, cell in enumerate(cells_of(chunk, self._split_column, "/split_column")):
                if as_text(cell).lower() not in SYNONYMS:
                    message = f"has {str(cell)[:40]!r} as split: write train, validation or test"
                    findings.fault(chunk.name(row), "unknown_split", message)
                    good[row] = False
        return good

    def add(self, file: RowsFile, chunk: Chunk, rows: Places) -> None:
        """Keep some rows of a chunk.

        Raises:
            EngineError: ``invalid_data``, beyond the caps on examples or groups.
        """
        if not self._files or self._files[-1] != file.name:
            self._files.append(file.name)
        if len(self) + len(rows) > self._caps.examples:
            raise EngineError("invalid_data", f"has more than {self._caps.examples} examples: bring fewer", "/source")
        chosen = rows.tolist()
        self._file.extend([len(self._files) - 1] * len(chosen))
        self._place.extend(chunk.places[row] for row in chosen)
        if self._group is not None:
            self._groups.extend(self._group_of(chunk.columns[self._group][row]) for row in chosen)
        if self._split_column is not None:
            cells = chunk.columns[self._split_column]
            self._splits.extend(SPLITS.index(SYNONYMS[as_text(cells[row]).lower()]) for row in chosen)
        elif file.split is not None:
            self._splits.extend([SPLITS.index(file.split)] * len(chosen))

    def _group_of(self, cell: Cell) -> int:
        name = as_text(cell)
        if name not in self.group_names and len(self.group_names) == self._caps.groups:
            message = f"has more than {self._caps.groups} groups: name a column that examples share"
            raise EngineError("invalid_data", message, "/group")
        return self.group_names.setdefault(name, len(self.group_names))

    @property
    def names(self) -> RowNames:
        """Of all rows."""
        return RowNames(self._files, np.array(self._file, np.int64), np.array(self._place, np.int64))

    @property
    def groups(self) -> Places | None:
        """Of all rows, [N]; None where there are none."""
        return np.array(self._groups, np.int64) if self._group is not None else None

    @property
    def splits(self) -> Places | None:
        """Places in ``SPLITS`` of all rows, [N]; None where nobody said."""
        return np.array(self._splits, np.int64) if len(self._splits) else None
