"""``preview/``: a few examples to look at, pictures as thumbnails with their boxes or masks, all of them as records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

from kdcore.bring.cutting import Places
from kdcore.bring.room import Array, Reading
from kdcore.data.pack import PREVIEW
from kdcore.files import write_json
from kdcore.spec.cards import SplitName

SAMPLES: Final = 24
SIDE: Final = 160
"""Pixels of a thumbnail's longer side."""

CHANNELS, LENGTH = 16, 128
"""What of a series or table a record shows."""


def write_preview(reading: Reading, parts: Mapping[SplitName, Places], out: Path) -> list[dict[str, Any]]:
    """Write ``preview/``: some examples of each split, spread over it.

    Returns:
        Records with ``name``, ``split``, ``target``, and ``picture`` (a file of the folder) or what else shows it.
    """
    folder = out / PREVIEW
    folder.mkdir(exist_ok=True)
    records: list[dict[str, Any]] = []
    for split, places in parts.items():
        take = min(len(places), SAMPLES // len(parts))
        random = np.random.default_rng(0)
        for place in sorted(random.choice(places, take, replace=False).tolist()):
            record = {"name": reading.names[place], "split": split, "target": _target(reading, place)}
            records.append(record | _shown(reading, place, folder, len(records)))
    write_json(folder / "samples.json", records)
    return records


def _shown(reading: Reading, place: int, folder: Path, number: int) -> dict[str, Any]:
    if reading.show is not None:
        return dict(reading.show(place))
    if reading.input.kind != "image":
        row = np.asarray(reading.inputs[place])
        return {"inputs": np.round(row[:CHANNELS, :LENGTH] if row.ndim > 1 else row[:LENGTH], 4).tolist()}
    file = f"{number:02d}.png"
    thumbnail(reading, place).save(folder / file)
    return {"picture": file}


def _target(reading: Reading, place: int) -> Any:
    classes, target = reading.target.classes, np.asarray(reading.targets[place])
    match reading.task:
        case "classification":
            return classes[int(target)]
        case "multilabel":
            return [name for name, value in zip(classes, target, strict=True) if value]
        case "regression":
            return dict(zip(classes, np.round(target, 6).tolist(), strict=True))
        case "detection":
            return [[classes[int(box[0])], *np.round(box[1:], 1).tolist()] for box in target if box[0] >= 0]
        case "segmentation":
            numbers = [int(number) for number in np.unique(target) if number != reading.target.ignored]
            return [classes[number] for number in numbers]
        case _:
            return target[:LENGTH].tolist()


def thumbnail(reading: Reading, place: int) -> Image.Image:
    """One picture of a reading, small, with its boxes or its mask drawn on it."""
    pixels = np.asarray(reading.inputs[place])
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels[:3], 0, -1)).convert("RGB")
    target = np.asarray(reading.targets[place])
    if reading.task == "segmentation":
        picture = Image.blend(picture, Image.fromarray(_painted(target, reading.target.ignored)), 0.5)
    scale = SIDE / max(picture.size)
    small = picture.resize(_scaled(picture.size, scale), Image.Resampling.NEAREST if scale > 1 else None)
    if reading.task == "detection":
        draw = ImageDraw.Draw(small)
        for number, *corners in target[target[:, 0] >= 0].tolist():
            color = tuple(_color(int(number)).tolist())
            draw.rectangle([corner * scale for corner in corners], outline=color)
    return small


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _color(number: int) -> Array:
    """Colours that differ for neighbouring numbers: the bits of the number, spread over the channels as VOC does."""
    color = np.zeros(3, dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            color[channel] |= ((number + 1 >> (3 * bit + channel)) & 1) << (7 - bit)
    return color


def _painted(mask: Array, ignored: int | None) -> Array:
    table = np.stack([_color(number) for number in range(256)])
    if ignored is not None:
        table[ignored] = 255
    return table[mask]
