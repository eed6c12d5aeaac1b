"""How pictures of many sizes come to one: stretched, cropped or padded; and where that takes a point."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kdcore.spec.bringing import Size

Fit = Literal["stretch", "crop", "pad"]
GREY: Final = 114
"""Level of padding."""

LARGEST: Final = 256
"""Pixels of the longer side where the user names no size."""

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Placing:
    """Where a picture of one size goes in another: a point (x, y) goes to ``point * scale + shift``.

    Attributes:
        size: of the result, width and height.
        inner: width and height of the scaled picture, before cropping or padding.
        corner: its upper left corner in the result; negative where it is cropped.
    """

    scale: tuple[float, float]
    size: tuple[int, int]
    inner: tuple[int, int]
    corner: tuple[int, int]

    @classmethod
    def of(cls, source: tuple[int, int], size: tuple[int, int], fit: Fit) -> Placing:
        """The placing of a picture of ``source`` (width, height) in ``size``."""
        if fit == "stretch":
            inner = size
        else:
            factors = size[0] / source[0], size[1] / source[1]
            factor = min(factors) if fit == "pad" else max(factors)
            inner = max(1, round(source[0] * factor)), max(1, round(source[1] * factor))
        corner = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
        return cls((inner[0] / source[0], inner[1] / source[1]), size, inner, corner)

    def forward(self, points: Points) -> Points:
        """Points [..., 2] of the source in the result."""
        return np.asarray(points * np.asarray(self.scale) + np.asarray(self.corner))

    def backward(self, points: Points) -> Points:
        """Points [..., 2] of the result in the source."""
        return np.asarray((points - np.asarray(self.corner)) / np.asarray(self.scale))

    def apply(self, picture: Image.Image, fill: int = GREY, resample: Image.Resampling | None = None) -> Image.Image:
        """The picture placed; bilinear with antialiasing unless said otherwise."""
        chosen = resample if resample is not None else Image.Resampling.BILINEAR
        if min(self.corner) < 0:  # what is cropped is never made: of a long strip it would fill the memory
            (x1, y1), (x2, y2) = self.backward(np.asarray([(0, 0), self.size], dtype=np.float64)).tolist()
            box = max(x1, 0.0), max(y1, 0.0), min(x2, float(picture.width)), min(y2, float(picture.height))
            return picture.resize(self.size, chosen, box=box)
        if picture.size != self.inner:
            picture = picture.resize(self.inner, chosen)
        if self.inner == self.size:
            return picture
        result = Image.new(picture.mode, self.size, fill if picture.mode == "L" else (fill,) * 3)
        result.paste(picture, self.corner)
        return result


def chosen_size(size: Size, seen: Counter[tuple[int, int]]) -> tuple[int, int]:
    """Width and height that all pictures get: the user's, a square for one side, or the commonest, at most 256 a side.

    Args:
        seen: how many pictures have each width and height.
    """
    if size.width is not None or size.height is not None:
        width, height = size.width or size.height, size.height or size.width
        assert width is not None
        assert height is not None
        return width, height
    (width, height), _ = min(seen.items(), key=lambda item: (-item[1], item[0]))
    factor = min(1.0, LARGEST / max(width, height))
    return max(4, round(width * factor)), max(4, round(height * factor))
