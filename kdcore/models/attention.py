"""Self-attention and transformer blocks in plain modules, so that every place in them can be looked at by its path."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DEVIATION = 0.02
"""Standard deviation of fresh weights, cut off at two deviations, as in BERT's and ViT's code."""

INNER = {
    "queries": "attention.query",
    "keys": "attention.key",
    "values": "attention.value",
    "attention": "attention.scores",
}
"""Names of the places in every block, and their paths below it."""


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, section 3.2) whose products are explicit, not fused.

    ``query``, ``key`` and ``value`` put out [B, L, D]; through ``scores`` pass the scores [B, H, L, L] before
    softmax, scaled by the root of the head's width and before any mask, so that they are finite everywhere.

    Args:
        dropout: share of the attention weights that training sets to zero.

    Raises:
        ValueError: a width that the heads do not share evenly.
    """

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads do not share a width of {width} evenly")
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.scores = nn.Identity()
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """From [B, L, D] to [B, L, D]; tokens where ``mask`` [B, L] is false are attended to by none."""
        queries, keys, values = (self._split(layer(x)) for layer in (self.query, self.key, self.value))
        scores = self.scores(queries @ keys.transpose(-2, -1) * queries.shape[-1] ** -0.5)
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None, None, :], torch.finfo(scores.dtype).min)
        mixed = F.dropout(scores.softmax(-1), self.dropout, self.training) @ values
        return cast(Tensor, self.output(mixed.transpose(1, 2).flatten(2)))

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


class Block(nn.Module):
    """Attention and a two-layer perceptron, each with a shortcut around it.

    Args:
        norm_first: layer norm in front of each part, as in ViT, or behind each sum, as in BERT.
        intermediate: width within the perceptron; four times the outer one when left out.
        approximate: of the GELU: ``none``, or ``tanh`` as in some published weights.
        norm_eps: added to the variance in layer norms.
        dropout: share of the attention weights, and of what each part adds, that training sets to zero.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        norm_first: bool,
        intermediate: int | None = None,
        approximate: str = "none",
        norm_eps: float = 1e-5,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.dropout = dropout
        self.norm1 = nn.LayerNorm(width, eps=norm_eps)
        self.attention = Attention(width, heads, dropout=dropout)
        self.norm2 = nn.LayerNorm(width, eps=norm_eps)
        inner = 4 * width if intermediate is None else intermediate
        up, down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.mlp = nn.Sequential(OrderedDict(up=up, gelu=nn.GELU(approximate), down=down))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Hidden states [B, L, D] to hidden states [B, L, D]."""
        if self.norm_first:
            x = x + self._dropped(self.attention(self.norm1(x), mask))
            return x + self._dropped(self.mlp(self.norm2(x)))
        x = self.norm1(x + self._dropped(self.attention(x, mask)))
        return cast(Tensor, self.norm2(x + self._dropped(self.mlp(x))))

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


def inner_points(blocks: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Each name of `INNER` with its path in every one of ``blocks``."""
    paths = tuple(blocks)
    return {name: tuple(f"{path}.{below}" for path in paths) for name, below in INNER.items()}


def init_transformer(model: nn.Module) -> None:
    """Truncated normal weights and no biases, drawn from torch's global generator."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding | nn.Conv2d):
            nn.init.trunc_normal_(module.weight, std=DEVIATION, a=-2 * DEVIATION, b=2 * DEVIATION)
        if isinstance(module, nn.Linear | nn.Conv2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
