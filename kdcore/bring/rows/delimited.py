"""Delimited text: rows of CSV, TSV and their kin, with a delimiter that is stated or certain."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.rows.chunks import Chunk, Unreadable, gathered
from kdcore.bring.rows.encoding import codec_of, opened
from kdcore.spec.bringing.rows import RowsReading

SIGNS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_SPACES = "spaces"
_SAMPLE = 1 << 16
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class _Dialect:
    delimiter: str
    quoted: bool


def delimited(path: Path, file: str, reading: RowsReading, caps: Caps, findings: Findings) -> Iterator[Chunk]:
    """Chunks of a delimited file; rows of another width than the first are faults.

    Args:
        file: what reports call it.

    Raises:
        Unreadable: for its encoding, its delimiter, its header or its quotation marks.
    """
    codec = codec_of(path, reading.encoding, caps.line_bytes)
    with opened(path, codec, newline="") as (text, tell):
        dialect = _dialect(text, path.suffix.lower(), reading)
        text.seek(0)
        records = _records(_Bounded(text, caps.line_bytes), dialect)
        names, records = _headed(records, reading)
        _check_header(names, caps)
        yield from gathered(file, names, _of_one_width(records, names, file, findings), tell)


def _dialect(text: TextIO, ending: str, reading: RowsReading) -> _Dialect:
    delimiter: str = reading.delimiter
    if delimiter == "auto":
        delimiter = "tab" if ending == ".tsv" else _detected(text.read(_SAMPLE), reading)
    return _Dialect(delimiter, _quoted(delimiter, reading))


def _quoted(delimiter: str, reading: RowsReading) -> bool:
    return delimiter not in ("tab", _SPACES) if reading.quotes == "auto" else reading.quotes == "on"


def _detected(sample: str, reading: RowsReading) -> str:
    """The only delimiter that gives every row of the sample, or nine in ten, the same number of columns."""
    lines = sample.splitlines(keepends=True)
    whole = lines[:-1] if len(sample) == _SAMPLE and len(lines) > 1 else lines
    if not any(line.strip() for line in whole):
        raise Unreadable("empty", "has no line with anything in it")
    shares = {name: _evenness(whole, _Dialect(name, _quoted(name, reading))) for name in SIGNS}
    for least in (1.0, 0.9):
        fitting = [name for name, share in shares.items() if share >= least]
        if len(fitting) > 1:
            message = f"can be read with {' or '.join(fitting)} between columns: say reading.delimiter"
            raise Unreadable("unclear_delimiter", message)
        if fitting:
            return fitting[0]
    if _evenness(whole, _Dialect(_SPACES, quoted=False)) == 1:
        return _SPACES
    if not any(sign in line for line in whole for sign in SIGNS.values()):
        return "comma"
    message = f"has none of {', '.join((*SIGNS, _SPACES))} as often in each line: say reading.delimiter"
    raise Unreadable("unclear_delimiter", message)


def _evenness(lines: Sequence[str], dialect: _Dialect) -> float:
    """Share of rows that have the commonest number of columns, 0 where that is one."""
    try:
        rows = [cells for _, cells in _records(lines, dialect)]
    except Unreadable:
        return 0.0
    widths = Counter(map(len, rows))
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    numbers = dialect.delimiter != _SPACES or all(_NUMBER.fullmatch(cell) for cells in rows[1:] for cell in cells)
    return count / len(rows) if width > 1 and numbers else 0.0


class _Bounded:
    """Lines of a file, as long as one record does not grow beyond ``longest`` characters."""

    def __init__(self, text: TextIO, longest: int) -> None:
        self._text, self._longest, self._length = text, longest, 0
        csv.field_size_limit(longest)

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(self._longest + 1):
            self._length += len(line)
            if self._length > self._longest:
                message = f"a row has more than {self._longest} characters: is a quotation mark left open?"
                raise Unreadable("row_too_long", message)
            yield line

    def next_record(self) -> None:
        """A record is complete."""
        self._length = 0


def _records(lines: _Bounded | Sequence[str], dialect: _Dialect) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line that they begin on; blank lines are no rows."""
    if dialect.delimiter == _SPACES:
        for number, line in enumerate(lines, 1):
            if isinstance(lines, _Bounded):
                lines.next_record()
            if cells := line.split():
                yield number, cells
        return
    sign = SIGNS[dialect.delimiter]
    quoting: Any = csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE
    reader = csv.reader(lines, delimiter=sign, quoting=quoting, strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cells) or len(cells) > 1:
                yield begins, cells
            begins = reader.line_num + 1
            if isinstance(lines, _Bounded):
                lines.next_record()
    except csv.Error as error:
        message = f"line {begins} cannot be taken apart ({error}): mend its quotation marks, or say quotes: off"
        raise Unreadable("bad_quotes", message) from None


def _headed(
    records: Iterator[tuple[int, list[str]]], reading: RowsReading
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    first = list(islice(records, 1))
    if not first:
        raise Unreadable("empty", "has no rows")
    cells = first[0][1]
    if reading.header:
        if all(_NUMBER.fullmatch(cell.strip()) for cell in cells):
            message = f"its first line has numbers only ({', '.join(cells[:3])} ...), no names: say header: false"
            raise Unreadable("no_header", message)
        return [cell.strip() or f"column {place}" for place, cell in enumerate(cells)], records
    if reading.names and len(reading.names) != len(cells):
        raise Unreadable("wrong_columns", f"has {len(cells)} columns and reading.names has {len(reading.names)}")
    names = list(reading.names) or [str(place) for place in range(len(cells))]
    return names, _chained(first, records)


def _chained(
    first: list[tuple[int, list[str]]], rest: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    yield from first
    yield from rest


def _check_header(names: Sequence[str], caps: Caps) -> None:
    if len(names) > caps.columns:
        raise Unreadable("too_many_columns", f"has {len(names)} columns, more than the {caps.columns} that are allowed")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise Unreadable("duplicate_columns", f"has several columns called {twice[0]!r}: give each its own name")


def _of_one_width(
    records: Iterator[tuple[int, list[str]]], names: Sequence[str], file: str, findings: Findings
) -> Iterator[tuple[int, list[str]]]:
    for place, cells in records:
        if len(cells) == len(names):
            yield place, cells
        else:
            message = f"has {len(cells)} cells where there are {len(names)} columns"
            findings.fault(f"{file}:{place}", "wrong_columns", message)
