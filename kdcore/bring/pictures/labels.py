"""Answers out of cells of text: one class, several labels, or numbers, and what is wrong with a cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from kdcore.bring.room import Array
from kdcore.bring.rows.numbers import is_missing
from kdcore.spec.base import suggestion
from kdcore.spec.bringing.pictures import ImageCsv
from kdcore.spec.tasks import TaskName

Cells = Mapping[str, Any]


class Wrong(Exception):
    """A cell that cannot be an answer.

    Attributes:
        code: machine-readable.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Answers(Protocol):
    """What turns the cells of rows into targets."""

    task: TaskName

    def read(self, cells: Cells) -> Any:
        """The answer of one row; raises ``Wrong``."""

    def finish(self, found: Sequence[Any]) -> tuple[Array, tuple[str, ...]]:
        """Targets of all rows, and the names of their classes, labels or values."""


class OneClass:
    """A class of each picture; classes that occur are sorted by name."""

    task: TaskName = "classification"

    def __init__(self, column: str, classes: Sequence[str]) -> None:
        self.column, self.classes = column, tuple(classes)

    def read(self, cells: Cells) -> str:
        """The class."""
        return _known(_text(cells, self.column), self.classes)

    def finish(self, found: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
        """int64 [N], and the classes."""
        classes = self.classes or tuple(sorted(set(found)))
        number = {name: place for place, name in enumerate(classes)}
        return np.asarray([number[name] for name in found], dtype=np.int64), classes


class Separated:
    """Several labels in one cell; an empty cell has none."""

    task: TaskName = "multilabel"

    def __init__(self, column: str, separator: str, classes: Sequence[str]) -> None:
        self.column, self.separator, self.classes = column, separator, tuple(classes)

    def read(self, cells: Cells) -> frozenset[str]:
        """The labels."""
        parts = [part.strip() for part in str(cells[self.column] or "").split(self.separator)]
        return frozenset(_known(part, self.classes) for part in parts if part)

    def finish(self, found: Sequence[frozenset[str]]) -> tuple[Array, tuple[str, ...]]:
        """float32 [N, K] of 0 and 1, and the labels."""
        classes = self.classes or tuple(sorted(frozenset().union(*found)))
        number = {name: place for place, name in enumerate(classes)}
        targets = np.zeros((len(found), len(classes)), dtype=np.float32)
        for row, labels in enumerate(found):
            targets[row, [number[label] for label in labels]] = 1
        return targets, classes


class Switches:
    """A column for each label that says 0 or 1."""

    task: TaskName = "multilabel"

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)

    def read(self, cells: Cells) -> list[float]:
        """The labels as 0 and 1."""
        values = [_number(cells, column) for column in self.columns]
        for column, value in zip(self.columns, values, strict=True):
            if value not in {0.0, 1.0}:
                raise Wrong("wrong_label", f"column {column!r} says {value:g}: write 0 or 1")
        return values

    def finish(self, found: Sequence[list[float]]) -> tuple[Array, tuple[str, ...]]:
        """float32 [N, K] and the labels."""
        return np.asarray(found, dtype=np.float32).reshape(len(found), len(self.columns)), self.columns


class Values(Switches):
    """Columns of numbers to predict."""

    task: TaskName = "regression"

    def read(self, cells: Cells) -> list[float]:
        """The numbers."""
        return [_number(cells, column) for column in self.columns]


def answers(options: ImageCsv) -> Answers:
    """What the options ask for."""
    if options.labels:
        return Switches(options.labels)
    if options.values:
        return Values(options.values)
    assert options.label is not None
    if options.separator is not None:
        return Separated(options.label, options.separator, options.classes)
    return OneClass(options.label, options.classes)


def _known(name: str, classes: Sequence[str]) -> str:
    if classes and name not in classes:
        raise Wrong("wrong_label", f"label {name!r} is no class; {suggestion(name, classes)}")
    return name


def _text(cells: Cells, column: str) -> str:
    text = str(cells[column] if cells[column] is not None else "").strip()
    if not text:
        raise Wrong("no_label", f"column {column!r} is empty: fill it, or leave the row out")
    return text


def _number(cells: Cells, column: str) -> float:
    cell = cells[column]
    if is_missing(cell):
        raise Wrong("no_label", f"column {column!r} is empty: fill it, or leave the row out")
    try:
        value = float(cell)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise Wrong("wrong_label", f"column {column!r} says {str(cell)[:40]!r}, which is no finite number: correct it")
    return value
