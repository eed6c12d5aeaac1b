"""Page headers of strangers: read to their end or refused, whatever the bytes."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdcore.bring.rows import pages as module
from kdcore.bring.rows.pages import Page, footer, pages


def test_a_header_says_its_sizes_and_its_encoding():
    header = bytes([0x15, 0, 0x15, 200, 1, 0x15, 20, 0x2C, 0x15, 6, 0x15, 0, 0x15, 0, 0x15, 0, 0, 0])
    found = list(pages(io.BytesIO(header + bytes(10)), 0, len(header) + 10))
    assert found == [Page(packed=10, unpacked=100, encoding=0)]


@given(st.binary(max_size=200))
def test_any_bytes_are_pages_or_refused(data):
    try:
        found = list(pages(io.BytesIO(data), 0, len(data)))
    except ValueError:
        return
    assert all(page.packed >= 0 and page.unpacked >= 0 for page in found)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x00", "lacks its sizes"),
        (b"\x15", "cut short"),
        (b"\x1c" * 20, "nested too deeply"),
        (b"\x15" + b"\xff" * 12, "beyond 64 bits"),
        (b"\x1d\x00", "unknown kind 13"),
    ],
)
def test_what_makes_no_sense_is_said(data, says):
    with pytest.raises(ValueError, match=says):
        list(pages(io.BytesIO(data), 0, len(data)))


def test_endless_small_pages_are_refused(monkeypatch):
    monkeypatch.setattr(module, "_MOST", 10)
    header = bytes([0x15, 0, 0x15, 0, 0x15, 0, 0])
    with pytest.raises(ValueError, match="more than 10 pages"):
        list(pages(io.BytesIO(header * 20), 0, len(header) * 20))


def test_a_footer_says_what_the_library_says_of_it():
    file = io.BytesIO()
    table = pa.table({"a": list(range(500)), "b": [f"t{n}" for n in range(500)]})
    pq.write_table(table, file, row_group_size=200, compression="gzip")
    found, known = footer(file), pq.ParquetFile(file).metadata
    assert (found.rows, len(found.groups)) == (500, 3)
    for place, group in enumerate(found.groups):
        assert group.rows == known.row_group(place).num_rows
        for number, column in enumerate(group.columns):
            other = known.row_group(place).column(number)
            assert (column.name, column.packed, column.unpacked) == (
                other.path_in_schema, other.total_compressed_size, other.total_uncompressed_size,
            )  # fmt: skip
            assert column.start == other.dictionary_page_offset


@given(st.binary(max_size=200))
def test_any_bytes_are_a_footer_or_refused(data):
    file = io.BytesIO(b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1")
    try:
        found = footer(file)
    except ValueError:
        return
    assert found.rows >= 0


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"x" * 40, b"PAR1" + bytes(8) + (2**31).to_bytes(4, "little") + b"PAR1"]
)
def test_a_file_without_a_footer_is_refused(data):
    with pytest.raises(ValueError, match="does not end as Parquet files do"):
        footer(io.BytesIO(data))
