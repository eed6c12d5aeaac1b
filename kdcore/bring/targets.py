"""Targets of rows: classes, several labels or values, from cells to the arrays of a pack."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.caps import Caps
from kdcore.bring.room import Array
from kdcore.bring.rows.chunks import Cell
from kdcore.bring.rows.numbers import as_text, is_missing, numbers
from kdcore.errors import EngineError
from kdcore.spec.base import suggestion
from kdcore.spec.tasks import TaskName

Fault = Callable[[int, str, str], None]
"""Takes the row within the chunk, the code and the message."""

Numbers = NDArray[np.float64]


class Targets(ABC):
    """What becomes of the target columns.

    Attributes:
        width: numbers that are kept of a row while files are read.
    """

    width = 1

    @abstractmethod
    def take(self, columns: Sequence[Sequence[Cell]], fault: Fault) -> Numbers:
        """Rows [n, width] from the cells of the target columns; NaN in a row that has a fault."""

    @abstractmethod
    def settled(self, rows: Array) -> Array:
        """The array of a pack, once everything was read: [N] int64, or [N, K] float32."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Of classes, labels or values, once everything was read."""


def targets(
    task: TaskName, columns: Sequence[str], classes: dict[str, str], separator: str, caps: Caps, *, comma: bool
) -> Targets:
    """The targets that a description asks for.

    Args:
        classes: values that are stated, with their names.
        separator: between several labels of one column.
        comma: whether a comma divides whole and parts of numbers.
    """
    if task == "regression":
        return Values(columns, comma=comma)
    if task == "classification":
        return Classes(classes, caps) if len(columns) == 1 else OneHot(columns)
    return LabelSets(classes, separator, caps) if len(columns) == 1 else Marks(columns)


class Values(Targets):
    """Numbers to be met: [N, K] float32."""

    def __init__(self, columns: Sequence[str], *, comma: bool) -> None:
        self._names, self._comma = tuple(columns), comma
        self.width = len(self._names)

    def take(self, columns: Sequence[Sequence[Cell]], fault: Fault) -> Numbers:
        """Rows [n, K]."""
        found = [self._values(name, cells, fault) for name, cells in zip(self._names, columns, strict=True)]
        return np.stack(found, axis=1)

    def _values(self, name: str, cells: Sequence[Cell], fault: Fault) -> Numbers:
        def told(row: int, code: str, message: str) -> None:
            fault(row, code, f"{name} {message}")

        for row, cell in enumerate(cells):
            if is_missing(cell):
                fault(row, "no_label", f"has no value of {name!r}: give one, or leave the row out")
        return numbers(cells, told, comma=self._comma)

    def settled(self, rows: Array) -> Array:
        """[N, K] float32."""
        return rows.astype(np.float32)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return self._names


class _Known:
    """Numbers of names in the order in which they are met, or of the names that are stated and no others."""

    def __init__(self, stated: dict[str, str], caps: Caps) -> None:
        self._stated, self._most = stated, caps.classes
        self._codes: dict[str, int] = {name: code for code, name in enumerate(stated)}

    def code(self, name: str) -> int | None:
        """The number of a name; None for one that is not among the stated."""
        code = self._codes.get(name)
        if code is not None or self._stated:
            return code
        if len(self._codes) == self._most:
            message = f"the target has more than {self._most} values: is it a number, and the task regression?"
            raise EngineError("invalid_data", message, "/target")
        return self._codes.setdefault(name, len(self._codes))

    def unknown(self, name: str) -> str:
        """What a report says of a name that is not among the stated."""
        return f"has label {name[:80]!r}, which is not in classes; {suggestion(name, self._stated)}"

    def order(self) -> NDArray[np.int64]:
        """The final place of each number: as stated, else by the value of whole numbers or by letters."""
        names = list(self._codes)
        if self._stated:
            return np.arange(len(names))
        return np.argsort(np.array(sorted(range(len(names)), key=lambda code: _natural(names, code)), dtype=np.int64))

    def names(self) -> tuple[str, ...]:
        """In their final order, as they are shown."""
        if self._stated:
            return tuple(self._stated.values())
        places, names = self.order(), list(self._codes)
        return tuple(name for _, name in sorted(zip(places.tolist(), names, strict=True)))


def _natural(names: list[str], code: int) -> tuple[bool, int, str]:
    name = names[code]
    whole = name.lstrip("-").isascii() and name.lstrip("-").isdigit() and len(name) < 19
    return (not whole, int(name) if whole else 0, name)


class Classes(Targets):
    """One class of several in one column: [N] int64."""

    def __init__(self, stated: dict[str, str], caps: Caps) -> None:
        self._known = _Known(stated, caps)

    def take(self, columns: Sequence[Sequence[Cell]], fault: Fault) -> Numbers:
        """Rows [n, 1] of provisional numbers."""
        return np.array([[self._code(cell, row, fault)] for row, cell in enumerate(columns[0])], dtype=np.float64)

    def _code(self, cell: Cell, row: int, fault: Fault) -> float:
        if is_missing(cell):
            return _faulty(fault, row, "no_label", "has no label: give one, or leave the row out")
        name = as_text(cell)
        code = self._known.code(name)
        return _faulty(fault, row, "unknown_label", self._known.unknown(name)) if code is None else code

    def settled(self, rows: Array) -> Array:
        """[N] int64 in the final order."""
        return self._known.order()[rows[:, 0].astype(np.int64)]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes."""
        return self._known.names()


class OneHot(Targets):
    """One class of several, each with a column of its own in which exactly one is 1: [N] int64."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._names = tuple(columns)

    def take(self, columns: Sequence[Sequence[Cell]], fault: Fault) -> Numbers:
        """Rows [n, 1] of class numbers."""
        marks = _marks(self._names, columns, fault)
        for row in np.flatnonzero(~np.isnan(marks).any(axis=1) & (marks.sum(axis=1) != 1)):
            message = f"has {int(marks[row].sum())} of the target columns at 1, where one class is asked for"
            marks[row] = _faulty(fault, int(row), "not_one_class", f"{message}: mend it, or say task: multilabel")
        return np.where(np.isnan(marks).any(axis=1), np.nan, np.nan_to_num(marks).argmax(axis=1))[:, None]

    def settled(self, rows: Array) -> Array:
        """[N] int64."""
        return rows[:, 0].astype(np.int64)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return self._names


class Marks(Targets):
    """Several labels, each with a column of 0 and 1: [N, K] float32."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._names = tuple(columns)
        self.width = len(self._names)

    def take(self, columns: Sequence[Sequence[Cell]], fault: Fault) -> Numbers:
        """Rows [n, K]."""
        return _marks(self._names, columns, fault)

    def settled(self, rows: Array) -> Array:
        """[N, K] float32."""
        return rows.astype(np.float32)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return self._names


class LabelSets(Targets):
    """Several labels in one column, parted by a separator, or a list in JSON: [N, K] float32.

    While files are read, a row keeps the number of its combination of labels.
    """

    def __init__(self, stated: dict[str, str], separator: str, caps: Caps) -> None:
        self._known, self._separator = _Known(stated, caps), separator
        self._sets: dict[tuple[int, ...], int] = {}

    def take(self, columns: Sequence[Sequence[Cell]], fault: Fault) -> Numbers:
        """Rows [n, 1] of numbers of combinations."""
        return np.array([[self._code(cell, row, fault)] for row, cell in enumerate(columns[0])], dtype=np.float64)

    def _code(self, cell: Cell, row: int, fault: Fault) -> float:
        parts = cell if isinstance(cell, list) else ([] if is_missing(cell) else as_text(cell).split(self._separator))
        codes = set()
        for name in (as_text(part) for part in parts):
            code = self._known.code(name)
            if code is None:
                return _faulty(fault, row, "unknown_label", self._known.unknown(name))
            codes.add(code)
        return self._sets.setdefault(tuple(sorted(codes)), len(self._sets))

    def settled(self, rows: Array) -> Array:
        """[N, K] float32."""
        places = self._known.order()
        table = np.zeros((len(self._sets), len(places)), np.float32)
        for codes, place in self._sets.items():
            table[place, places[list(codes)]] = 1
        return table[rows[:, 0].astype(np.int64)]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the labels."""
        return self._known.names()


def _marks(names: Sequence[str], columns: Sequence[Sequence[Cell]], fault: Fault) -> Numbers:
    found = np.full((len(columns[0]), len(names)), np.nan)
    for place, (name, cells) in enumerate(zip(names, columns, strict=True)):
        for row, cell in enumerate(cells):
            mark = _MARKS.get(as_text(cell).lower())
            found[row, place] = (
                _faulty(fault, row, "no_mark", f"has {str(cell)[:40]!r} in {name!r}, where 0 or 1 is asked for")
                if mark is None
                else mark
            )
    return found


_MARKS = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0}


def _faulty(fault: Fault, row: int, code: str, message: str) -> float:
    fault(row, code, message)
    return float("nan")
