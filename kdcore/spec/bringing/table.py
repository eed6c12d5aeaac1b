"""A plain table: every row is an example, its columns are what networks get."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from kdcore.spec.bringing.rows import Columns, LabelledRows


class Table(LabelledRows):
    """Rows of numbers and categories.

    Attributes:
        features: columns that networks get, in this order; left out, all that mean nothing else, in the file's order.
        drop: columns to leave out.
        categorical: columns whose values are names: each value becomes a column of 0 and 1.
        most_categories: of one column.
        missing: ``refuse`` rows that lack a value, or put the ``mean`` or ``median`` of the training split there and
            add a column that says so.
    """

    format: Literal["table"] = "table"
    features: Columns = ()
    drop: Columns = ()
    categorical: Columns = ()
    most_categories: int = Field(default=100, ge=2, le=10_000)
    missing: Literal["refuse", "mean", "median"] = "refuse"

    @model_validator(mode="after")
    def _no_column_twice(self) -> Self:
        special = {*self.target, *(name for name in (self.group, self.split_column) if name is not None)}
        both = [name for name in self.features if name in special]
        if both:
            raise ValueError(f"column {both[0]!r} is a feature and something else: name it once")
        if self.features and self.drop:
            raise ValueError("features name all that is kept, so nothing is left to drop: give one of them")
        return self
