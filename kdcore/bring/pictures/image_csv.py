"""``image-csv``: pictures that a file of rows names, with their classes, labels or values, splits and groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdcore.bring.pictures.folders import split_named
from kdcore.bring.pictures.gallery import open_gallery, read_pictures
from kdcore.bring.pictures.labels import Answers, Wrong, answers
from kdcore.bring.room import Reading, Room
from kdcore.bring.rows.columns import require
from kdcore.bring.rows.files import RowsFile
from kdcore.errors import EngineError
from kdcore.spec.bringing.pictures import ImageCsv
from kdcore.spec.cards import SplitName, TargetCard


@dataclass(frozen=True)
class _Row:
    answer: Any
    split: SplitName
    group: str


def read_image_csv(room: Room, options: ImageCsv) -> Reading:
    """Read the pictures that a file of rows names; rows that cannot be used are faults.

    Raises:
        EngineError: ``invalid_data``; a column that is not there by its option.
    """
    wanted = answers(options)
    listed = dict(_rows(room, options, wanted))
    gallery = open_gallery(room, list(listed), options.size)
    pixels, kept = read_pictures(gallery)
    names = [gallery.names[place] for place in kept]
    rows = [listed[name] for name in names]
    targets, classes = wanted.finish([row.answer for row in rows])
    groups = np.unique([row.group for row in rows], return_inverse=True)[1].astype(np.int64) if options.group else None
    return Reading(
        task=wanted.task,
        input=gallery.card,
        target=TargetCard(classes=classes),
        inputs=pixels,
        targets=targets,
        names=names,
        given=[row.split for row in rows],
        groups=groups,
        flip=options.flip,
        figures=gallery.figures(),
    )


def _rows(room: Room, options: ImageCsv, wanted: Answers) -> Iterator[tuple[str, _Row]]:
    """Each picture that is named once, with what its row says."""
    seen: set[str] = set()
    for where, cells in _cells(room, options):
        try:
            name, row = _picture(room, options, cells), _row(options, wanted, cells)
            if name in seen:
                raise Wrong("named_twice", f"picture {name!r} has a row already: keep one")
        except Wrong as error:
            room.found.fault(where, error.code, str(error))
            continue
        seen.add(name)
        yield name, row


def _cells(room: Room, options: ImageCsv) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of the file: what reports call each, and its cells by column."""
    name = _file(room, options)
    needed = {name: [getattr(options, name)] for name in ("image", "label", "split", "group")}
    needed |= {"labels": list(options.labels), "values": list(options.values)}
    for chunk in RowsFile(room.tree.path(name), name).chunks(options.reading, room.caps, room.found):
        for option, columns in needed.items():
            require(chunk.columns, [column for column in columns if column is not None], name, f"/{option}")
        for row in range(len(chunk)):
            yield chunk.name(row), {column: cells[row] for column, cells in chunk.columns.items()}


def _file(room: Room, options: ImageCsv) -> str:
    if options.file is None:
        return room.tree.only("the file of rows", ".csv", ".tsv", ".jsonl", ".parquet")
    found = room.tree.find(options.file)
    if found is None:
        raise EngineError("invalid_data", f"no file {options.file!r} in the dataset: name one that is there", "/file")
    return found


def _picture(room: Room, options: ImageCsv, cells: dict[str, Any]) -> str:
    path = str(cells[options.image] or "").strip()
    if not path:
        raise Wrong("no_picture", f"column {options.image!r} is empty: name a picture, or leave the row out")
    found = room.tree.find(f"{options.folder}/{path}" if options.folder else path)
    if found is None:
        raise Wrong("no_picture", f"there is no picture {path!r}: bring it, or leave the row out")
    return found


def _row(options: ImageCsv, wanted: Answers, cells: dict[str, Any]) -> _Row:
    split: SplitName = "train"
    if options.split is not None:
        named = split_named(str(cells[options.split] or ""))
        if named is None:
            said = str(cells[options.split])[:40]
            raise Wrong("wrong_split", f"column {options.split!r} says {said!r}: write train, validation or test")
        split = named
    group = "" if options.group is None else str(cells[options.group] or "").strip()
    if options.group is not None and not group:
        raise Wrong("no_group", f"column {options.group!r} is empty: fill it, or leave the row out")
    return _Row(wanted.read(cells), split, group)
