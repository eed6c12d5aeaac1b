"""``coco``: COCO's JSON of images, annotations and categories (cocodataset.org, "Data format", object detection)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kdcore.bring.boxes.documents import BadDocument, read_json
from kdcore.bring.boxes.scenes import Scene, read_scenes
from kdcore.bring.pictures.folders import split_named
from kdcore.bring.room import Reading, Room
from kdcore.errors import EngineError
from kdcore.spec.bringing.boxes import Coco
from kdcore.spec.cards import SplitName

LARGEST = 10**9
"""Pixels beyond which a number of a box is none."""

_SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")


@dataclass
class _Found:
    """A picture of one JSON file, with the annotations met so far: category, corners, and what reports call them."""

    picture: str
    size: tuple[int, int] | None
    boxes: list[list[float]] = field(default_factory=list)
    where: list[str] = field(default_factory=list)


def read_coco(room: Room, options: Coco) -> Reading:
    """Read JSON annotations and their pictures; categories are numbered in the order of their ids.

    Raises:
        EngineError: ``invalid_data``.
    """
    documents = {split: (name, _document(room, name)) for split, name in _files(room, options).items()}
    categories = _categories(documents)
    number = {identity: place for place, identity in enumerate(categories)}
    scenes: dict[str, Scene] = {}
    crowds = 0
    for split, (name, document) in documents.items():
        found = _pictures(room, name, document, options)
        crowds += _fill(room, name, document, found, number)
        for entry in found.values():
            if entry.picture in scenes:
                message = f"{scenes[entry.picture].split} and {split} have it: keep it in one"
                room.found.fault(entry.picture, "in_two_splits", message)
                continue
            boxes = np.asarray(entry.boxes).reshape(-1, 5)
            scenes[entry.picture] = Scene(entry.picture, split, boxes, entry.where, entry.size)
    if crowds:
        room.found.warn("crowds_left_out", f"{crowds} crowds are no single objects and were left out", count=crowds)
    return read_scenes(room, list(scenes.values()), tuple(categories.values()), options)


def _files(room: Room, options: Coco) -> dict[SplitName, str]:
    """The JSON file of each split."""
    named = {split: wanted for split in _SPLITS if (wanted := getattr(options, split)) is not None}
    if named:
        found = {split: room.tree.find(wanted) for split, wanted in named.items()}
        for split, name in found.items():
            if name is None:
                message = f"no file {named[split]!r} in the dataset: name one that is there"
                raise EngineError("invalid_data", message, f"/{split}")
    else:
        found = _found_files(room)
    if "train" not in found:
        raise EngineError("invalid_data", "no JSON file is of the train split: name it", "/train")
    return {split: name for split, name in found.items() if name is not None}


def _found_files(room: Room) -> dict[SplitName, str | None]:
    names = room.tree.ending(".json")
    if len(names) == 1:
        return {"train": names[0]}
    found: dict[SplitName, str | None] = {}
    for name in names:
        said = [split for part in reversed(name.split("/")) for split in _said(part)]
        if said and said[0] in found:
            message = f"{found[said[0]]!r} and {name!r} could both be the {said[0]} split: name one"
            raise EngineError("invalid_data", message, f"/{said[0]}")
        if said:
            found[said[0]] = name
    return found


def _said(part: str) -> list[SplitName]:
    words = re.split(r"[^a-z]+", part.lower())
    return [split for word in words if (split := split_named(word)) is not None]


def _document(room: Room, name: str) -> dict[str, list[Any]]:
    try:
        document = read_json(room.tree.path(name), room.caps)
    except BadDocument as error:
        raise EngineError("invalid_data", f"{name}: {error}", "/source") from None
    keys = ("images", "annotations", "categories")
    if not isinstance(document, dict) or not all(isinstance(document.get(key), list) for key in keys):
        message = f"{name}: it needs lists of {', '.join(keys)}: export object detection in COCO's form"
        raise EngineError("invalid_data", message, "/source")
    return document


def _categories(documents: Mapping[SplitName, tuple[str, dict[str, list[Any]]]]) -> dict[int, str]:
    """Names by id, in the ids' order.

    Raises:
        EngineError: ``invalid_data``, when two files or entries give one id two names.
    """
    found: dict[int, str] = {}
    for name, document in documents.values():
        for entry in document["categories"]:
            identity, label = (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else (None, None)
            if not isinstance(identity, int) or not isinstance(label, str) or not label:
                raise EngineError("invalid_data", f"{name}: a category has no id or no name: correct it", "/source")
            if found.setdefault(identity, label) != label:
                message = (
                    f"{name}: category {identity} is {label!r} here and {found[identity]!r} elsewhere: use one list"
                )
                raise EngineError("invalid_data", message, "/source")
    return dict(sorted(found.items()))


def _pictures(room: Room, name: str, document: dict[str, list[Any]], options: Coco) -> dict[Any, _Found]:
    """Pictures that are there, by their ids."""
    found: dict[Any, _Found] = {}
    for place, entry in enumerate(document["images"], 1):
        where = f"{name} image {place}"
        file = entry.get("file_name") if isinstance(entry, dict) else None
        if not isinstance(file, str) or not isinstance(entry.get("id"), int | str):
            room.found.fault(where, "bad_annotation", "it has no id or no file_name: correct it")
        elif (picture := _located(room, name, file, options)) is None:
            room.found.fault(where, "no_picture", f"there is no picture {file!r}: bring it, or leave it out")
        elif entry["id"] in found:
            room.found.fault(where, "named_twice", f"id {entry['id']!r} is taken: give it its own")
        else:
            found[entry["id"]] = _Found(picture, _size(entry))
    return found


def _located(room: Room, name: str, file: str, options: Coco) -> str | None:
    above = options.images if options.images is not None else name.rpartition("/")[0]
    beside = f"{above}/{file}" if above else file
    return beside if beside in room.tree else room.tree.find(beside if options.images is not None else file)


def _size(entry: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = entry.get("width"), entry.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) and width and height else None


def _fill(
    room: Room, name: str, document: dict[str, list[Any]], found: dict[Any, _Found], number: Mapping[int, int]
) -> int:
    """Give pictures their boxes; the number of crowds that were left out."""
    crowds, known = 0, {entry.get("id") for entry in document["images"] if isinstance(entry, dict)}
    for where, entry in _annotations(room, name, document["annotations"]):
        if entry.get("iscrowd"):
            crowds += 1
        elif entry["image_id"] not in found:
            if entry["image_id"] not in known:
                message = f"image {entry['image_id']!r} is not listed: list it, or leave the annotation out"
                room.found.fault(where, "no_picture", message)
        elif entry["category_id"] not in number:
            message = f"category {entry['category_id']!r} is not listed: list it in categories"
            room.found.fault(where, "wrong_label", message)
        else:
            x, y, width, height = entry["bbox"]
            target = found[entry["image_id"]]
            target.boxes.append([number[entry["category_id"]], x, y, x + width, y + height])
            target.where.append(f"{where} of {target.picture}")
    return crowds


def _is_side(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < LARGEST


def _annotations(room: Room, name: str, entries: Sequence[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Annotations of the right form, and what reports call each."""
    for place, entry in enumerate(entries, 1):
        where = f"{name} annotation {place}"
        box = entry.get("bbox") if isinstance(entry, dict) else None
        is_box = isinstance(box, list) and len(box) == 4 and all(map(_is_side, box))
        has_ids = isinstance(entry, dict) and all(
            isinstance(entry.get(key), int | str) for key in ("image_id", "category_id")
        )
        if is_box and has_ids:
            yield where, entry
        else:
            room.found.fault(where, "bad_annotation", "it needs image_id, category_id and a bbox of four numbers")
