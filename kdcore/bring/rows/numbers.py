"""Cells as numbers: missing, not finite and not numbers are told apart, and nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.rows.chunks import Cell

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
"""Texts that stand for no value, in any case."""

_WHOLE = re.compile(r"-?\d{1,15}\.0+")
_PLAIN = frozenset("0123456789+-.eE")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([,.'_\s]\d{3})+([.,]\d+)?", re.ASCII)
_LARGEST = float(np.finfo(np.float32).max)

Fault = Callable[[int, str, str], None]
"""Takes the row, the code and the message."""


def is_missing(cell: Cell) -> bool:
    """Whether a cell has no value."""
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return cell is None or (isinstance(cell, float) and cell != cell)


def numbers(cells: Sequence[Cell], fault: Fault, *, comma: bool = False) -> NDArray[np.float64]:
    """Cells as float64 [rows]; NaN where a value is missing, and where there is a fault.

    Args:
        fault: told of each cell that is no number, is infinite, or does not fit 32 bits.
        comma: whether a comma divides whole and parts.
    """
    quick = _quick(cells, _PLAIN - {"."} if comma else _PLAIN)
    if quick is not None:
        return quick
    found = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if is_missing(cell):
            continue
        value, problem = _number(cell, comma)
        if problem:
            fault(row, *problem)
        else:
            found[row] = value
    return found


def _quick(cells: Sequence[Cell], plain: frozenset[str]) -> NDArray[np.float64] | None:
    """The same for plain and finite numbers only, ten times as fast."""
    try:
        if not {type(cell) for cell in cells} <= {int, float} and not plain.issuperset("".join(cells)):
            return None
        found = np.array(list(map(float, cells)), dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if bool((np.abs(found) > _LARGEST).any()) else found


def _number(cell: Cell, comma: bool) -> tuple[float, tuple[str, str] | None]:
    if isinstance(cell, str):
        text = cell.strip()
        plain = text.replace(",", ".") if comma else text
        if _INFINITE.fullmatch(text):
            return 0.0, ("not_finite", f"is {text}: give a finite number, or leave the cell empty")
        if not _NUMBER.fullmatch(plain) or (comma and "." in text):
            return 0.0, _no_number(text, comma)
        value = float(plain)
    elif isinstance(cell, bool | int | float | Decimal):
        try:
            value = float(cell)
        except OverflowError:
            value = float("inf")
    else:
        return 0.0, ("no_number", f"is a {type(cell).__name__}, not a number")
    if not abs(value) <= _LARGEST:
        return 0.0, ("not_finite", f"is {_short(cell)}, which 32 bits do not hold: give a finite number, or none")
    return value, None


def _no_number(text: str, comma: bool) -> tuple[str, str]:
    shown = _short(text)
    if _THOUSANDS.fullmatch(text):
        return "thousands", f"is {shown}, which seems to have thousands separators: write it without them"
    if not comma and re.fullmatch(r"[+-]?\d+,\d+", text):
        return "no_number", f"is {shown}: write a point for the comma, or say reading.decimal: comma"
    return "no_number", f"is {shown}, not a number: mend it, or name the column as categorical or to be dropped"


def _comma(text: str, comma: bool) -> str:
    return ", or say reading.decimal: comma" if not comma and re.fullmatch(r"[+-]?\d+,\d+", text) else ""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def as_text(cell: Cell) -> str:
    """A cell as the name of a class, a category or a group: 1, 1.0 and their texts are one name."""
    if isinstance(cell, str):
        text = cell.strip()
        return text.partition(".")[0] if _WHOLE.fullmatch(text) else text
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)
