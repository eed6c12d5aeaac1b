"""A text encoder with BERT's structure (Devlin et al. 2019): post-norm blocks, pooler and classifier; no dropout."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from kdcore.models.attention import Block, init_transformer, inner_points
from kdcore.models.landmarks import Landmarks


class TokenEmbedding(nn.Module):
    """Token ids [B, L] to hidden states [B, L, D]: the token's and the position's vector, then layer norm."""

    def __init__(self, vocabulary: int, max_length: int, width: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(max_length, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device)
        return cast(Tensor, self.norm(self.tokens(ids) + self.positions(places)))


class Pooler(nn.Module):
    """The first token's hidden state [B, L, D] through a linear layer and tanh: [B, D]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.tanh(self.linear(hidden[:, 0]))


class Encoder(nn.Module):
    """``embedding``, ``blocks``, ``pooler`` and ``head``: token ids [B, L] to logits [B, num_classes].

    ``blocks.i`` puts out hidden states [B, L, D]; see `kdcore.models.attention` for the places inside.

    Args:
        vocabulary: how many tokens there are.
        layers: blocks.
        width: channels D of the hidden states, a multiple of ``heads``.
        max_length: positions that have a vector.
        padding: the id that fills up short sequences; where it stands, nothing is attended to.
    """

    def __init__(
        self,
        vocabulary: int,
        layers: int,
        width: int,
        heads: int,
        max_length: int,
        num_classes: int,
        *,
        padding: int = 0,
    ) -> None:
        super().__init__()
        self.padding = padding
        self.embedding = TokenEmbedding(vocabulary, max_length, width)
        self.blocks = nn.ModuleList(Block(width, heads, norm_first=False) for _ in range(layers))
        self.pooler = Pooler(width)
        self.head = nn.Linear(width, num_classes)
        paths = tuple(f"blocks.{i}" for i in range(layers))
        self.landmarks = Landmarks(paths, "head", paths[(layers - 1) // 2], inner_points(paths))
        init_transformer(self)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits [B, num_classes]; ``mask`` [B, L] is true at real tokens, and follows from ``padding`` if left out.

        Raises:
            ValueError: sequences longer than ``max_length``.
        """
        longest = self.embedding.positions.num_embeddings
        if ids.shape[1] > longest:
            raise ValueError(f"sequences of {ids.shape[1]} tokens; this encoder has {longest} positions")
        seen = self.mask(ids) if mask is None else mask.bool()
        hidden = self.embedding(ids)
        for block in self.blocks:
            hidden = block(hidden, seen)
        return cast(Tensor, self.head(self.pooler(hidden)))

    def mask(self, ids: Tensor) -> Tensor:
        """Where ``ids`` [B, L] are real tokens: bool [B, L]."""
        return ids != self.padding
