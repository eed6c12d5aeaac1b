"""Brightness, contrast, colour and sharpness of pictures, a whole batch at once.

Sums over a picture are sums of whole numbers and all else is done pixel by pixel, so that the pixels are the same to
the bit in any batch and on any number of threads. Pictures are uint8 [B, C, H, W], factors float32 [B]: 1 leaves a
picture as it is. The operations are those of torchvision and Pillow, rounded to the nearest level.
"""

from __future__ import annotations

import torch
from torch import Tensor


def brightened(images: Tensor, factors: Tensor) -> Tensor:
    """Multiplied by the factor."""
    return _levels(images.float() * _by_picture(factors))


def contrasted(images: Tensor, factors: Tensor) -> Tensor:
    """Moved away from the picture's mean grey by the factor, or towards it."""
    grey = greys(images)
    pixels = grey.shape[2] * grey.shape[3]
    mean = (grey.sum((1, 2, 3), dtype=torch.int64).double() / pixels).float()
    return _away(images.float(), _by_picture(mean), factors)


def coloured(images: Tensor, factors: Tensor) -> Tensor:
    """Moved away from the pixel's own grey; grey pictures stay as they are."""
    return images if images.shape[1] != 3 else _away(images.float(), greys(images).float(), factors)


def sharpened(images: Tensor, factors: Tensor) -> Tensor:
    """Moved away from the blurred picture: the middle five times, its neighbours once; the border stays."""
    if min(images.shape[2:]) < 3:
        return images
    whole = images.to(torch.int32)
    rows = whole[:, :, :-2] + whole[:, :, 1:-1] + whole[:, :, 2:]
    box = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    blurred = whole.clone()
    blurred[:, :, 1:-1, 1:-1] = (2 * (box + 4 * whole[:, :, 1:-1, 1:-1]) + 13) // 26
    return _away(images.float(), blurred.float(), factors)


def posterised(images: Tensor, bits: int) -> Tensor:
    """Only the ``bits`` highest bits of each level."""
    return images & (256 - (1 << (8 - bits)))


def solarised(images: Tensor, threshold: float) -> Tensor:
    """Levels from the threshold on turned round."""
    return torch.where(images.float() >= threshold, 255 - images, images)


def stretched(images: Tensor) -> Tensor:
    """Each channel's levels spread over the whole range (autocontrast); a channel of one level stays."""
    low, high = images.amin((2, 3), keepdim=True).float(), images.amax((2, 3), keepdim=True).float()
    spread = _levels((images.float() - low) * (255 / (high - low).clamp(min=1)))
    return torch.where(high > low, spread, images)


def equalised(images: Tensor) -> Tensor:
    """Each channel's levels spread so that all come about equally often, by Pillow's rule.

    By that rule, pictures of fewer than 256 pixels stay as they are.
    """
    batch, channels = images.shape[:2]
    levels = images.flatten(2).long()
    planes = torch.arange(batch * channels, device=images.device).view(batch, channels, 1) * 256
    counts = torch.bincount((levels + planes).flatten(), minlength=batch * channels * 256).view(batch, channels, 256)
    last = counts.gather(2, levels.amax(2, keepdim=True))
    step = (counts.sum(2, keepdim=True) - last) // 255
    below = counts.cumsum(2) - counts
    table = ((below + step // 2) // step.clamp(min=1)).clamp(max=255).to(torch.uint8)
    spread = table.gather(2, levels).view_as(images)
    return torch.where(step[..., None] > 0, spread, images)


def greys(images: Tensor) -> Tensor:
    """The luminance (ITU-R 601-2): int32 [B, 1, H, W]; the mean over the channels where they are not three."""
    whole = images.to(torch.int32)
    if images.shape[1] == 3:
        red, green, blue = whole.unbind(1)
        return ((19595 * red + 38470 * green + 7471 * blue + (1 << 15)) >> 16)[:, None]
    return whole.sum(1, keepdim=True, dtype=torch.int32) // images.shape[1]


def _away(images: Tensor, base: Tensor, factors: Tensor) -> Tensor:
    return _levels(base + (images - base) * _by_picture(factors))


def _by_picture(factors: Tensor) -> Tensor:
    return factors[:, None, None, None]


def _levels(values: Tensor) -> Tensor:
    return values.round().clamp(0, 255).to(torch.int32).to(torch.uint8)  # at once is five times slower on a CPU
