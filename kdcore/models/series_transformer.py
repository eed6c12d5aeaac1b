"""Transformers for series: a patch of time steps is a token, as in PatchTST (Nie et al. 2023, arXiv 2211.14730)."""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.models.attention import Block, init_transformer, inner_points
from kdcore.models.conv1d import Rows
from kdcore.models.landmarks import Landmarks
from kdcore.models.vit import SHARES, Positions
from kdcore.spec.catalogue_sizes import default_span, scaled

UNIT = 8
"""Channels that each of ``SHARES`` parts of the hidden states has at width 1, which makes 96 together."""


class Patches(nn.Conv2d):
    """A vector for each ``patch`` positions of maps of one row; zeros fill up the last patch."""

    def __init__(self, inputs: int, outputs: int, patch: int) -> None:
        super().__init__(inputs, outputs, (1, patch), stride=(1, patch))
        self.patch = patch

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.pad(input, (0, -input.shape[-1] % self.patch)))


class SeriesEmbedding(nn.Module):
    """Series [B, C, L] to tokens [B, ceil(L / patch), D]."""

    def __init__(self, in_channels: int, length: int, patch: int, width: int) -> None:
        super().__init__()
        self.rows = Rows()
        self.patches = Patches(in_channels, width, patch)
        self.positions = Positions(-(-length // patch), width)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.positions(self.patches(self.rows(x)).flatten(2).transpose(1, 2)))


class Mean(nn.Module):
    """Tokens [B, T, D] averaged to a vector [B, D]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


class SeriesTransformer(nn.Module):
    """``embedding``, pre-norm ``blocks``, ``norm``, ``pool`` and ``head``; from [B, in_channels, length] to logits.

    ``blocks.i`` puts out hidden states [B, T, D]; see `kdcore.models.attention` for the places inside. Unlike PatchTST,
    which forecasts each channel by itself, a patch holds all channels, since one answer is asked for all of them.

    Args:
        depth: blocks.
        patch: steps that make a token; what makes about 16 tokens when left out.
        width: multiplier of the hidden states' 96 channels, which stay a multiple of 12: ``12 * scaled(8, width)``.
        heads: of each block; a divisor of 12.
    """

    def __init__(
        self,
        depth: int,
        num_classes: int,
        *,
        in_channels: int = 3,
        length: int = 128,
        patch: int | None = None,
        width: float = 1.0,
        heads: int = 3,
    ) -> None:
        super().__init__()
        span = default_span(length) if patch is None else patch
        channels = SHARES * scaled(UNIT, width)
        self.embedding = SeriesEmbedding(in_channels, length, span, channels)
        self.blocks = nn.Sequential(*(Block(channels, heads, norm_first=True) for _ in range(depth)))
        self.norm = nn.LayerNorm(channels)
        self.pool = Mean()
        self.head = nn.Linear(channels, num_classes)
        paths = tuple(f"blocks.{i}" for i in range(depth))
        self.landmarks = Landmarks(paths, "head", paths[(depth - 1) // 2], inner_points(paths))
        init_transformer(self)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.pool(self.norm(self.blocks(self.embedding(x))))))
