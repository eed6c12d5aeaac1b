"""What a frozen network says about every view of every picture: computed once, then looked up."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from kdcore.errors import Stopped
from kdcore.objective.points import Features
from kdcore.train.cache.disk import CacheDamaged, Disk
from kdcore.train.cache.entry import Entry, Stop, make_room
from kdcore.train.cache.key import Key, digest
from kdcore.train.cache.layout import Layout
from kdcore.train.cache.speaking import Speak

Pictures = Callable[[Tensor, Tensor], Tensor]
"""Network inputs [B, C, H, W] from index and view, int64 [B] each."""

Place = Literal["memory", "file"]

Progress = Callable[[int, int], None]
"""Told how many rows are there, and of how many."""


class TeacherCache:
    """Outputs of one network, by point, index and view.

    Kept float32 outputs are those of the network asked live, to the last bit wherever its forward pass does not
    depend on the size of the batch. PyTorch does not promise that: a block is passed as one batch of
    ``layout.block``, and other sizes may differ by the rounding of float32 (measured: none for batches of 8 to 512
    on a CPU, 6e-7 of the largest output for batches of 1). Between two runs with the cache nothing differs, whether
    it was built before, interrupted, or read from a file: a row's bits depend on the key and the block size alone.

    Attributes:
        layout: what is kept, and how.
        findings: what was wrong with files that were there, JSON-ready: ``kind``, ``code``, ``file``, ``message``.
    """

    def __init__(self, layout: Layout, place: Place, device: torch.device, disk: Disk | None = None) -> None:
        self.layout, self.place, self.device = layout, place, device
        self.findings: list[dict[str, Any]] = []
        self._disk = disk
        self._tables: dict[str, Tensor] = {}
        self._done: set[int] = set()

    @classmethod
    def open(
        cls,
        folder: Path | None,
        key: Key,
        layout: Layout,
        *,
        place: Place = "memory",
        disk: int | None = None,
        device: str | torch.device = "cpu",
        stop: Stop = lambda: None,
        waiting: Callable[[], None] = lambda: None,
    ) -> TeacherCache:
        """The outputs of a key, complete, half-built or not begun; ``fill`` does what is left.

        Sizes, key and all checksums of what lies in the folder are checked here. What is damaged is removed, noted in
        ``findings`` and built again. Waits while another process builds the same outputs.

        Args:
            folder: shared by all who may use the outputs; None keeps them in memory alone.
            place: whether lookups read from memory (of ``device``) or from the memory-mapped file.
            disk: bytes that the folder may take; unused entries of others are removed for it.
            stop: asked while waiting.
            waiting: called once when there is a builder to wait for.

        Raises:
            Stopped: on request, while waiting.
            EngineError: ``disk_full``.
            ValueError: a file without a folder.
        """
        if folder is None:
            if place == "file":
                raise ValueError("outputs in a file need a folder")
            cache = cls(layout, place, torch.device(device))
            cache._begin()
            return cache
        ingredients = key.ingredients(layout.document())
        findings: list[dict[str, Any]] = []
        while True:
            entry = Entry.hold(folder / digest(ingredients), stop, waiting)
            cache = cls(layout, place, torch.device(device), Disk(entry, layout, ingredients))
            cache.findings = findings
            try:
                if cache._take_up(disk):
                    return cache
            except CacheDamaged as fault:
                findings.append(_finding(fault))
                entry.remove()
            except BaseException:
                cache.close()
                raise

    def _take_up(self, budget: int | None) -> bool:
        """Read what is there; False when it was removed meanwhile and has to be opened again."""
        assert self._disk is not None
        self.findings += [_finding(fault) for fault in self._disk.read()]
        if not self._disk.complete and not self._disk.entry.alone:
            self.close()
            return False
        if not self._disk.complete:
            if budget is not None:
                make_room(self._disk.entry.path, self.layout.bytes, budget)
            self._disk.allocate()
        self._begin()
        if self._disk.complete:
            self._disk.entry.share()
        return True

    def _begin(self) -> None:
        """Tables, with the blocks that are already on disk."""
        self._done = set() if self._disk is None else set(self._disk.checksums)
        if self.place == "memory":
            columns = self.layout.columns.items()
            shapes = {file: (self.layout.rows, *column.shape) for file, column in columns}
            self._tables = {
                file: torch.empty(shapes[file], dtype=column.dtype, device=self.device) for file, column in columns
            }
            for block in self._done:
                assert self._disk is not None
                self._remember(block, self._disk.block(block))
        elif self._disk is not None and self._disk.complete:
            self._tables = self._disk.mapped

    @property
    def complete(self) -> bool:
        """Whether every row is there, and can be looked up."""
        return len(self._done) == self.layout.blocks and (self._disk is None or self._disk.complete)

    def answers(self, points: Collection[str]) -> bool:
        """Whether all of ``points`` are kept, and complete."""
        return self.complete and set(points) <= set(self.layout.points)

    @torch.no_grad()
    def fill(
        self, speak: Speak, pictures: Pictures, *, progress: Progress = lambda done, of: None, stop: Stop = lambda: None
    ) -> None:
        """Compute every block that is not there.

        Args:
            speak: the network; frozen, in evaluation mode.
            pictures: its inputs; equal for equal arguments.
            progress: told after each block.
            stop: asked before each block.

        Raises:
            Stopped: on request; what is done is kept.
            EngineError: ``disk_full``, or ``invalid_data`` for outputs that float16 cannot hold.
        """
        if self.complete:
            return
        try:
            for block in range(self.layout.blocks):
                if block not in self._done:
                    self._fill_block(block, speak, pictures, stop)
                    progress(min(len(self._done) * self.layout.block, self.layout.rows), self.layout.rows)
        except BaseException:
            if self._disk is not None:
                self._disk.flush()
            raise
        self._finish()

    def _fill_block(self, block: int, speak: Speak, pictures: Pictures, stop: Stop) -> None:
        reason = stop()
        if reason is not None:
            raise Stopped(reason)
        said = speak(pictures(*self.layout.pairs_of(block)))
        rows = self.layout.encode(said)
        if self.place == "memory":
            self._remember(block, rows)
        if self._disk is not None:
            self._disk.write(block, {file: part.cpu() for file, part in rows.items()})
        self._done.add(block)

    def _remember(self, block: int, rows: dict[str, Tensor]) -> None:
        where = self.layout.rows_of(block)
        for file, part in rows.items():
            self._tables[file][where.start : where.stop] = part

    def _finish(self) -> None:
        if self._disk is None:
            return
        self._disk.finish()
        if self.place == "file":
            self._tables = self._disk.mapped
        self._disk.entry.share()

    def lookup(self, index: Tensor, view: Tensor | None = None, points: Collection[str] | None = None) -> Features:
        """What the network says about pictures in their views, [B, ...] each, on the device, without gradient.

        Args:
            index, view: int64 [B]; view 0 where left out.
            points: those wanted; all when left out.

        Raises:
            RuntimeError: before everything is there.
            IndexError: a picture or view that there is not.
        """
        if not self.complete:
            raise RuntimeError("outputs are looked up before they are all there: call fill first")
        rows = self._rows(index, view)
        wanted = self.layout.points if points is None else points
        return {point: self._gather(point, rows) for point in wanted}

    def _rows(self, index: Tensor, view: Tensor | None) -> Tensor:
        rows = index if view is None else view.to(index.device) * self.layout.samples + index
        if index.device.type == "cpu":
            low, high = index.aminmax()
            if low < 0 or high >= self.layout.samples or rows.min() < 0 or rows.max() >= self.layout.rows:
                kept = f"{self.layout.samples} pictures in {self.layout.views} views"
                raise IndexError(f"{kept} are kept; asked for pictures {int(low)} to {int(high)}")
        return rows.to(self.device if self.place == "memory" else "cpu", non_blocking=True)

    def _gather(self, point: str, rows: Tensor) -> Tensor:
        layout = self.layout.points[point]
        parts = {part: self._taken(self._tables[self.layout.file_of(point, part)], rows) for part in layout.columns}
        return layout.decode(parts)

    def _taken(self, table: Tensor, rows: Tensor) -> Tensor:
        """Rows of a table, on the device."""
        if table.device == self.device or self.device.type == "cpu":
            return table.index_select(0, rows)
        shape = (len(rows), *table.shape[1:])
        pinned = torch.empty(shape, dtype=table.dtype, pin_memory=True)
        torch.index_select(table, 0, rows, out=pinned)
        return pinned.to(self.device, non_blocking=True)

    def document(self) -> dict[str, Any]:
        """What is recorded of it, JSON-ready."""
        name = None if self._disk is None else self._disk.entry.path.name
        return {
            "entry": name,
            "place": self.place,
            "bytes": self.layout.bytes,
            "layout": self.layout.document(),
            "findings": list(self.findings),
        }

    def close(self) -> None:
        """Let the entry go; lookups are over."""
        self._tables, self._done = {}, set()
        if self._disk is not None:
            self._disk.close()


def _finding(fault: CacheDamaged) -> dict[str, Any]:
    message = f"kept outputs are damaged and will be computed again: {fault}"
    return {"kind": "cache_damaged", "code": fault.code, "file": str(fault.file), "message": message}
