"""``yolo``: a text file beside each picture, in ``labels`` for ``images``, ``class cx cy w h`` a line, in shares."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdcore.bring.boxes.documents import BadDocument, read_lines, read_yaml
from kdcore.bring.boxes.scenes import Boxes, Scene, read_scenes
from kdcore.bring.pictures.folders import split_named, split_of
from kdcore.bring.pictures.opening import SUFFIXES
from kdcore.bring.room import Reading, Room
from kdcore.bring.tree import normal
from kdcore.errors import EngineError
from kdcore.spec.bringing.boxes import Yolo
from kdcore.spec.cards import SplitName

_LISTS = ("classes.txt", "obj.names", "_darknet.labels")
_BEYOND = 0.01
"""Share of a side by which numbers may leave 0 to 1: tools round."""


def read_yolo(room: Room, options: Yolo) -> Reading:
    """Read pictures and their files of boxes; a picture without a file has no objects, as YOLO has it.

    Raises:
        EngineError: ``invalid_data``.
    """
    settings = _settings(room)
    classes = options.classes or _classes(room, settings)
    folders = _folders(settings)
    texts = set(room.tree.ending(".txt"))
    scenes: list[Scene] = []
    used: set[str] = set()
    for picture in room.tree.ending(*SUFFIXES):
        text = _text_of(picture)
        boxes, where = _boxes(room, text, len(classes)) if text in texts else (np.empty((0, 5)), [])
        used.add(text)
        scenes.append(Scene(picture, _split(picture, folders), boxes, where, in_shares=True))
    if not used & texts:
        message = "no picture has a text file of boxes: bring labels/NAME.txt for images/NAME.jpg"
        raise EngineError("invalid_data", message, "/source")
    for text in sorted(name for name in texts - used if "labels" in name.split("/")[:-1]):
        room.found.fault(text, "no_picture", "it has no picture: bring it, or leave the file out")
    return read_scenes(room, scenes, classes, options)


def _text_of(picture: str) -> str:
    """The file of a picture's boxes: the last folder ``images`` is called ``labels`` there."""
    parts = picture.rpartition(".")[0].split("/")
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return "/".join(parts) + ".txt"


def _settings(room: Room) -> dict[str, Any]:
    """The YAML file that names the classes, where there is one."""
    for name in room.tree.ending(".yaml", ".yml"):
        try:
            found = read_yaml(room.tree.path(name))
        except BadDocument as error:
            raise EngineError("invalid_data", f"{name}: {error}", "/source") from None
        if isinstance(found, dict) and "names" in found:
            return found
    return {}


def _classes(room: Room, settings: dict[str, Any]) -> tuple[str, ...]:
    names = settings.get("names")
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        return tuple(str(names[place]) for place in range(len(names)))
    if isinstance(names, list) and names:
        return tuple(map(str, names))
    for name in room.tree.names:
        if name.rpartition("/")[2] in _LISTS:
            try:
                return tuple(read_lines(room.tree.path(name), room.caps))
            except BadDocument as error:
                raise EngineError("invalid_data", f"{name}: {error}", "/source") from None
    message = "nobody says what the classes are called: bring data.yaml with names from 0, or name them"
    raise EngineError("invalid_data", message, "/classes")


def _folders(settings: dict[str, Any]) -> dict[str, SplitName]:
    """Folders of pictures that the YAML file gives to splits."""
    found: dict[str, SplitName] = {}
    for key, value in settings.items():
        split = split_named(str(key))
        for folder in value if isinstance(value, list) else [value]:
            inner = normal(folder.replace("../", "")) if isinstance(folder, str) and split else None
            if inner and split:
                found.setdefault(inner, split)
    return found


def _split(picture: str, folders: dict[str, SplitName]) -> SplitName:
    parts = picture.split("/")
    above = ("/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1))
    named = next((folders[folder] for folder in above if folder in folders), None)
    return named or split_of(picture) or "train"


def _boxes(room: Room, name: str, classes: int) -> tuple[Boxes, list[str]]:
    """Corners in shares, and what reports call each."""
    rows: list[list[float]] = []
    where: list[str] = []
    try:
        lines = read_lines(room.tree.path(name), room.caps)
    except BadDocument as error:
        room.found.fault(name, "bad_annotation", str(error))
        return np.empty((0, 5)), []
    for place, line in enumerate(lines, 1):
        try:
            rows.append(_row(line.split(), classes))
            where.append(f"{name}:{place}")
        except BadDocument as error:
            room.found.fault(f"{name}:{place}", "bad_annotation", str(error))
    return np.asarray(rows).reshape(-1, 5), where


def _row(cells: list[str], classes: int) -> list[float]:
    if len(cells) != 5:
        hint = "outlines are not read, export boxes" if len(cells) > 6 else "write class cx cy w h"
        raise BadDocument(f"it has {len(cells)} numbers: {hint}")
    try:
        number, (x, y, width, height) = int(cells[0]), map(float, cells[1:])
    except ValueError:
        raise BadDocument("it does not hold a class and four numbers: write class cx cy w h") from None
    if not 0 <= number < classes:
        raise BadDocument(f"class {number} is not among the {classes} classes: name it, or correct it")
    if max(abs(value) for value in (x, y, width, height)) > 1 + _BEYOND:
        raise BadDocument(f"it holds {max(x, y, width, height):g}: write shares of the picture's sides, 0 to 1")
    return [number, x - width / 2, y - height / 2, x + width / 2, y + height / 2]
