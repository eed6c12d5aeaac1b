"""What every reader of a format is given, and what it gives back: one table of examples, not yet cut into splits."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.steps import Steps
from kdcore.bring.tree import Tree
from kdcore.errors import EngineError
from kdcore.files import disk_full
from kdcore.spec.cards import InputCard, SplitName, TargetCard
from kdcore.spec.tasks import TaskName

Array = NDArray[Any]


@dataclass(frozen=True)
class Room:
    """Where a reader works.

    Attributes:
        tree: the user's files, archives opened.
        scratch: a folder for large arrays; removed in the end.
        caps: what may be spent.
        found: takes faults by item, and warnings.
        steps: told how far the work is; raises when it shall stop.
    """

    tree: Tree
    scratch: Path
    caps: Caps
    found: Findings
    steps: Steps

    def rows(self, name: str, count: int, shape: Sequence[int], dtype: Any) -> Array:
        """A mapped array [count, *shape] in the scratch folder, for more than memory would hold.

        Raises:
            EngineError: ``invalid_data``, when the dataset would become larger than allowed.
        """
        if count > self.caps.examples:
            message = f"the dataset has {count} examples, allowed are {self.caps.examples}: bring fewer"
            raise EngineError("invalid_data", message, "/source")
        size = count * int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        if size > self.caps.pack_bytes:
            message = (
                f"{count} examples of shape {list(shape)} take {size} bytes, allowed are {self.caps.pack_bytes}: "
                "bring fewer or smaller ones"
            )
            raise EngineError("invalid_data", message, "/source")
        return mapped(self.scratch / f"{name}.npy", (count, *shape), dtype)

    def check_claim(self, item: str, claimed: int, packed: int) -> None:
        """Refuse a header that promises absurdly more bytes than its file could hold.

        Raises:
            EngineError: ``invalid_data``.
        """
        if claimed > self.caps.item_bytes + self.caps.ratio * packed:
            message = f"{item}: its header promises {claimed} bytes, and {packed} are there: save it anew"
            raise EngineError("invalid_data", message, "/source")


def mapped(path: Path, shape: Sequence[int], dtype: Any) -> Array:
    """A new array in a file, whose room on the disk is taken at once: a mapped page that finds none kills the process.

    Raises:
        EngineError: ``disk_full``.
    """
    try:
        rows: Array = open_memmap(path, mode="w+", dtype=dtype, shape=tuple(shape))
        if hasattr(os, "posix_fallocate"):
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise disk_full(error, path) from error
    return rows


@dataclass(frozen=True)
class Reading:
    """All examples of a dataset, in the order in which its files name them.

    Attributes:
        task, input, target: as on the card; the engine itself takes mean and standard deviation of values.
        inputs, targets: arrays as `kdcore.data.pack` describes them; may be mapped.
        names: what each example was called where it came from.
        given: the split that its user gave each example; ``train`` where nobody said.
        groups: int64 [N], what belongs together.
        parts: places of each split's examples, of a reader that had to cut before it made its inputs; else None.
        references: texts of generation, a record for each example; else empty.
        flip: whether a mirrored picture keeps its answer, where somebody said.
        files: further files for the pack, by the path that they get there.
        figures: what else the report shall say of this format.
        show: an example, by its place, as a record for the preview, where the arrays alone would say nothing.
    """

    task: TaskName
    input: InputCard
    target: TargetCard
    inputs: Array
    targets: Array
    names: Sequence[str]
    given: Sequence[SplitName]
    groups: Array | None = None
    parts: Mapping[SplitName, Array] | None = None
    references: Sequence[Mapping[str, Any]] = ()
    flip: bool | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    show: Callable[[int], Mapping[str, Any]] | None = None


Reader = Callable[[Room, Any], Reading]
"""Reads one format. It meets faults of items with ``room.found.fault`` and leaves those items out; raises
`kdcore.EngineError` (``invalid_data``) where the whole cannot be read."""
