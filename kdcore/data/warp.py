"""Pictures moved, mirrored, turned and sheared, a whole batch at once.

All arithmetic is in whole numbers, so the pixels are the same to the bit on any device and in any batch. Pictures are
uint8 [B, C, H, W]; what comes in from beyond an edge is black.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

FINE = 16
"""Bits behind the point of a coordinate."""

TURNS = 512
"""Angles on either side of zero that a turn is drawn from."""

Matrix = tuple[float, float, float, float]
"""Where an output pixel is looked up: x from (x, y), then y from (x, y)."""


def shifted(images: Tensor, shifts: Tensor, most: int) -> Tensor:
    """Each picture moved by its own (down, right), int64 [B, 2], of at most ``most`` pixels."""
    count, channels, height, width = images.shape
    padded = F.pad(images, (most, most, most, most))
    tall, wide = padded.shape[2:]
    device = images.device
    corners = (most - shifts[:, 0]) * wide + most - shifts[:, 1]
    planes = torch.arange(count * channels, device=device).view(count, channels, 1) * (tall * wide)
    starts = corners[:, None, None] + planes + torch.arange(height, device=device) * wide
    # Every row of a result is a stretch of the padded memory, and stretches are copied much faster than pixels.
    stretches = padded.as_strided((padded.numel() - width + 1, width), (1, 1))
    return stretches.index_select(0, starts.flatten()).view_as(images)


def mirrored(images: Tensor, chosen: Tensor) -> Tensor:
    """The ``chosen`` pictures, whole numbers [B] of 0 and 1, with left and right exchanged."""
    mask = (chosen * 255).to(torch.uint8)[:, None, None, None]
    return images ^ ((images ^ images.flip(3)) & mask)


def turned(images: Tensor, places: Tensor, degrees: float) -> Tensor:
    """Each picture turned about its centre by one of ``2 TURNS + 1`` angles from ``-degrees`` to ``degrees``.

    Pixels are interpolated linearly.

    Args:
        places: int64 [B], numbers of the angles.
    """
    across, down = _sources(images, table(turns(degrees), images.device).index_select(0, places), centred=True)
    across, down = across - (1 << FINE), down - (1 << FINE)  # from a pixel's corner to its middle
    left, top = across >> (FINE + 1), down >> (FINE + 1)
    right_share, low_share = (across >> (FINE - 7)) & 255, (down >> (FINE - 7)) & 255
    total = torch.full_like(images, 0, dtype=torch.int32).flatten(2)
    for below, row_share in ((0, 256 - low_share), (1, low_share)):
        for beyond, column_share in ((0, 256 - right_share), (1, right_share)):
            share = (row_share * column_share).to(torch.int32)
            total += _looked_up(images, left + beyond, top + below).to(torch.int32) * share[:, None]
    return ((total + (1 << 15)) >> 16).to(torch.uint8).view_as(images)


def warped(images: Tensor, matrices: Tensor, *, centred: bool) -> Tensor:
    """Each picture through its own linear map; the nearest pixel is taken.

    Args:
        matrices: int64 [B, 4], rows of a ``table``, from output pixels to where they are looked up.
        centred: whether the picture's centre stays; its upper left corner does otherwise.
    """
    across, down = _sources(images, matrices, centred=centred)
    return _looked_up(images, across >> (FINE + 1), down >> (FINE + 1)).view_as(images)


@lru_cache(maxsize=32)
def turns(degrees: float) -> tuple[Matrix, ...]:
    """``2 TURNS + 1`` turns from ``-degrees`` to ``degrees``."""
    return tuple(turn(degrees * step / TURNS) for step in range(-TURNS, TURNS + 1))


def turn(degrees: float) -> Matrix:
    """The lookup of a picture turned counterclockwise, rows counted downwards."""
    angle = math.radians(degrees)
    return math.cos(angle), -math.sin(angle), math.sin(angle), math.cos(angle)


@lru_cache(maxsize=32)
def table(matrices: tuple[Matrix, ...], device: torch.device) -> Tensor:
    """Matrices in whole numbers, kept on the device: int64 [N, 4]."""
    return torch.tensor([[round(entry * (1 << FINE)) for entry in matrix] for matrix in matrices], device=device)


def _sources(images: Tensor, matrices: Tensor, *, centred: bool) -> tuple[Tensor, Tensor]:
    """Twice the lookup's (x, y) with ``FINE`` bits behind the point, counted from the corner: int64 [B, H * W] each."""
    height, width = images.shape[2:]
    origin = (width, height) if centred else (0, 0)
    x = (2 * torch.arange(width, device=images.device) + 1 - origin[0]).repeat(height)
    y = (2 * torch.arange(height, device=images.device) + 1 - origin[1]).repeat_interleave(width)
    across = matrices[:, :1] * x + matrices[:, 1:2] * y + (origin[0] << FINE)
    down = matrices[:, 2:3] * x + matrices[:, 3:] * y + (origin[1] << FINE)
    return across, down


def _looked_up(images: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """The pixels at ``columns`` and ``rows``, int64 [B, P] each: [B, C, P]."""
    channels, height, width = images.shape[1:]
    padded = F.pad(images, (1, 1, 1, 1)).flatten(2)
    at = (rows.clamp(-1, height) + 1) * (width + 2) + columns.clamp(-1, width) + 1
    return padded.gather(2, at[:, None].expand(-1, channels, -1))
