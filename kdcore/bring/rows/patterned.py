"""Lines after a pattern such as ``{label} {text}``: no regular expressions, so no line can make them run for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.rows.chunks import Chunk, Unreadable, gathered
from kdcore.bring.rows.encoding import codec_of, opened
from kdcore.spec.bringing.rows import RowsReading

_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class _Pattern:
    """Fields in their order; ``texts[i]`` stands before field i, and the last text at the line's end."""

    fields: tuple[str, ...]
    texts: tuple[str, ...]

    def cells(self, line: str) -> list[str] | None:
        """What the fields are in a line; None where it does not fit."""
        first, last = self.texts[0], self.texts[-1]
        if not (line.startswith(first) and line.endswith(last) and len(line) >= len(first) + len(last)):
            return None
        rest, cells = line[len(first) : len(line) - len(last)], []
        for between in self.texts[1:-1]:
            cell, found, rest = rest.partition(between)
            if not found:
                return None
            cells.append(cell)
        return [*cells, rest]


def patterned(path: Path, file: str, reading: RowsReading, caps: Caps, findings: Findings) -> Iterator[Chunk]:
    """Chunks of a file whose lines follow ``reading.pattern``; lines that do not are faults.

    Raises:
        Unreadable: for its encoding, or a pattern that cannot part a line.
    """
    assert reading.pattern is not None
    pattern = _parsed(reading.pattern)
    codec = codec_of(path, reading.encoding, caps.line_bytes)
    with opened(path, codec) as (text, tell):
        yield from gathered(file, pattern.fields, _records(text, file, pattern, findings), tell)


def _records(text: TextIO, file: str, pattern: _Pattern, findings: Findings) -> Iterator[tuple[int, list[str]]]:
    for place, line in enumerate(text, 1):
        bare = line.rstrip("\n")
        cells = pattern.cells(bare)
        if cells is not None:
            yield place, cells
        elif bare.strip():
            findings.fault(f"{file}:{place}", "wrong_pattern", "does not follow reading.pattern")


def _parsed(pattern: str) -> _Pattern:
    parts = _FIELD.split(pattern)
    fields, texts = tuple(parts[1::2]), tuple(parts[0::2])
    if not fields or len(set(fields)) < len(fields) or not all(texts[1:-1]):
        message = "reading.pattern needs names in braces that differ, with a text between each two: {label} {text}"
        raise Unreadable("wrong_pattern", message)
    return _Pattern(fields, texts)
