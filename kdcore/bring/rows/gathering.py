"""Labelled rows of all files of a dataset in one pass: targets, names, groups and splits kept, features handed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.cutting import SPLITS, Places, cut
from kdcore.bring.room import Array, Reading, Room
from kdcore.bring.rows.chunks import Chunk
from kdcore.bring.rows.columns import require
from kdcore.bring.rows.files import chunks_of, rows_files
from kdcore.bring.rows.index import RowIndex
from kdcore.bring.rows.spool import Spool
from kdcore.bring.targets import Targets, targets
from kdcore.bring.twins import digests, twins_of
from kdcore.spec.bringing.base import Cut
from kdcore.spec.bringing.rows import LabelledRows
from kdcore.spec.cards import InputCard, SplitName, TargetCard
from kdcore.spec.tasks import TaskName

Mask = NDArray[np.bool_]
Usable = Callable[[Chunk], Mask]
"""Says which rows of a chunk can be used as far as their features go, and reports the others."""
Keep = Callable[[Chunk, Places], None]
"""Told of a chunk and of the rows that are kept of it."""


@dataclass(frozen=True)
class Gathered:
    """Rows that are kept, in the order of files and lines.

    Attributes:
        index: their names, groups and splits.
        wanted: what the rows of ``kept`` mean.
        kept: [N, width] as ``Targets.take`` gave them.
    """

    index: RowIndex
    wanted: Targets
    kept: Array

    @property
    def targets(self) -> Array:
        """As packs have them."""
        return self.wanted.settled(self.kept)


def gather(options: LabelledRows, room: Room, *, usable: Usable, keep: Keep) -> Gathered:
    """Read every row once.

    Raises:
        EngineError: ``invalid_data``, for columns that are missing, beyond the caps, and for faults that are not
            quarantined.
    """
    comma = options.reading.decimal == "comma"
    wanted = targets(options.task, options.target, options.classes, options.separator, room.caps, comma=comma)
    index = RowIndex(options.group, options.split_column, room.caps)
    spool = Spool(room.scratch / "targets", wanted.width, np.float64, room.caps)
    for file, chunk in chunks_of(rows_files(room.tree, options), options.reading, room):
        require(chunk.columns, options.target, chunk.file, "/target")
        good = usable(chunk) & index.usable(chunk, room.found)
        rows = _targets(wanted, options.target, chunk, room)
        chosen = np.flatnonzero(good & ~np.isnan(rows).any(axis=1))
        index.add(file, chunk, chosen)
        spool.add(rows[chosen])
        keep(chunk, chosen)
    room.found.settle(len(index))
    return Gathered(index, wanted, spool.rows())


def _targets(wanted: Targets, names: Sequence[str], chunk: Chunk, room: Room) -> NDArray[np.float64]:
    def fault(row: int, code: str, message: str) -> None:
        room.found.fault(chunk.name(row), code, message)

    return wanted.take([chunk.columns[name] for name in names], fault)


def parted(
    task: TaskName,
    rows: Array,
    targets: Array,
    given: Sequence[SplitName],
    groups: Places | None,
    options: Cut,
    room: Room,
) -> dict[SplitName, Places]:
    """The splits, cut before inputs are made, for readers that learn something from the training split.

    Args:
        rows: [N, ...], equal where examples are. Looking at them is the first N steps of the phase ``make``; making
            the inputs is as many more.
    """
    room.steps.begin("make", 2 * len(rows))
    raw = Reading(task, InputCard(kind="table", shape=()), TargetCard(classes=()), rows, targets, (), given, groups)
    return cut(raw, options, twins_of(digests(rows, room.steps)), room.found)


def given_names(splits: Places | None, count: int) -> list[SplitName]:
    """The split that each example was given, from places in ``SPLITS``; ``train`` where nobody said."""
    return ["train"] * count if splits is None else [SPLITS[place] for place in splits.tolist()]
