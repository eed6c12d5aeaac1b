"""Sizes that a Parquet file declares, in its footer and in its pages' headers, read before a library believes them.

The library itself allocates what a page claims, and ends the process where a footer contradicts itself.
Layout: https://parquet.apache.org/docs/file-format/ ; fields: parquet.thrift of github.com/apache/parquet-format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from kdcore.bring.rows.thrift import Fields, struct

MAGIC = b"PAR1"
LARGEST_FOOTER = 1 << 28

_WINDOW = 1 << 16
_MOST = 1_000_000
"""Pages of one column in one row group."""

DELTA_BYTE_ARRAY = 7
"""An encoding in which each text continues the one before, so that a small page can hold gigabytes."""

BYTE_ARRAY = 6
"""The kind of columns of texts."""


@dataclass(frozen=True)
class Page:
    """What one page says of itself: bytes packed and unpacked, and its encoding (None for dictionaries)."""

    packed: int
    unpacked: int
    encoding: int | None


@dataclass(frozen=True)
class ColumnChunk:
    """What the footer says of a column in one row group.

    Attributes:
        kind: of values, by Parquet's number.
        start: of its first page in the file.
    """

    name: str
    kind: int
    start: int
    packed: int
    unpacked: int


@dataclass(frozen=True)
class RowGroup:
    """What the footer says of a row group."""

    rows: int
    columns: tuple[ColumnChunk, ...]


@dataclass(frozen=True)
class Footer:
    """What a file says of itself."""

    rows: int
    groups: tuple[RowGroup, ...]


def footer(file: BinaryIO) -> Footer:
    """The footer of a file.

    Raises:
        ValueError: when there is none, or it makes no sense.
    """
    size = file.seek(0, 2)
    file.seek(max(size - 8, 0))
    end = file.read(8)
    length = int.from_bytes(end[:4], "little")
    if end[4:] != MAGIC or length > min(size - 12, LARGEST_FOOTER):
        raise ValueError("it does not end as Parquet files do: it is cut short, encrypted, or something else")
    file.seek(size - 8 - length)
    try:
        found, _ = struct(file.read(length))
        return Footer(_whole(found, 3), tuple(map(_group, _field(found, 4, list))))
    except IndexError:
        raise ValueError("its footer is cut short") from None


def _group(found: Any) -> RowGroup:
    if not isinstance(found, dict):
        raise ValueError("its footer has a row group that is none")
    return RowGroup(_whole(found, 3), tuple(map(_column, _field(found, 1, list))))


def _column(found: Any) -> ColumnChunk:
    if not isinstance(found, dict) or 1 in found:
        raise ValueError("its footer has a column that lies in another file")
    facts = _field(found, 3, dict)
    starts = [at for at in (facts.get(11), _whole(facts, 9)) if isinstance(at, int) and at > 0]
    name = b".".join(part for part in _field(facts, 3, list) if isinstance(part, bytes)).decode("utf-8", "replace")
    return ColumnChunk(name, _whole(facts, 1), min(starts, default=0), _whole(facts, 7), _whole(facts, 6))


def _field(found: Fields, number: int, kind: type) -> Any:
    value = found.get(number)
    if not isinstance(value, kind):
        raise ValueError(f"its footer lacks field {number}")
    return value


def _whole(found: Fields, number: int) -> int:
    value = found.get(number)
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"its footer has no size in field {number}")
    return value


def pages(file: BinaryIO, start: int, length: int) -> Iterator[Page]:
    """The pages of a column's chunk, which lies at ``start`` and has ``length`` bytes.

    Raises:
        ValueError: when headers make no sense.
    """
    at, end, count = start, start + length, 0
    while at < end:
        count += 1
        if count > _MOST:
            raise ValueError(f"more than {_MOST} pages in one column")
        file.seek(at)
        try:
            header, used = struct(file.read(min(_WINDOW, end - at)))
        except IndexError:
            raise ValueError("a page header is cut short") from None
        page = _page(header)
        yield page
        at += used + page.packed


def _page(header: Fields) -> Page:
    unpacked, packed, first, second = header.get(2), header.get(3), header.get(5, {}), header.get(8, {})
    if not isinstance(packed, int) or not isinstance(unpacked, int) or packed < 0 or unpacked < 0:
        raise ValueError("a page header lacks its sizes")
    if not isinstance(first, dict) or not isinstance(second, dict):
        raise ValueError("a page header lacks what it says of its data")
    return Page(packed, unpacked, first.get(2, second.get(4)))
