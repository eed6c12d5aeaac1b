"""A text encoder with BERT's structure (Devlin et al. 2019), and RoBERTa's and DistilBERT's, which are parts of it."""

from __future__ import annotations

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.models.attention import Block, init_transformer, inner_points
from kdcore.models.landmarks import Landmarks

Pooling = Literal["tanh", "relu"]

NORM_EPS = 1e-12
"""Of BERT's layer norms."""


class TokenEmbedding(nn.Module):
    """Token ids [B, L] to hidden states [B, L, D]: vectors of token, position and segment, summed; then layer norm.

    Args:
        segments: how many segments have a vector; without any, a token's segment does not count.
        separator: the id that ends a segment; without it, all tokens are of the first.
    """

    def __init__(
        self,
        vocabulary: int,
        max_length: int,
        width: int,
        *,
        segments: int = 0,
        separator: int | None = None,
        norm_eps: float = NORM_EPS,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.separator = separator
        self.dropout = dropout
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(max_length, width)
        self.segments = nn.Embedding(segments, width) if segments else None
        self.norm = nn.LayerNorm(width, eps=norm_eps)

    def forward(self, ids: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device)
        summed = self.tokens(ids) + self.positions(places)
        if self.segments is not None:
            summed = summed + self.segments(self._segment_of(ids))
        return F.dropout(self.norm(summed), self.dropout, self.training)

    def _segment_of(self, ids: Tensor) -> Tensor:
        """How many separators stand before each token, as far as there are segments: [B, L]."""
        if self.separator is None or self.segments is None:
            return torch.zeros_like(ids)
        ends = (ids == self.separator).long()
        return (ends.cumsum(1) - ends).clamp(max=self.segments.num_embeddings - 1)


class Pooler(nn.Module):
    """The first token's hidden state [B, L, D], a linear layer, and tanh or, as in DistilBERT, ReLU: [B, D]."""

    def __init__(self, width: int, activation: Pooling = "tanh") -> None:
        super().__init__()
        self.activation = activation
        self.linear = nn.Linear(width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        pooled = self.linear(hidden[:, 0])
        return F.relu(pooled) if self.activation == "relu" else torch.tanh(pooled)


class Encoder(nn.Module):
    """``embedding``, post-norm ``blocks``, ``pooler`` and ``head``: token ids [B, L] to logits [B, num_classes].

    A sequence is ``begin a separator [b separator] padding ...``. ``blocks.i`` puts out hidden states [B, L, D]; see
    `kdcore.models.attention` for the places inside.

    Args:
        vocabulary: how many tokens there are.
        layers: blocks.
        width: channels D of the hidden states, a multiple of ``heads``.
        max_length: positions that have a vector.
        padding: the id that fills up short sequences; where it stands, nothing is attended to.
        separator, segments: see `TokenEmbedding`.
        intermediate: width within each block's perceptron; four times ``width`` when left out.
        pooling: activation of the pooler.
        approximate: of the GELU, see `Block`.
        norm_eps: added to the variance in layer norms.
        dropout: share of attention weights, embeddings, sums and pooled values that training sets to zero, as in
            the paper's appendix A.2, drawn from torch's global generator.
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
        separator: int | None = None,
        segments: int = 0,
        intermediate: int | None = None,
        pooling: Pooling = "tanh",
        approximate: str = "none",
        norm_eps: float = NORM_EPS,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.padding = padding
        self.dropout = dropout
        self.embedding = TokenEmbedding(
            vocabulary, max_length, width, segments=segments, separator=separator, norm_eps=norm_eps, dropout=dropout
        )
        self.blocks = nn.ModuleList(
            Block(
                width,
                heads,
                norm_first=False,
                intermediate=intermediate,
                approximate=approximate,
                norm_eps=norm_eps,
                dropout=dropout,
            )
            for _ in range(layers)
        )
        self.pooler = Pooler(width, pooling)
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
        seen = self.token_mask(ids) if mask is None else mask.bool()
        hidden = self.embedding(ids)
        for block in self.blocks:
            hidden = block(hidden, seen)
        pooled = F.dropout(self.pooler(hidden), self.dropout, self.training)
        return cast(Tensor, self.head(pooled))

    def token_mask(self, ids: Tensor) -> Tensor:
        """Where ``ids`` [B, L] are real tokens: bool [B, L]."""
        return ids != self.padding
