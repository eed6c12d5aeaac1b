"""``voc``: Pascal VOC's folders and XML (M. Everingham and J. Winn, "The PASCAL VOC2012 Development Kit")."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element

import numpy as np

from kdcore.bring.boxes.documents import BadDocument, read_lines, read_xml
from kdcore.bring.boxes.scenes import Scene, read_scenes
from kdcore.bring.pictures.folders import split_of
from kdcore.bring.pictures.opening import SUFFIXES
from kdcore.bring.room import Reading, Room
from kdcore.errors import EngineError
from kdcore.spec.bringing.boxes import Voc
from kdcore.spec.cards import SplitName

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_LISTS: dict[str, SplitName] = {"train": "train", "val": "validation", "test": "test"}


def read_voc(room: Room, options: Voc) -> Reading:
    """Read XML annotations and their pictures.

    Raises:
        EngineError: ``invalid_data``.
    """
    annotations = room.tree.ending(".xml")
    if not annotations:
        raise EngineError("invalid_data", "there are no XML files: bring Annotations beside JPEGImages", "/source")
    splits = _splits(room, annotations)
    pictures = _Pictures(room.tree.ending(*SUFFIXES))
    objects: dict[str, list[tuple[str, str, list[float]]]] = {}
    facts: dict[str, tuple[str, tuple[int, int] | None]] = {}
    for name in annotations:
        if name not in splits:
            continue
        try:
            root = read_xml(room.tree.path(name), room.caps)
            picture, size = pictures.of(name), _size(root)
            if picture in objects:
                raise BadDocument(f"its picture {picture!r} has annotations already: keep one file")
            objects[picture] = list(_objects(room, name, root, options))
            facts[picture] = name, size
        except BadDocument as error:
            room.found.fault(name, "bad_annotation", str(error))
    classes = options.classes or tuple(sorted({label for found in objects.values() for _, label, _ in found}))
    number = {label: place for place, label in enumerate(classes)}
    scenes = [
        Scene(
            picture,
            splits[facts[picture][0]],
            np.asarray([[number[label], *corners] for _, label, corners in found]).reshape(-1, 5),
            [where for where, _, _ in found],
            facts[picture][1],
        )
        for picture, found in objects.items()
    ]
    return read_scenes(room, scenes, classes, options)


class _Pictures:
    """Pictures by the names of their annotations: the same stem, in the same upper folder where several have it."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_stem: dict[str, list[str]] = {}
        for name in names:
            self._by_stem.setdefault(_stem(name), []).append(name)

    def of(self, annotation: str) -> str:
        """The picture of an annotation."""
        found = self._by_stem.get(_stem(annotation), [])
        if len(found) > 1:
            above = annotation.rpartition("/")[0].removesuffix("Annotations")
            found = [name for name in found if name.startswith(above)]
        if len(found) != 1:
            raise BadDocument(f"{len(found)} pictures are called {_stem(annotation)!r}: bring one, or leave it out")
        return found[0]


def _stem(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]


def _splits(room: Room, annotations: list[str]) -> dict[str, SplitName]:
    """The split of each annotation, by the lists in ``ImageSets/Main``, or by folders where there are none."""
    lists = _lists(room)
    if not lists:
        return {name: split_of(name) or "train" for name in annotations}
    known = {_stem(name): name for name in annotations}
    found: dict[str, SplitName] = {}
    for split, stems in lists.items():
        for stem in stems:
            if stem not in known:
                room.found.fault(stem, "no_annotation", f"{split} lists it, and it has no XML file: bring it")
            elif found.setdefault(known[stem], split) != split:
                room.found.fault(stem, "in_two_splits", f"{found[known[stem]]} and {split} list it: keep one")
    if rest := len(annotations) - len(found):
        room.found.warn("passed_over", f"{rest} annotations are in no list of ImageSets/Main", count=rest)
    return found


def _lists(room: Room) -> dict[SplitName, list[str]]:
    found = {}
    for name in room.tree.ending(".txt"):
        if "ImageSets/" in f"/{name}" and _stem(name) in {*_LISTS, "trainval"}:
            try:
                found[_stem(name)] = [line.split()[0] for line in read_lines(room.tree.path(name), room.caps)]
            except BadDocument as error:
                raise EngineError("invalid_data", f"{name}: {error}", "/source") from None
    if "train" not in found and "trainval" in found:
        held = set(found.get("val", []))
        found["train"] = [stem for stem in found["trainval"] if stem not in held]
    return {_LISTS[name]: stems for name, stems in found.items() if name in _LISTS}


def _size(root: Element) -> tuple[int, int] | None:
    """Width and height that the annotation states; some tools write zeros."""
    width, height = (root.findtext(f"size/{side}", "0") for side in ("width", "height"))
    is_stated = all(side.isdecimal() and len(side) < 10 and int(side) for side in (width, height))
    return (int(width), int(height)) if is_stated else None


def _objects(room: Room, name: str, root: Element, options: Voc) -> Iterable[tuple[str, str, list[float]]]:
    """What reports call each object, its class, and its corners with the first pixel at 0."""
    for place, entry in enumerate(root.iter("object"), 1):
        where, label = f"{name} object {place}", (entry.findtext("name") or "").strip()
        if entry.findtext("difficult", "0").strip() == "1" and not options.difficult:
            continue
        if not label or (options.classes and label not in options.classes):
            room.found.fault(where, "wrong_label", f"its class {label!r} is not among the classes: name it")
            continue
        try:
            corners = [float(entry.findtext(f"bndbox/{side}", "")) for side in _SIDES]
        except ValueError:
            room.found.fault(where, "bad_annotation", "it has no box of four numbers: correct it")
            continue
        yield where, label, _from_zero(corners, options.first_pixel)


def _from_zero(corners: list[float], first: int) -> list[float]:
    """Edges of a box whose corners name pixels, the last one included where the first is called 1.

    A box that names one pixel only is left without area: tools write such boxes by mistake.
    """
    x1, y1, x2, y2 = corners
    if x2 <= x1 or y2 <= y1:
        return corners
    return [x1 - first, y1 - first, x2, y2]
