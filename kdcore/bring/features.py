"""Features of tables: columns of numbers and of categories, kept as read, made channels once the splits are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.findings import Findings
from kdcore.bring.room import Array
from kdcore.bring.rows.chunks import Cell, Chunk
from kdcore.bring.rows.numbers import as_text, is_missing, numbers
from kdcore.errors import EngineError

BLOCK = 8192
"""Rows that are worked on at a time."""

Numbers = NDArray[np.float64]


@dataclass
class Feature:
    """One column.

    Attributes:
        categorical: whether its values are names; ``codes`` numbers them as they are met.
        most: categories that it may have.
    """

    name: str
    categorical: bool
    most: int
    codes: dict[str, int] = field(default_factory=dict)

    def take(self, chunk: Chunk, findings: Findings, *, comma: bool, refuse: bool) -> tuple[Numbers, NDArray[np.bool_]]:
        """A chunk's column as numbers [n], NaN for missing ones, and which rows can be used."""
        cells = chunk.columns[self.name]
        good = np.ones(len(chunk), bool)

        def fault(row: int, code: str, message: str) -> None:
            good[row] = False
            findings.fault(f"{chunk.name(row)}, column {self.name!r}", code, message)

        values = self._categories(cells) if self.categorical else numbers(cells, fault, comma=comma)
        if refuse:
            for row in np.flatnonzero(np.isnan(values) & good):
                fault(int(row), "missing_value", "has no value: fill it, or say missing: mean or median")
        return values, good

    def _categories(self, cells: Sequence[Cell]) -> Numbers:
        return np.array([np.nan if is_missing(cell) else self._code(as_text(cell)) for cell in cells], np.float64)

    def _code(self, name: str) -> int:
        if name not in self.codes and len(self.codes) == self.most:
            message = f"column {self.name!r} has more than {self.most} categories: drop it, or raise most_categories"
            raise EngineError("invalid_data", message, "/most_categories")
        return self.codes.setdefault(name, len(self.codes))


@dataclass(frozen=True)
class Channels:
    """What networks get of one column: numbers as they are, categories as 0 and 1; and a mark of the missing.

    Attributes:
        categories: names in their order (that of their letters), those of the training split; empty for numbers.
        codes: the number that each category has in the column as read.
        fill: stands for a missing number.
        marked: whether a last channel says that the value is missing.
    """

    name: str
    categories: tuple[str, ...]
    codes: tuple[int, ...]
    fill: float
    marked: bool

    @property
    def names(self) -> list[str]:
        """Of its channels."""
        own = [f"{self.name}={name}" for name in self.categories] or [self.name]
        return [*own, f"{self.name} is missing"] if self.marked else own

    def filled(self, values: Numbers, into: Numbers) -> None:
        """Values [n] as channels ``into`` [n, channels]."""
        missing = np.isnan(values)
        if self.categories:
            into[:, : len(self.codes)] = values[:, None] == np.array(self.codes)
        else:
            into[:, 0] = np.where(missing, self.fill, values)
        if self.marked:
            into[:, -1] = missing

    def document(self) -> dict[str, Any]:
        """JSON-ready: what whoever uses a network has to do to a new row."""
        kind = "categories" if self.categories else "number"
        return {
            "column": self.name,
            "kind": kind,
            **({"categories": list(self.categories)} if self.categories else {"fill": self.fill}),
            "marks_missing": self.marked,
            "channels": self.names,
        }


def channels(feature: Feature, column: Array, train: NDArray[np.int64], missing: str) -> Channels:
    """The channels of a feature.

    Args:
        column: as read, [N].
        train: rows of the training split, from which everything is taken.
        missing: ``mean`` or ``median`` where values may be missing.

    Raises:
        EngineError: ``invalid_data``, when the training split has no value at all.
    """
    values = np.asarray(column[train], np.float64)
    present = values[~np.isnan(values)]
    if not len(present):
        message = f"column {feature.name!r} has no value in the training split: drop it"
        raise EngineError("invalid_data", message, "/features")
    marked = missing != "refuse" and bool(np.isnan(column).any())
    if not feature.categorical:
        fill = float(np.median(present) if missing == "median" else np.mean(present))
        return Channels(feature.name, (), (), float(np.float32(fill)) if marked else 0.0, marked)
    used = set(np.unique(present).astype(np.int64).tolist())
    ordered = sorted((name, code) for name, code in feature.codes.items() if code in used)
    return Channels(feature.name, tuple(n for n, _ in ordered), tuple(c for _, c in ordered), 0.0, marked)
