"""Pictures with boxes, whatever file named them: boxes are judged, clipped, and brought to size with their pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.pictures.fitting import Placing
from kdcore.bring.pictures.gallery import Gallery, open_gallery, read_pictures
from kdcore.bring.pictures.opening import Header
from kdcore.bring.room import Array, Reading, Room
from kdcore.spec.bringing.boxes import AnyBoxes
from kdcore.spec.cards import SplitName, TargetCard

Boxes = NDArray[np.float64]
"""[M, 5]: class, x1, y1, x2, y2."""

SLACK = 1.0
"""Pixels that a box may leave its picture by without a word: tools round."""


@dataclass(frozen=True)
class Scene:
    """A picture and its boxes, as a file names them.

    Attributes:
        picture: its name in the tree.
        split: that it belongs to.
        boxes: corners in pixels of the upright picture, or in shares of its sides.
        where: what reports call each box.
        size: width and height that the file states, where it does.
        in_shares: whether the corners are shares.
    """

    picture: str
    split: SplitName
    boxes: Boxes
    where: Sequence[str]
    size: tuple[int, int] | None = None
    in_shares: bool = False


@dataclass
class _Tally:
    """What became of boxes, over all pictures."""

    kept: list[Boxes] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def read_scenes(room: Room, scenes: Sequence[Scene], classes: tuple[str, ...], options: AnyBoxes) -> Reading:
    """Decode pictures, and judge and scale their boxes.

    A box without area or outside its picture is a fault, and is left out alone; one that sticks out is clipped.

    Raises:
        EngineError: ``invalid_data``.
    """
    by_picture = {scene.picture: scene for scene in scenes}
    gallery = open_gallery(room, list(by_picture), options.size)
    good, sized = _of_stated_size(room, gallery, by_picture)
    pixels, kept = read_pictures(sized)
    tally = _Tally()
    for place in kept:
        scene = good[place]
        inside = judged(room, scene, sized.headers[place], tally.counts)
        tally.kept.append(_placed(inside, sized.placing(place), options.least_side, tally.counts))
    _tell(room, tally.counts)
    targets = _stacked(room, tally.kept)
    return Reading(
        task="detection",
        input=sized.card,
        target=TargetCard(classes=classes, boxes=targets.shape[1]),
        inputs=pixels,
        targets=targets,
        names=[sized.names[place] for place in kept],
        given=[good[place].split for place in kept],
        flip=options.flip,
        figures=sized.figures() | {"boxes": _figures(tally)},
    )


def _of_stated_size(room: Room, gallery: Gallery, scenes: dict[str, Scene]) -> tuple[list[Scene], Gallery]:
    """The scenes whose pictures have the size that their files state; others are faults."""
    kept: list[int] = []
    for place, (name, seen) in enumerate(zip(gallery.names, gallery.headers, strict=True)):
        stated = scenes[name].size
        if stated is None or stated == (seen.width, seen.height):
            kept.append(place)
            continue
        message = (
            f"it has {seen.width} x {seen.height} pixels, its boxes were drawn on {stated[0]} x {stated[1]}: "
            "bring the picture that was annotated"
        )
        room.found.fault(name, "size_differs", message)
    return [scenes[gallery.names[place]] for place in kept], gallery.take(kept)


def judged(room: Room, scene: Scene, seen: Header, counts: Counter[str]) -> Boxes:
    """The boxes of a scene in pixels, clipped to its picture; faults are left out.

    Args:
        counts: takes the number of boxes that were clipped.
    """
    sides = np.asarray([seen.width, seen.height] * 2, dtype=np.float64)
    boxes = scene.boxes.copy()
    if scene.in_shares:
        boxes[:, 1:] *= sides
    kept: list[int] = []
    for place, (_, *corners) in enumerate(boxes.tolist()):
        fault = _fault(corners, seen)
        if fault is None:
            kept.append(place)
        else:
            room.found.fault(scene.where[place], *fault)
    inside = boxes[kept]
    clipped = np.clip(inside[:, 1:], 0, sides)
    counts["clipped"] += int((np.abs(clipped - inside[:, 1:]) > SLACK).any(axis=1).sum())
    inside[:, 1:] = clipped
    return inside


def _fault(corners: Sequence[float], seen: Header) -> tuple[str, str] | None:
    shown = "[" + ", ".join(f"{corner:g}" for corner in corners) + "]"
    x1, y1, x2, y2 = corners
    if not np.isfinite(corners).all():
        return "box_not_finite", f"the box {shown} holds no finite number: correct it"
    if x2 <= x1 or y2 <= y1:
        return "box_empty", f"the box {shown} has no area: correct it, or leave it out"
    if x2 <= 0 or y2 <= 0 or x1 >= seen.width or y1 >= seen.height:
        return "box_outside", f"the box {shown} lies outside its picture of {seen.width} x {seen.height}: correct it"
    return None


def _placed(boxes: Boxes, placing: Placing, least_side: float, counts: Counter[str]) -> Boxes:
    """Boxes at the new size; those that became too small are left out."""
    corners = placing.forward(boxes[:, 1:].reshape(-1, 2, 2)).reshape(-1, 4)
    is_large = np.minimum(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]) >= least_side
    counts["too_small"] += int((~is_large).sum())
    return np.concatenate([boxes[is_large, :1], corners[is_large]], axis=1)


def _tell(room: Room, counts: Counter[str]) -> None:
    if count := counts["clipped"]:
        room.found.warn("boxes_clipped", f"{count} boxes stick out of their pictures and were clipped", count=count)
    if count := counts["too_small"]:
        message = f"{count} boxes are too small at the new size and were left out: choose a larger size, or least_side"
        room.found.warn("boxes_too_small", message, count=count)


def _stacked(room: Room, boxes: Sequence[Boxes]) -> Array:
    """float32 [N, M, 5], filled up with class -1."""
    most = max((len(rows) for rows in boxes), default=0)
    targets = room.rows("boxes", len(boxes), (max(most, 1), 5), np.float32)
    targets[:, :, 0] = -1
    for place, rows in enumerate(boxes):
        targets[place, : len(rows)] = rows
    return targets


def _figures(tally: _Tally) -> dict[str, int]:
    counts = [len(rows) for rows in tally.kept]
    return {
        "total": sum(counts),
        "most": max(counts, default=0),
        "pictures_without": counts.count(0),
        "clipped": tally.counts["clipped"],
        "too_small": tally.counts["too_small"],
    }
