"""``image-folder``: a folder for each class, with ``train``, ``validation`` and ``test`` above them or not."""

from __future__ import annotations

import numpy as np

from kdcore.bring.pictures.folders import split_named, tops_are_splits
from kdcore.bring.pictures.gallery import open_gallery, read_pictures
from kdcore.bring.pictures.opening import SUFFIXES
from kdcore.bring.room import Reading, Room
from kdcore.errors import EngineError
from kdcore.spec.bringing.pictures import ImageFolder
from kdcore.spec.cards import SplitName, TargetCard


def read_image_folder(room: Room, options: ImageFolder) -> Reading:
    """Read pictures in class folders; a class is called as its folder, and classes are numbered in the names' order.

    Raises:
        EngineError: ``invalid_data``.
    """
    is_split = tops_are_splits(name for name in room.tree.names if name.lower().endswith(SUFFIXES))
    gallery = open_gallery(room, _pictures(room, depth=2 if is_split else 1), options.size)
    pixels, kept = read_pictures(gallery)
    names = [gallery.names[place] for place in kept]
    folders = [name.split("/")[int(is_split)] for name in names]
    classes = tuple(sorted(set(folders)))
    number = {name: place for place, name in enumerate(classes)}
    given: list[SplitName] = [_split(name) if is_split else "train" for name in names]
    return Reading(
        task="classification",
        input=gallery.card,
        target=TargetCard(classes=classes),
        inputs=pixels,
        targets=np.asarray([number[folder] for folder in folders], dtype=np.int64),
        names=names,
        given=given,
        flip=options.flip,
        figures=gallery.figures(),
    )


def _split(name: str) -> SplitName:
    split = split_named(name.partition("/")[0])
    assert split is not None
    return split


def _pictures(room: Room, depth: int) -> list[str]:
    """The files in class folders; what else lies there is a fault, what lies above is only mentioned."""
    above = [name for name in room.tree.names if name.count("/") < depth]
    loose = [name for name in above if name.lower().endswith(SUFFIXES)]
    inside = [name for name in room.tree.names if name.count("/") >= depth]
    if not inside:
        where = "in one folder" if loose else "nowhere"
        message = f"pictures lie {where}: bring a folder for each class, and two classes at least"
        raise EngineError("invalid_data", message, "/source")
    for name in loose:
        room.found.fault(name, "no_class", "it lies in no class folder: put it into one")
    if others := sorted(set(above) - set(loose)):
        room.found.warn("passed_over", f"{len(others)} files lie in no class folder", files=others[:20])
    for name in inside:
        if not name.lower().endswith(SUFFIXES):
            room.found.fault(name, "not_a_picture", f"it is no picture ({', '.join(SUFFIXES)}): leave it out")
    return [name for name in inside if name.lower().endswith(SUFFIXES)]
