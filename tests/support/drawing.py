"""Small pictures for tests of datasets that are pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def noise(seed: int, width: int = 12, height: int = 10, mode: str = "RGB") -> Image.Image:
    """A picture of its own for each seed."""
    shape = (height, width) if mode == "L" else (height, width, 3)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def draw(path: Path, seed: int, **options: int) -> Path:
    """Put a picture into a file, whose folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise(seed, **options).save(path)
    return path


def class_folders(folder: Path, classes: str = "ab", count: int = 4, **options: int) -> Path:
    """Class folders with pictures that all differ."""
    for number, name in enumerate(classes):
        for place in range(count):
            draw(folder / name / f"{place}.png", 1000 * number + place, **options)
    return folder
