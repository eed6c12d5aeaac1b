"""Readers of datasets that lie in files of rows: tables, series and texts."""

from __future__ import annotations

from kdcore.bring.room import Reader
from kdcore.bring.series import read_series
from kdcore.bring.table import read_table
from kdcore.bring.text import read_generation, read_language, read_text

ROWS: dict[str, Reader] = {
    "table": read_table,
    "series": read_series,
    "text": read_text,
    "language": read_language,
    "generation": read_generation,
}
