"""The bundle is an ordinary zip, the same bytes each time, made without holding a file in memory."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime

from api.bundle import Member, bundle_size, with_sums, zip_stream

DATE = datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)


def member(name: str, data: bytes) -> Member:
    def chunks() -> Iterator[bytes]:
        yield from (data[at : at + 7] for at in range(0, len(data), 7))

    return Member(name, hashlib.sha256(data).hexdigest(), len(data), chunks)


FILES = {"student.onnx": b"weights" * 100, "a.json": b"{}", "größe.txt": b"x", "empty": b""}


def test_the_bundle_holds_every_file_and_the_sums_of_the_others() -> None:
    members = with_sums([member(name, data) for name, data in FILES.items()])
    with zipfile.ZipFile(io.BytesIO(b"".join(zip_stream(members, DATE)))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted([*FILES, "SHA256SUMS"])
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        sums = dict(line.split("  ")[::-1] for line in archive.read("SHA256SUMS").decode().splitlines())
        assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}


def test_sums_that_the_job_published_are_left_alone() -> None:
    published = member("SHA256SUMS", b"as published\n")
    members = with_sums([published, member("a", b"a")])
    assert [m.name for m in members] == ["SHA256SUMS", "a"]
    assert members[0] is published


def test_the_same_members_give_the_same_bytes_and_the_length_is_known_before() -> None:
    members = with_sums([member(name, data) for name, data in FILES.items()])
    first, second = (b"".join(zip_stream(members, DATE)) for _ in range(2))
    assert first == second
    assert bundle_size(members) == len(first)


def test_a_length_that_zip64_would_change_is_not_promised() -> None:
    assert bundle_size([Member("big", "00" * 32, 2**31, lambda: iter([]))]) is None


def test_memory_stays_flat_however_large_the_files_are() -> None:
    block = bytes(1 << 20)
    big = Member("big", "00" * 32, 64 << 20, lambda: (block for _ in range(64)))
    tracemalloc.start()
    try:
        total = sum(len(piece) for piece in zip_stream([big], DATE))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == bundle_size([big])
    assert peak < 8 << 20
