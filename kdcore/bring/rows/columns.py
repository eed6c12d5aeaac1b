"""Columns that options name, looked up where rows come from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from kdcore.bring.rows.chunks import Cell, Chunk
from kdcore.errors import EngineError
from kdcore.spec.base import suggestion
from kdcore.spec.bringing.rows import Column


def column_name(column: Column) -> str:
    """What a chunk calls a column that an option names; columns without a header are called by their place."""
    return str(column)


def column_names(columns: Iterable[Column]) -> tuple[str, ...]:
    """The same for several."""
    return tuple(map(column_name, columns))


def cells_of(chunk: Chunk, name: str, pointer: str) -> Sequence[Cell]:
    """The cells of a column.

    Raises:
        EngineError: ``invalid_data``, at ``pointer``, when there is no such column; with the nearest names.
    """
    require(chunk.columns, [name], chunk.file, pointer)
    return chunk.columns[name]


def require(known: Collection[str], names: Iterable[str], file: str, pointer: str) -> None:
    """Check that columns are there.

    Raises:
        EngineError: ``invalid_data``, at ``pointer``, for the first that is not.
    """
    for name in names:
        if name not in known:
            message = f"{file} has no column {name!r}; {suggestion(name, known)}"
            raise EngineError("invalid_data", message, pointer)
