"""Tables: every row an example, numbers and categories its channels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kdcore.bring.features import BLOCK, Channels, Feature, channels
from kdcore.bring.findings import Findings
from kdcore.bring.room import Array, Reading, Room
from kdcore.bring.rows.chunks import Chunk
from kdcore.bring.rows.columns import require
from kdcore.bring.rows.gathering import Mask, gather, given_names, parted
from kdcore.bring.rows.spool import Spool
from kdcore.data.pack import FEATURES
from kdcore.errors import EngineError
from kdcore.spec.bringing.table import Table
from kdcore.spec.cards import InputCard, TargetCard


def read_table(room: Room, options: Table) -> Reading:
    """The examples of a table: inputs float32 [N, F].

    Raises:
        EngineError: ``invalid_data``, naming row, column and remedy.
    """
    columns = _Columns(options, room)
    rows = gather(options, room, usable=columns.usable, keep=columns.keep)
    raw, targets, count = columns.rows(), rows.targets, len(rows.index)
    given, groups = given_names(rows.index.splits, count), rows.index.groups
    parts = parted(options.task, raw, targets, given, groups, options.cut, room)
    made = [
        channels(feature, raw[:, place], parts["train"], options.missing)
        for place, feature in enumerate(columns.features)
    ]
    names = tuple(name for one in made for name in one.names)
    _warn_of_unseen(columns.features, made, room.found)
    return Reading(
        task=options.task,
        input=InputCard(kind="table", shape=(len(names),), channels=names),
        target=TargetCard(classes=rows.wanted.names),
        inputs=_inputs(raw, made, len(names), room),
        targets=targets,
        names=rows.index.names,
        given=given,
        groups=groups,
        parts=parts,
        files={FEATURES: _written(made, room.scratch)},
        figures={"columns": [one.document() for one in made]},
    )


class _Columns:
    """The feature columns, settled with the first chunk and asked of every later one."""

    def __init__(self, options: Table, room: Room) -> None:
        self._options, self._room = options, room
        self.features: list[Feature] = []
        self._spool: Spool | None = None
        self._rows: Array = np.zeros((0, 0))

    def usable(self, chunk: Chunk) -> Mask:
        """Rows of a chunk whose features can be read; the others are faults."""
        if not self.features:
            self._settle(chunk)
        require(chunk.columns, [feature.name for feature in self.features], chunk.file, "/features")
        options, good = self._options, np.ones(len(chunk), bool)
        found = np.empty((len(chunk), len(self.features)))
        comma, refuse = options.reading.decimal == "comma", options.missing == "refuse"
        for place, feature in enumerate(self.features):
            found[:, place], fine = feature.take(chunk, self._room.found, comma=comma, refuse=refuse)
            good &= fine
        self._rows = found
        return good

    def keep(self, chunk: Chunk, rows: Array) -> None:
        """Put the rows that are kept of the last chunk on the disk."""
        assert self._spool is not None
        self._spool.add(self._rows[rows])

    def rows(self) -> Array:
        """All rows as read, float32 [N, columns]."""
        assert self._spool is not None, "gather refuses a dataset without rows"
        return self._spool.rows()

    def _settle(self, chunk: Chunk) -> None:
        options, caps = self._options, self._room.caps
        known = list(chunk.columns)
        require(known, options.drop, chunk.file, "/drop")
        require(known, options.categorical, chunk.file, "/categorical")
        special = {*options.target, *options.drop, options.group, options.split_column}
        names: Sequence[str] = options.features or [name for name in known if name not in special]
        if not names:
            raise EngineError("invalid_data", f"{chunk.file} has no column left to learn from: drop fewer", "/drop")
        categorical = set(options.categorical)
        self.features = [Feature(name, name in categorical, options.most_categories) for name in names]
        self._spool = Spool(self._room.scratch / "features", len(names), np.float32, caps)


def _inputs(raw: Array, made: Sequence[Channels], width: int, room: Room) -> Array:
    inputs = room.rows("inputs", len(raw), (width,), np.float32)
    for start in range(0, len(raw), BLOCK):
        block = np.asarray(raw[start : start + BLOCK], np.float64)
        into = np.zeros((len(block), width))
        first = 0
        for place, one in enumerate(made):
            one.filled(block[:, place], into[:, first : first + len(one.names)])
            first += len(one.names)
        inputs[start : start + len(block)] = into
        room.steps.advance(len(block))
    return inputs


def _warn_of_unseen(features: Sequence[Feature], made: Sequence[Channels], found: Findings) -> None:
    for feature, one in zip(features, made, strict=True):
        unseen = sorted(set(feature.codes) - set(one.categories))
        if unseen:
            message = f"column {one.name!r} has {len(unseen)} categories that do not occur in the training split"
            found.warn("unseen_category", f"{message}: they are no category", column=one.name, categories=unseen[:20])


def _written(made: Sequence[Channels], scratch: Path) -> Path:
    path = scratch / FEATURES
    path.write_text(json.dumps([one.document() for one in made], indent=1, ensure_ascii=False), encoding="utf-8")
    return path
