"""All artifacts of a job as one zip that is made while it is sent: stored, not deflated; no temporary file."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

SUMS = "SHA256SUMS"

_LOCAL, _DESCRIPTOR, _CENTRAL, _END = 30, 16, 46, 22
"""Bytes of a zip's four records without names, below the sizes where zip64 begins."""


@dataclass(frozen=True)
class Member:
    """One file of a bundle."""

    name: str
    sha256: str
    size: int
    chunks: Callable[[], Iterator[bytes]]


def with_sums(members: Sequence[Member]) -> list[Member]:
    """The members by name, with a SHA256SUMS made from the others where the job published none."""
    ordered = sorted(members, key=lambda member: member.name)
    if any(member.name == SUMS for member in ordered):
        return ordered
    text = "".join(f"{member.sha256}  {member.name}\n" for member in ordered).encode()
    sums = Member(SUMS, hashlib.sha256(text).hexdigest(), len(text), lambda: iter([text]))
    return sorted([*ordered, sums], key=lambda member: member.name)


def bundle_digest(members: Sequence[Member], modified: datetime) -> str:
    """A name for the zip's exact bytes, known without reading the members."""
    lines = [f"{member.sha256} {member.name}" for member in members]
    return hashlib.sha256("\n".join([modified.isoformat(), *lines]).encode()).hexdigest()


def bundle_size(members: Sequence[Member]) -> int | None:
    """The zip's length in bytes; None where zip64 records make it depend on more than names and sizes."""
    fixed = _LOCAL + _DESCRIPTOR + _CENTRAL
    total = _END + sum(fixed + 2 * len(m.name.encode()) + m.size for m in members)
    return total if total < zipfile.ZIP64_LIMIT // 2 and len(members) < zipfile.ZIP_FILECOUNT_LIMIT else None


class _Sink(io.RawIOBase):
    """Where zipfile writes to; what it wrote is taken away at once."""

    def __init__(self) -> None:
        self.held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        self.held += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self.held)
        self.held.clear()
        return taken


def zip_stream(members: Sequence[Member], modified: datetime) -> Iterator[bytes]:
    """The zip, piece by piece: the same bytes each time for the same members."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            info = zipfile.ZipInfo(member.name, modified.timetuple()[:6])
            info.file_size = member.size
            info.external_attr = 0o644 << 16
            with archive.open(info, "w") as out:
                for chunk in member.chunks():
                    out.write(chunk)
                    yield sink.take()
    yield sink.take()
