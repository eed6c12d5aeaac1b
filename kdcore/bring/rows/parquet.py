"""Parquet: flat tables, checked for what they would cost before a value is decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.rows.chunks import ROWS, Chunk, Unreadable
from kdcore.bring.rows.pages import BYTE_ARRAY, DELTA_BYTE_ARRAY, MAGIC, ColumnChunk, footer, pages
from kdcore.spec.bringing.rows import RowsReading

_THRIFT = 1 << 24
"""Bytes of the longest text, and entries of the longest list, in a footer."""


def parquet(path: Path, file: str, reading: RowsReading, caps: Caps, findings: Findings) -> Iterator[Chunk]:
    """Chunks of a Parquet file.

    Texts come as dictionaries where the file has them so, and cells share them: a text that is repeated a million times
    is held once.

    Raises:
        Unreadable: when it is damaged, nested, or says sizes beyond the caps or other than its pages'.
    """
    try:
        yield from _chunks(path, file, caps)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise Unreadable("damaged", f"is no readable Parquet file ({first}): write it anew") from None


def _chunks(path: Path, file: str, caps: Caps) -> Iterator[Chunk]:
    _check_sizes(path, caps)
    limits = {"thrift_string_size_limit": _THRIFT, "thrift_container_size_limit": _THRIFT, "pre_buffer": False}
    with pq.ParquetFile(path, **limits) as opened:
        _check_columns(opened.schema_arrow, caps)
        texts = [column.name for column in opened.schema_arrow if _is_text(column.type)]
    with pq.ParquetFile(path, read_dictionary=texts, **limits) as opened:
        place, size, total = 1, path.stat().st_size, max(opened.metadata.num_rows, 1)
        for batch in opened.iter_batches(batch_size=ROWS, use_threads=False):
            batch.validate(full=True)  # the library itself trusts places in dictionaries, and texts to be UTF-8
            columns = {
                name: _cells(column, name, caps) for name, column in zip(batch.schema.names, batch.columns, strict=True)
            }
            places = range(place, place + batch.num_rows)
            place += batch.num_rows
            yield Chunk(file, places, columns, size * (place - 1) // total)
        if place - 1 != opened.metadata.num_rows:
            message = f"has {place - 1} rows where its footer says {opened.metadata.num_rows}: write it anew"
            raise Unreadable("damaged", message)


def _check_columns(schema: Any, caps: Caps) -> None:
    names = schema.names
    if not names or len(names) > caps.columns:
        raise Unreadable("too_many_columns", f"has {len(names)} columns; 1 to {caps.columns} are allowed")
    if len(set(names)) < len(names):
        raise Unreadable("duplicate_columns", "has several columns of one name: give each its own")
    for column in schema:
        if not _is_flat(column.type):
            message = (
                f"column {column.name!r} is of type {column.type}: only numbers, texts, switches and dates are read"
            )
            raise Unreadable("nested", message)


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_flat(kind: Any) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return _is_flat(kind.value_type)
    checks = (
        types.is_integer,
        types.is_floating,
        types.is_decimal,
        types.is_boolean,
        types.is_date,
        types.is_timestamp,
    )
    return _is_text(kind) or types.is_null(kind) or any(check(kind) for check in checks)


def _check_sizes(path: Path, caps: Caps) -> None:
    """What the footer declares against the caps, and each page's own header against the footer."""
    with path.open("rb") as file:
        found = footer(file)
        if sum(group.rows for group in found.groups) != found.rows:
            raise Unreadable("damaged", "its row groups have other numbers of rows than its footer says: write it anew")
        unpacked = sum(column.unpacked for group in found.groups for column in group.columns)
        if unpacked > caps.unpacked_bytes:
            message = f"would unpack to {unpacked} bytes, more than the {caps.unpacked_bytes} allowed"
            raise Unreadable("too_large", message)
        for group in found.groups:
            for column in group.columns:
                _check_chunk(file, column, path.stat().st_size, caps)


def _check_chunk(file: BinaryIO, column: ColumnChunk, size: int, caps: Caps) -> None:
    name = column.name
    if column.unpacked > caps.row_group_bytes:
        message = f"column {name!r} has a row group of {column.unpacked} bytes, more than {caps.row_group_bytes}"
        raise Unreadable("too_large", f"{message}: write smaller row groups")
    if column.start < len(MAGIC) or column.start + column.packed > size:
        raise Unreadable("damaged", f"column {name!r} lies outside the file: write it anew")
    found = list(pages(file, column.start, column.packed))
    real = sum(page.unpacked for page in found)
    if real > column.unpacked:
        message = f"column {name!r} has pages of {real} bytes where its footer says {column.unpacked}"
        raise Unreadable("lying_sizes", f"{message}: the file is damaged or hostile")
    if column.kind == BYTE_ARRAY and any(page.encoding == DELTA_BYTE_ARRAY for page in found):
        message = f"column {name!r} is in the encoding DELTA_BYTE_ARRAY, whose size nobody can tell beforehand"
        raise Unreadable("too_large", f"{message}: write it with plain or dictionary encoding")


def _cells(column: Any, name: str, caps: Caps) -> Sequence[Any]:
    if pa.types.is_dictionary(column.type):
        values = column.dictionary
        _check_texts(values, name, caps)
        known = values.to_pylist()
        return [None if place is None else known[place] for place in column.indices.to_pylist()]
    _check_texts(column, name, caps)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)  # Python's dates know no nanoseconds
    cells: Sequence[Any] = column.to_pylist()
    return cells


def _check_texts(values: Any, name: str, caps: Caps) -> None:
    if not _is_text(values.type) or not len(values):
        return
    longest = pc.max(pc.binary_length(values)).as_py() or 0
    if longest > caps.line_bytes:
        raise Unreadable("row_too_long", f"column {name!r} has a text of {longest} bytes; at most {caps.line_bytes}")
