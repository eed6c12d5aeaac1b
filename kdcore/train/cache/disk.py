"""The files of one entry: written block by block, each block with a checksum, proven by a manifest that comes last."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from kdcore.files import disk_full, write_json
from kdcore.train.cache.entry import BUILDING, MANIFEST, Entry
from kdcore.train.cache.key import differences
from kdcore.train.cache.layout import Column, Layout

FLUSH_SECONDS = 5.0
"""What an interrupted build may lose."""


class CacheDamaged(Exception):
    """An entry that does not hold what its name says; ``code`` is ``cache_damaged``, ``file`` the file at fault."""

    code = "cache_damaged"

    def __init__(self, file: Path, what: str) -> None:
        self.file = file
        super().__init__(f"{file.parent.name[:16]}/{file.name}: {what}")


class Disk:
    """Columns in files of one entry, which is held.

    A block counts once its CRC-32 for every file is in ``building.json``; a complete entry has ``manifest.json``
    instead. Sizes, key and every block's checksum are checked whenever an entry is opened, so that data need not be
    forced to the disk while it is written: what a power failure loses is found and computed again.
    """

    def __init__(self, entry: Entry, layout: Layout, ingredients: Mapping[str, Any]) -> None:
        self.entry, self.path, self.layout, self.ingredients = entry, entry.path, layout, dict(ingredients)
        self.checksums: dict[int, dict[str, int]] = {}
        self.complete = False
        self._files: dict[str, BinaryIO] = {}
        self._flushed = time.monotonic()

    def read(self) -> list[CacheDamaged]:
        """Take up what is there; returns faults of blocks of a half-built entry, which do not count.

        Raises:
            CacheDamaged: a complete entry that is not whole, or another network's.
        """
        self.complete = (self.path / MANIFEST).exists()
        name = MANIFEST if self.complete else BUILDING
        if not (self.path / name).exists():
            return []
        self.checksums = self._manifest(self.path / name)
        faults = []
        for fault in self._faults():
            if self.complete:
                raise fault
            faults.append(fault)
        return faults

    def _manifest(self, path: Path) -> dict[int, dict[str, int]]:
        try:
            content = json.loads(path.read_text())
            key, blocks = content["key"], {int(number): dict(one) for number, one in content["blocks"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CacheDamaged(path, "cannot be read") from error
        other = list(differences(key, self.ingredients))
        if other:
            raise CacheDamaged(path, f"belongs to other outputs: {'; '.join(other[:3])}")
        if self.complete and set(blocks) != set(range(self.layout.blocks)):
            raise CacheDamaged(path, f"names {len(blocks)} of {self.layout.blocks} blocks")
        return blocks

    def _faults(self) -> Iterator[CacheDamaged]:
        """What is wrong with the blocks; those of a file that is not whole are forgotten with it."""
        for file, column in self.layout.columns.items():
            wanted = self.layout.rows * column.row_bytes
            path = self.path / file
            size = path.stat().st_size if path.exists() else 0
            if size != wanted:
                self.checksums = {}
                yield CacheDamaged(path, f"has {size} of {wanted} bytes")
                return
        for block, expected in list(self.checksums.items()):
            for file, rows in self.block(block).items():
                if checksum(rows) != expected.get(file):
                    self.checksums.pop(block, None)
                    yield CacheDamaged(self.path / file, f"block {block} has another checksum than when it was written")

    def allocate(self) -> None:
        """Make every file as long as it will be, so that a full disk is found before the work.

        Raises:
            EngineError: ``disk_full``.
        """
        for file, column in self.layout.columns.items():
            path, size = self.path / file, self.layout.rows * column.row_bytes
            try:
                opened = path.open("r+b" if path.exists() else "w+b")
                self._files[file] = opened
                if path.stat().st_size != size:
                    opened.truncate(size)
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(opened.fileno(), 0, size)
            except OSError as error:
                raise disk_full(error, path) from error

    def write(self, block: int, rows: Mapping[str, Tensor]) -> None:
        """One block of every column, from the CPU.

        Raises:
            EngineError: ``disk_full``.
        """
        start = self.layout.rows_of(block).start
        for file, part in rows.items():
            try:
                self._files[file].seek(start * self.layout.columns[file].row_bytes)
                self._files[file].write(_bytes(part))
            except OSError as error:
                raise disk_full(error, self.path / file) from error
        self.checksums[block] = {file: checksum(part) for file, part in rows.items()}
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Let what is written count."""
        for opened in self._files.values():
            opened.flush()
        write_json(self.path / BUILDING, self._document())
        self._flushed = time.monotonic()

    def finish(self) -> None:
        """All blocks are written: the entry is complete."""
        for opened in self._files.values():
            opened.flush()
            opened.close()
        self._files = {}
        self.__dict__.pop("mapped", None)  # a map made while the file was still written
        write_json(self.path / MANIFEST, self._document())
        (self.path / BUILDING).unlink(missing_ok=True)
        self.complete = True

    def _document(self) -> dict[str, Any]:
        files = {file: self.layout.rows * column.row_bytes for file, column in self.layout.columns.items()}
        blocks = {str(block): one for block, one in self.checksums.items()}
        return {"key": self.ingredients, "files": files, "blocks": blocks}

    @cached_property
    def mapped(self) -> dict[str, Tensor]:
        """Every column, memory-mapped; writing to one changes no file."""
        return {file: self._map(file, column) for file, column in self.layout.columns.items()}

    def _map(self, file: str, column: Column) -> Tensor:
        shape = (self.layout.rows, *column.shape)
        count = self.layout.rows * (column.row_bytes // column.dtype.itemsize)
        return torch.from_file(str(self.path / file), shared=False, size=count, dtype=column.dtype).view(shape)

    def block(self, block: int) -> dict[str, Tensor]:
        """The rows of one block as they lie in the files."""
        rows = self.layout.rows_of(block)
        return {file: column[rows.start : rows.stop] for file, column in self.mapped.items()}

    def close(self) -> None:
        """Close the files and let the entry go."""
        for opened in self._files.values():
            opened.close()
        self._files = {}
        self.entry.close()


def _bytes(rows: Tensor) -> memoryview:
    return rows.contiguous().reshape(-1).view(torch.uint8).numpy().data


def checksum(rows: Tensor) -> int:
    """CRC-32 of the bytes: against accidents, at 4 GB/s or so, not against forgers."""
    return zlib.crc32(_bytes(rows))
