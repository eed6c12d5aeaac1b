"""Runs as their files have them: samples of all runs on the disk, with the run of each."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.cutting import SPLITS, Places
from kdcore.bring.room import Array, Room
from kdcore.bring.rows.chunks import Chunk
from kdcore.bring.rows.columns import cells_of, require
from kdcore.bring.rows.files import RowsFile, chunks_of, rows_files
from kdcore.bring.rows.numbers import as_text, is_missing, numbers
from kdcore.bring.rows.spool import Spool
from kdcore.bring.series.times import seconds
from kdcore.bring.targets import Fault, Targets
from kdcore.errors import EngineError
from kdcore.spec.bringing.series import Series
from kdcore.spec.cards import SplitName

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        name: as reports call it: its file, and its value in the column of runs.
        value: in the column of runs; its file's path where there is none.
        group: runs of one number are of one machine or session, as far as their names say so.
    """

    name: str
    file: str
    value: str
    split: SplitName | None
    group: int


@dataclass(frozen=True)
class Samples:
    """All samples, in the order of files and lines.

    Attributes:
        run: [T], places in ``runs``.
        line: [T] in their files.
        values: [T, time (0 where there are none) + channels + target columns], NaN where there is none.
    """

    runs: Sequence[Run]
    channels: tuple[str, ...]
    run: Places
    line: Places
    values: Array

    def of(self, run: int) -> tuple[Places, Numbers]:
        """Lines and values of a run, in their order."""
        rows = self._order[self._starts[run] : self._starts[run + 1]]
        return self.line[rows], np.asarray(self.values[rows])

    @cached_property
    def _order(self) -> Places:
        return np.argsort(self.run, kind="stable")

    @cached_property
    def _starts(self) -> Places:
        counts = np.bincount(self.run, minlength=len(self.runs))
        return np.concatenate([[0], np.cumsum(counts)])


class SampleReader:
    """Reads files of samples.

    Args:
        wanted: what the target columns mean; None where labels belong to whole runs.
    """

    def __init__(self, options: Series, room: Room, wanted: Targets | None) -> None:
        self._options, self._room, self._wanted = options, room, wanted
        self._runs: list[Run] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._groups: dict[tuple[SplitName | None, str], int] = {}
        self._run, self._line = array("q"), array("q")
        self._channels: tuple[str, ...] = ()
        self._spool: Spool | None = None

    def read(self) -> Samples:
        """All samples.

        Raises:
            EngineError: ``invalid_data``, for columns that are missing, and beyond the caps.
        """
        for file, chunk in chunks_of(rows_files(self._room.tree, self._options), self._options.reading, self._room):
            self._take(file, chunk)
        if self._spool is None:
            self._room.found.settle(0)
        assert self._spool is not None
        run, line = (np.array(numbers, np.int64) for numbers in (self._run, self._line))
        return Samples(self._runs, self._channels, run, line, self._spool.rows())

    def _take(self, file: RowsFile, chunk: Chunk) -> None:
        if self._spool is None:
            self._settle(chunk)
        require(chunk.columns, self._channels, chunk.file, "/channels")
        assert self._spool is not None
        parts = [self._times(chunk)[:, None]]
        parts += [self._column(chunk, name)[:, None] for name in self._channels]
        if self._wanted is not None:
            parts.append(self._targets(chunk))
        runs = self._runs_of(file, chunk)
        kept = np.flatnonzero(runs >= 0)
        self._run.extend(runs[kept].tolist())
        self._line.extend(chunk.places[row] for row in kept.tolist())
        self._spool.add(np.concatenate(parts, axis=1)[kept])

    def _settle(self, chunk: Chunk) -> None:
        options = self._options
        require(chunk.columns, options.drop, chunk.file, "/drop")
        require(chunk.columns, options.target.columns, chunk.file, "/target/columns")
        special = {*options.target.columns, *options.drop, options.run, options.time}
        self._channels = options.channels or tuple(name for name in chunk.columns if name not in special)
        if not self._channels:
            raise EngineError("invalid_data", f"{chunk.file} has no column left as a channel: drop fewer", "/drop")
        width = 1 + len(self._channels) + (self._wanted.width if self._wanted is not None else 0)
        self._spool = Spool(self._room.scratch / "samples", width, np.float64, self._room.caps)

    def _times(self, chunk: Chunk) -> Numbers:
        options = self._options
        if options.time is None:
            return np.zeros(len(chunk))
        return seconds(cells_of(chunk, options.time, "/time"), options.time_unit, self._fault(chunk, options.time))

    def _column(self, chunk: Chunk, name: str) -> Numbers:
        comma = self._options.reading.decimal == "comma"
        return numbers(chunk.columns[name], self._fault(chunk, name), comma=comma)

    def _targets(self, chunk: Chunk) -> Numbers:
        assert self._wanted is not None
        names = self._options.target.columns
        return self._wanted.take([cells_of(chunk, name, "/target/columns") for name in names], self._fault(chunk))

    def _fault(self, chunk: Chunk, column: str | None = None) -> Fault:
        def told(row: int, code: str, message: str) -> None:
            where = chunk.name(row) if column is None else f"{chunk.name(row)}, column {column!r}"
            self._room.found.fault(where, code, message)

        return told

    def _runs_of(self, file: RowsFile, chunk: Chunk) -> Places:
        """The run of each row; -1 for rows that name none."""
        column = self._options.run
        if column is None:
            return np.full(len(chunk), self._number(file, file.name), np.int64)
        found = np.full(len(chunk), -1, np.int64)
        for row, cell in enumerate(cells_of(chunk, column, "/run")):
            if is_missing(cell):
                self._room.found.fault(chunk.name(row), "no_group", f"has no {column!r}: say which run it belongs to")
            else:
                found[row] = self._number(file, as_text(cell))
        return found

    def _number(self, file: RowsFile, value: str) -> int:
        number = self._numbers.get((file.name, value))
        if number is None:
            number = self._numbers[file.name, value] = len(self._runs)
            if number == self._room.caps.groups:
                message = f"has more than {number} runs: name the column that samples of one run share"
                raise EngineError("invalid_data", message, "/run")
            group = self._groups.setdefault((file.split, value), len(self._groups))
            name = file.name if self._options.run is None else f"{file.name}, {self._options.run} {value}"
            self._runs.append(Run(name, file.name, value, file.split, group))
        return number


def given(runs: Sequence[Run]) -> list[SplitName]:
    """The split of each run; ``train`` where nobody said."""
    return [run.split or SPLITS[0] for run in runs]
