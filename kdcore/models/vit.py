"""Vision transformers for small pictures (Dosovitskiy et al. 2021), without dropout, in any depth and width."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from kdcore.models.attention import DEVIATION, Block, init_transformer, inner_points
from kdcore.models.landmarks import Landmarks
from kdcore.spec.catalogue_sizes import default_patch, scaled

UNIT = 16
"""Channels that each of ``SHARES`` parts of the hidden states has at width 1, which makes 192 together."""
SHARES = 12
"""Every number of heads that divides this divides the hidden states of any width."""


class Positions(nn.Module):
    """Adds a learned vector to each patch."""

    def __init__(self, patches: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(patches, width))
        nn.init.trunc_normal_(self.weight, std=DEVIATION)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight


class ClassToken(nn.Module):
    """Puts a learned vector in front of the patches."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        nn.init.normal_(self.weight, std=DEVIATION)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.weight.expand(x.shape[0], 1, -1), x], dim=1)


class Embedding(nn.Module):
    """Pictures [B, C, S, S] to tokens [B, 1 + (S / patch)², D]: the class token, then the patches row by row."""

    def __init__(self, in_channels: int, image_size: int, patch: int, width: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(in_channels, width, patch, stride=patch)
        self.positions = Positions((image_size // patch) ** 2, width)
        self.token = ClassToken(width)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return cast(Tensor, self.token(self.positions(tokens)))


class VisionTransformer(nn.Module):
    """``embedding``, pre-norm ``blocks``, ``norm`` and ``head`` on the class token.

    ``blocks.i`` puts out hidden states [B, L, D]; see `kdcore.models.attention` for the places inside.

    Args:
        depth: blocks.
        width: multiplier of the hidden states' 192 channels, which stay a multiple of 12: ``12 * scaled(16, width)``.
        heads: of each block; a divisor of 12. It does not follow the width, so that a narrow student's heads
            can be compared with a wide teacher's.
        patch: side of a patch; one that makes about 8 x 8 patches when left out.

    Raises:
        ValueError: a patch that does not divide the size of the picture.
    """

    def __init__(
        self,
        depth: int,
        num_classes: int,
        *,
        in_channels: int = 3,
        image_size: int = 32,
        patch: int | None = None,
        width: float = 1.0,
        heads: int = 3,
    ) -> None:
        super().__init__()
        side = default_patch(image_size) if patch is None else patch
        if image_size % side:
            raise ValueError(f"patch={side} does not divide image_size={image_size}; leave it out, it follows the size")
        channels = SHARES * scaled(UNIT, width)
        self.embedding = Embedding(in_channels, image_size, side, channels)
        self.blocks = nn.Sequential(*(Block(channels, heads, norm_first=True) for _ in range(depth)))
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, num_classes)
        paths = tuple(f"blocks.{i}" for i in range(depth))
        self.landmarks = Landmarks(paths, "head", paths[(depth - 1) // 2], inner_points(paths))
        init_transformer(self)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(self.blocks(self.embedding(x)))
        return cast(Tensor, self.head(tokens[:, 0]))
