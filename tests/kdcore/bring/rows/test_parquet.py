"""Parquet: flat tables are read; nested, lying and oversized ones are refused before they cost anything."""

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.rows.files import RowsFile
from kdcore.bring.rows.pages import pages
from kdcore.spec.bringing.rows import RowsReading

CAPS = Caps()


def rows(path, caps=CAPS):
    findings = Findings()
    found = []
    for chunk in RowsFile(path, path.name).chunks(RowsReading(), caps, findings):
        found += [dict(zip(chunk.columns, cells, strict=True)) for cells in zip(*chunk.columns.values(), strict=True)]
    return found, [fault["code"] for fault in findings.faults]


def written(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_numbers_texts_switches_and_dates_are_read(tmp_path):
    columns = {"a": [1, None], "b": [0.5, float("nan")], "c": ["x", None], "d": [True, False]}
    columns["e"] = [datetime.date(2020, 1, 2)] * 2
    found, faults = rows(written(tmp_path / "x.parquet", columns))
    assert faults == []
    assert found[0] == {"a": 1, "b": 0.5, "c": "x", "d": True, "e": datetime.date(2020, 1, 2)}
    assert found[1]["a"] is None
    assert np.isnan(found[1]["b"])


def test_a_text_repeated_is_held_once(tmp_path):
    found, _ = rows(written(tmp_path / "x.parquet", {"a": ["y" * 1000] * 5000}))
    assert len({id(row["a"]) for row in found}) <= 2  # a dictionary a chunk


@pytest.mark.parametrize(
    "columns",
    [{"a": [[1, 2]]}, {"a": [{"b": 1}]}, {"a": [b"bytes"]}],
)
def test_nested_and_raw_columns_are_refused(tmp_path, columns):
    assert rows(written(tmp_path / "x.parquet", columns)) == ([], ["nested"])


def test_files_cut_short_or_of_something_else_are_refused(tmp_path):
    whole = written(tmp_path / "x.parquet", {"a": list(range(100))}).read_bytes()
    for name, content in {"cut": whole[:-20], "head": whole[:10], "pickle": b"\x80\x04]\x94.", "none": b""}.items():
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(content)
        assert rows(path) == ([], ["damaged"]), name


@pytest.mark.parametrize(
    ("caps", "code"),
    [
        (Caps(columns=1), "too_many_columns"),
        (Caps(row_group_bytes=1000), "too_large"),
        (Caps(unpacked_bytes=1000), "too_large"),
        (Caps(line_bytes=40), "row_too_long"),
    ],
)
def test_what_it_would_unpack_to_is_held_against_the_caps(tmp_path, caps, code):
    path = written(tmp_path / "x.parquet", {"a": ["z" * 50] * 1000, "b": list(range(1000))}, use_dictionary=["a"])
    assert rows(path, caps) == ([], [code])


def test_a_page_that_is_larger_than_its_footer_says_is_refused_before_it_is_unpacked(tmp_path):
    path = written(tmp_path / "x.parquet", {"a": np.zeros(100_000)}, use_dictionary=False, compression="gzip")
    with pq.ParquetFile(path) as opened:
        column = opened.metadata.row_group(0).column(0)
        start, length = column.data_page_offset, column.total_compressed_size
    with path.open("rb") as file:
        first = next(pages(file, start, length))
    content = bytearray(path.read_bytes())
    honest, lie = varint(first.unpacked * 2), varint(0x7FFF_0000 // 2 // 2 * 2)
    at = content.index(honest, start)
    assert at < start + 12
    lie = lie[: len(honest) - 1] if len(lie) < len(honest) else varint((1 << (7 * len(honest))) - 2)
    content[at : at + len(honest)] = lie
    path.write_bytes(bytes(content))
    found, faults = rows(path)
    assert found == []
    assert faults == ["lying_sizes"]


def varint(value):
    """Of the compact protocol: seven bits a byte, the lowest first."""
    found = []
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def test_texts_that_continue_each_other_are_refused(tmp_path):
    path = tmp_path / "x.parquet"
    table = {"a": ["x" * n for n in range(500)]}
    written(path, table, use_dictionary=False, column_encoding={"a": "DELTA_BYTE_ARRAY"})
    assert rows(path) == ([], ["too_large"])


def test_the_pages_of_a_file_are_counted_as_its_footer_does(tmp_path):
    path = written(tmp_path / "x.parquet", {"a": np.arange(50_000)}, data_page_size=10_000, data_page_version="2.0")
    with pq.ParquetFile(path) as opened, path.open("rb") as file:
        column = opened.metadata.row_group(0).column(0)
        found = list(pages(file, column.dictionary_page_offset, column.total_compressed_size))
    assert len(found) > 2
    assert 0 < sum(page.unpacked for page in found) <= column.total_uncompressed_size


def test_whatever_bytes_are_changed_the_rows_are_read_or_the_file_is_refused(tmp_path):
    columns = {"a": list(range(300)), "b": [f"t{n % 20}" for n in range(300)], "c": [n / 3 or None for n in range(300)]}
    whole = written(tmp_path / "x.parquet", columns).read_bytes()
    random = np.random.default_rng(0)
    outcomes = set()
    for _ in range(300):
        content = bytearray(whole)
        for place in random.integers(0, len(content), random.integers(1, 4)):
            content[place] = random.integers(0, 256)
        path = tmp_path / "changed.parquet"
        path.write_bytes(bytes(content))
        found, faults = rows(path)
        outcomes.update(faults or ["read"])
        assert faults or len(found) == 300
    assert {"read", "damaged"} <= outcomes
