"""JSON: an object a line, or a file that holds one list of objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.rows.chunks import Chunk, Unreadable, gathered
from kdcore.bring.rows.encoding import codec_of, opened
from kdcore.spec.bringing.rows import RowsReading


def json_lines(path: Path, file: str, reading: RowsReading, caps: Caps, findings: Findings) -> Iterator[Chunk]:
    """Chunks of a file with an object on each line; the first has all keys, later ones may lack some.

    Raises:
        Unreadable: for its encoding, or when no line is an object.
    """
    codec = codec_of(path, reading.encoding, caps.line_bytes)
    with opened(path, codec) as (text, tell):
        yield from _chunks(file, _objects(text, file, findings), caps, findings, tell)


def json_list(path: Path, file: str, reading: RowsReading, caps: Caps, findings: Findings) -> Iterator[Chunk]:
    """Chunks of a file that is one JSON list of objects; places are counted from 1.

    Raises:
        Unreadable: when it is something else, or larger than one document may be.
    """
    if path.stat().st_size > caps.item_bytes:
        message = f"is larger than the {caps.item_bytes} bytes of one JSON document: write an object a line (.jsonl)"
        raise Unreadable("too_large", message)
    codec = codec_of(path, reading.encoding, caps.item_bytes)
    try:
        items = json.loads(path.read_text(encoding=codec))
    except (ValueError, RecursionError) as error:
        raise Unreadable("no_json", f"is no JSON ({_short(error)})") from None
    if not isinstance(items, list):
        raise Unreadable("no_json", "is no JSON list of objects: write [{...}, ...], or an object a line (.jsonl)")
    yield from _chunks(file, _checked(enumerate(items, 1), file, findings), caps, findings, lambda: path.stat().st_size)


def _objects(text: TextIO, file: str, findings: Findings) -> Iterator[tuple[int, dict[str, Any]]]:
    for place, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            findings.fault(f"{file}:{place}", "no_json", f"is no JSON ({_short(error)})")
            continue
        yield from _checked([(place, item)], file, findings)


def _checked(items: Iterable[tuple[int, Any]], file: str, findings: Findings) -> Iterator[tuple[int, dict[str, Any]]]:
    for place, item in items:
        if isinstance(item, dict):
            yield place, item
        else:
            findings.fault(f"{file}:{place}", "no_object", f"is a {type(item).__name__}, not a JSON object")


def _chunks(
    file: str, records: Iterator[tuple[int, dict[str, Any]]], caps: Caps, findings: Findings, tell: Callable[[], int]
) -> Iterator[Chunk]:
    first = list(islice(records, 1))
    if not first:
        raise Unreadable("empty", "has no JSON object")
    names = list(first[0][1])
    if not names or len(names) > caps.columns:
        raise Unreadable("too_many_columns", f"has {len(names)} keys an object; 1 to {caps.columns} are allowed")
    yield from gathered(file, names, _cells(first, records, names, file, findings), tell)


def _cells(
    first: list[tuple[int, dict[str, Any]]],
    rest: Iterator[tuple[int, dict[str, Any]]],
    names: list[str],
    file: str,
    findings: Findings,
) -> Iterator[tuple[int, list[Any]]]:
    known = set(names)
    for source in (first, rest):
        for place, item in source:
            unknown = [name for name in item if name not in known]
            if unknown:
                message = f"has key {unknown[0]!r}, which the first object lacks"
                findings.fault(f"{file}:{place}", "wrong_columns", message)
            else:
                yield place, [item.get(name) for name in names]


def _short(error: BaseException) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
