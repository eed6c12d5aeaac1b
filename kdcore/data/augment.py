"""Random changes of single pictures, on whole batches: each picture's follow from its key alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kdcore.data import dice, tone, warp
from kdcore.data.randaugment import randaugmented
from kdcore.spec.training import Augment

SMALLEST, LARGEST = 0.02, 0.4
"""Share of the area that is wiped out, from and to, as in Zhong et al. 2020 (arXiv 1708.04896)."""

SHAPES = 64
"""Heights by widths that a wiped rectangle is drawn from, equally far apart in their logarithm."""

FLATTEST = 0.3
"""Height by width of the flattest of them; the tallest is its inverse."""


class Changer:
    """What a spec's ``augment`` does to pictures.

    Keys are int64 [B] on the CPU, one for each picture (``dice.keys``); two pictures with equal keys are changed
    alike, whatever batch they are in.
    """

    def __init__(self, augment: Augment) -> None:
        self.augment = augment

    def changed(self, images: Tensor, keys: Tensor) -> Tensor:
        """Pictures uint8 [B, C, H, W] shifted, mirrored, turned, through RandAugment, and of another tone."""
        asked, device = self.augment, images.device
        if asked.shift:
            shifts = dice.whole(keys, "shift", 2 * asked.shift + 1, 2) - asked.shift
            images = warp.shifted(images, shifts.to(device, non_blocking=True), asked.shift)
        if asked.flip:
            images = warp.mirrored(images, self.mirrored(keys).to(device, non_blocking=True))
        if asked.rotate:
            places = dice.whole(keys, "rotate", 2 * warp.TURNS + 1)[:, 0]
            images = warp.turned(images, places.to(device, non_blocking=True), asked.rotate)
        if asked.randaugment is not None:
            images = randaugmented(images, keys, asked.randaugment)
        if asked.color:
            factors = 1 + asked.color * (2 * dice.fractions(keys, "color", 2) - 1)
            brightness, contrast = factors.to(device, non_blocking=True).unbind(1)
            images = tone.contrasted(tone.brightened(images, brightness), contrast)
        return images

    def mirrored(self, keys: Tensor) -> Tensor:
        """Which pictures ``flip`` mirrors: whole numbers [B] of 0 and 1."""
        return dice.whole(keys, "flip", 2)[:, 0]

    def erased(self, images: Tensor, keys: Tensor) -> Tensor:
        """Normalised pictures float32 [B, C, H, W], some with a rectangle set to 0, the training pixels' mean.

        Rectangles are those of random erasing, save that one that is too long for the picture is cut to its side (ours;
        the paper draws again).
        """
        if not self.augment.erase:
            return images
        height, width = images.shape[2:]
        top, left, tall, wide = self._rectangles(keys, height, width).to(images.device, non_blocking=True)
        rows, columns = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
        within_rows = (rows >= top[:, None]) & (rows < (top + tall)[:, None])
        within_columns = (columns >= left[:, None]) & (columns < (left + wide)[:, None])
        return images.masked_fill(within_rows[:, None, :, None] & within_columns[:, None, None, :], 0)

    def _rectangles(self, keys: Tensor, height: int, width: int) -> Tensor:
        """Top, left, height and width of each picture's rectangle: int64 [4, B]; of no height where it has none."""
        chosen, area, down, right = dice.fractions(keys, "erase", 4).double().unbind(1)
        shape = _shapes()[dice.whole(keys, "shape", SHAPES)[:, 0]]
        pixels = (SMALLEST + (LARGEST - SMALLEST) * area) * (height * width)
        tall = (pixels * shape).sqrt().round().long().clamp(1, height)
        wide = (pixels / shape).sqrt().round().long().clamp(1, width)
        top, left = (down * (height - tall + 1)).long(), (right * (width - wide + 1)).long()
        return torch.stack([top, left, tall * (chosen < self.augment.erase), wide])


def _shapes() -> Tensor:
    steps = [2 * step / (SHAPES - 1) - 1 for step in range(SHAPES)]
    return torch.tensor([math.exp(-math.log(FLATTEST) * step) for step in steps], dtype=torch.float64)
