"""Labels that belong to whole runs: the folder of a file, a table of labels, or what is left at a run's end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.room import Array, Room
from kdcore.bring.rows.chunks import Cell
from kdcore.bring.rows.columns import cells_of
from kdcore.bring.rows.files import RowsFile, matching
from kdcore.bring.rows.numbers import as_text
from kdcore.bring.series.even import Even
from kdcore.bring.series.runs import Run
from kdcore.bring.series.windows import Windows
from kdcore.bring.targets import Targets
from kdcore.errors import EngineError
from kdcore.spec.bringing.rows import RowsReading
from kdcore.spec.bringing.series import Remaining, RunLabels, Series


def run_labels(runs: Sequence[Run], wanted: Targets, options: Series, room: Room) -> Array:
    """Of each run what ``wanted`` keeps of its label: [runs, width], NaN where it has none, which is a fault."""
    if options.target.folder:
        cells: list[Sequence[Cell]] = [[PurePosixPath(run.file).parent.name or None for run in runs]]
    else:
        assert options.target.table is not None
        cells = _from_table(runs, options.target.table, options.reading, room)

    def fault(row: int, code: str, message: str) -> None:
        room.found.fault(runs[row].name, code, message)

    return wanted.take(cells, fault)


def _from_table(runs: Sequence[Run], table: RunLabels, reading: RowsReading, room: Room) -> list[Sequence[Cell]]:
    names = matching(room.tree, (table.file,), "/target/table/file")
    known: dict[str, list[Cell]] = {}
    for name in names:
        for chunk in RowsFile(room.tree.path(name), name).chunks(reading, room.caps, room.found):
            columns = [cells_of(chunk, column, "/target/table/columns") for column in table.columns]
            for row, cell in enumerate(cells_of(chunk, table.run, "/target/table/run")):
                known[as_text(cell)] = [cells[row] for cells in columns]
    empty: list[Cell] = [None] * len(table.columns)
    rows = [next((known[key] for key in _keys(run) if key in known), empty) for run in runs]
    return [list(cells) for cells in zip(*rows, strict=True)]


def _keys(run: Run) -> tuple[str, ...]:
    path = PurePosixPath(run.file)
    return (run.value, run.file, path.name, path.stem) if run.value == run.file else (run.value,)


def remaining(even: Even, found: Windows, runs: Sequence[Run], target: Remaining, room: Room) -> NDArray[np.float64]:
    """Samples that are left of each window's run after its last one: [N, 1].

    Raises:
        EngineError: ``invalid_data``, when a file of ends does not fit the runs.
    """
    after = np.zeros(len(runs))
    for split, pattern in target.ends.items():
        numbers = [number for number, run in enumerate(runs) if (run.split or "train") == split]
        after[numbers] = _ends(pattern, len(numbers), f"/target/remaining/ends/{split}", room)
    left = even.lengths[found.run] - found.at - found.length + after[found.run]
    return np.asarray(left if target.cap is None else np.minimum(left, target.cap), np.float64)[:, None]


def _ends(pattern: str, count: int, pointer: str, room: Room) -> list[float]:
    name = matching(room.tree, (pattern,), pointer)[0]
    path = room.tree.path(name)
    if path.stat().st_size > room.caps.item_bytes:
        raise EngineError("invalid_data", f"{name} is too large for a number a run", pointer)
    try:
        values = [float(word) for word in path.read_bytes().decode("ascii").split()]
    except ValueError:
        values = []
    if len(values) != count or not all(0 <= value < 1e15 for value in values):
        message = (
            f"{name} has {len(values)} numbers that can be read for {count} runs: give what was left, a number a line"
        )
        raise EngineError("invalid_data", message, pointer)
    return values
