"""``image-masks``: pictures and masks of the same size, in two folders, matched by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kdcore.bring.caps import Caps
from kdcore.bring.pictures.folders import split_of
from kdcore.bring.pictures.gallery import Gallery, channels_first, open_gallery
from kdcore.bring.pictures.opening import SUFFIXES, BadPicture, decode, decode_numbers
from kdcore.bring.room import Array, Reading, Room
from kdcore.errors import EngineError
from kdcore.spec.bringing.pictures import ImageMasks, MaskClass
from kdcore.spec.cards import TargetCard


def read_image_masks(room: Room, options: ImageMasks) -> Reading:
    """Read pictures and their masks; a pixel's number is its class, or its colour stands for one.

    Raises:
        EngineError: ``invalid_data``.
    """
    pairs = _pairs(room, options)
    gallery = open_gallery(room, list(pairs), options.size)
    pixels, masks, kept = _read(room, gallery, pairs, options)
    names = [gallery.names[place] for place in kept]
    classes = options.classes or tuple(entry.name for entry in options.colors) or _numbered(masks, options.ignored)
    return Reading(
        task="segmentation",
        input=gallery.card,
        target=TargetCard(classes=classes, ignored=options.ignored),
        inputs=pixels,
        targets=masks,
        names=names,
        given=[split_of(name) or "train" for name in names],
        flip=options.flip,
        figures=gallery.figures(),
    )


def _pairs(room: Room, options: ImageMasks) -> dict[str, str]:
    """The mask of each picture; pictures without one and masks without a picture are faults."""
    pictures = _within(room, options.images, "")
    masks = _within(room, options.masks, options.mask_suffix)
    if not pictures or not masks:
        missing = options.images if not pictures else options.masks
        message = f"there is no folder {missing!r} with pictures: name both folders"
        raise EngineError("invalid_data", message, "/masks" if pictures else "/images")
    for key in sorted(pictures.keys() - masks.keys()):
        room.found.fault(pictures[key], "no_mask", f"it has no mask in {options.masks!r}: bring one, or leave it out")
    for key in sorted(masks.keys() - pictures.keys()):
        room.found.fault(masks[key], "no_picture", f"it has no picture in {options.images!r}: leave it out")
    return {pictures[key]: masks[key] for key in sorted(pictures.keys() & masks.keys())}


def _within(room: Room, folder: str, suffix: str) -> dict[str, str]:
    """Files under a folder by the rest of their path, without folder and ending."""
    found: dict[str, str] = {}
    for name in room.tree.ending(*SUFFIXES):
        parts = name.split("/")
        if folder not in parts[:-1]:
            continue
        parts.remove(folder)
        key = "/".join(parts).rpartition(".")[0]
        if not key.endswith(suffix):
            continue
        key = key.removesuffix(suffix)
        if key in found:
            room.found.fault(name, "named_twice", f"{found[key]!r} has the same name: keep one")
        else:
            found[key] = name
    return found


def _read(
    room: Room, gallery: Gallery, pairs: dict[str, str], options: ImageMasks
) -> tuple[Array, Array, Sequence[int]]:
    card = gallery.card
    pixels = room.rows("pictures", len(gallery.names), card.shape, np.uint8)
    masks = room.rows("masks", len(gallery.names), card.shape[1:], np.uint8)
    kept: list[int] = []
    room.steps.begin("read", len(gallery.names))
    for place, name in enumerate(gallery.names):
        room.steps.advance()
        try:
            picture = decode(room.tree.path(name), room.caps, grey=gallery.grey)
            mask = _mask(room.tree.path(pairs[name]), picture.size, room.caps, options)
        except BadPicture as error:
            room.found.fault(name, error.code, str(error))
            continue
        placing = gallery.placing(place)
        pixels[len(kept)] = channels_first(placing.apply(picture))
        masks[len(kept)] = np.asarray(placing.apply(mask, options.ignored, Image.Resampling.NEAREST))
        kept.append(place)
    return pixels[: len(kept)], masks[: len(kept)], kept


def _mask(path: Path, size: tuple[int, int], caps: Caps, options: ImageMasks) -> Image.Image:
    """A mask as numbers of classes, mode ``L``."""
    try:
        mask = decode(path, caps, grey=False) if options.colors else decode_numbers(path, caps)
    except BadPicture as error:
        raise BadPicture(error.code, f"of its mask {path.name}: {error}") from None
    if mask.size != size:
        message = f"its mask has {mask.size[0]} x {mask.size[1]} pixels, itself {size[0]} x {size[1]}: bring equal ones"
        raise BadPicture("mask_size", message)
    if options.colors:
        return Image.fromarray(_by_color(np.asarray(mask), options.colors, options.ignored))
    if mask.mode != "L":
        raise BadPicture("mask_color", "its mask is painted, not numbered: name the colours in colors")
    highest = max((value for value in _values(mask) if value != options.ignored), default=0)
    if options.classes and highest >= len(options.classes):
        message = f"its mask holds {highest}, possible are 0 to {len(options.classes) - 1} and {options.ignored}"
        raise BadPicture("mask_value", f"{message}: name all classes")
    return mask


def _by_color(pixels: Array, colors: Sequence[MaskClass], ignored: int) -> Array:
    packed = pixels.astype(np.uint32) @ np.asarray([1 << 16, 1 << 8, 1], dtype=np.uint32)
    numbers = np.full(packed.shape, ignored, dtype=np.uint8)
    for number, entry in enumerate(colors):
        red, green, blue = entry.color
        numbers[packed == (red << 16 | green << 8 | blue)] = number
    return numbers


def _values(mask: Image.Image) -> list[int]:
    return [value for value, count in enumerate(mask.histogram()) if count]


def _numbered(masks: Array, ignored: int) -> tuple[str, ...]:
    """Classes from 0 to the highest number that occurs."""
    highest: Any = max((int(row[row != ignored].max(initial=0)) for row in masks), default=0)
    return tuple(map(str, range(highest + 1)))
