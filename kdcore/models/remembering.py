"""Attention that decoders need: causal, to another sequence, and with keys and values kept between steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

HIDDEN = -1e4
"""Score of what is not attended to: its share is zero in any precision."""


@dataclass
class Past:
    """Keys and values [B, H, L, D / H] of one attention layer, kept while a sequence grows.

    Attributes:
        grows: whether each step adds its own; those of an encoded source stay as the first step made them.
    """

    grows: bool = True
    keys: Tensor | None = None
    values: Tensor | None = None

    def joined(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and values up to now, the new ones at the end."""
        if self.keys is not None and self.values is not None:
            keys, values = torch.cat([self.keys, keys], 2), torch.cat([self.values, values], 2)
        self.keys, self.values = keys, values
        return keys, values

    def select(self, rows: Tensor) -> None:
        """Go on with these rows of the batch, int64 [B']."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys.index_select(0, rows), self.values.index_select(0, rows)


@dataclass
class Memory:
    """What a network keeps of sequences that it is continuing.

    Attributes:
        source_seen: bool [B, S], which tokens of the source are real.
        own: of each decoder block's attention to what is written so far.
        cross: of each decoder block's attention to the encoded source; empty where there is no encoder.
        encoded: the encoder's hidden states [B, S, D], where there is one.
        length: tokens of the decoder's sequence so far.
    """

    source_seen: Tensor
    own: list[Past]
    cross: list[Past] = field(default_factory=list)
    encoded: Tensor | None = None
    length: int = 0

    def select(self, rows: Tensor) -> None:
        """Go on with these rows of the batch, int64 [B']: beams that survive, each as often as it is named."""
        self.source_seen = self.source_seen.index_select(0, rows)
        if self.encoded is not None:
            self.encoded = self.encoded.index_select(0, rows)
        for past in (*self.own, *self.cross):
            past.select(rows)


class RememberingAttention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017, section 3.2) from one sequence to itself or to another one.

    The places inside are those of `kdcore.models.attention.Attention`: ``query``, ``key``, ``value`` and ``scores``,
    the scores [B, H, L, M] with T5's position bias and ``HIDDEN`` where nothing is attended to: finite everywhere, and
    alike in two networks where neither looks.

    Args:
        width: channels of both sequences.
        head_width: channels of each head; ``width / heads`` when left out.
        scaled: divide the products by the root of ``head_width``, as all but T5 do.

    Raises:
        ValueError: a width that the heads do not share evenly.
    """

    def __init__(
        self, width: int, heads: int, *, head_width: int | None = None, bias: bool = True, scaled: bool = True
    ) -> None:
        super().__init__()
        if head_width is None and width % heads:
            raise ValueError(f"{heads} heads do not share a width of {width} evenly")
        each = head_width or width // heads
        self.heads, self.scale = heads, each**-0.5 if scaled else 1.0
        self.query = nn.Linear(width, heads * each, bias=bias)
        self.key = nn.Linear(width, heads * each, bias=bias)
        self.value = nn.Linear(width, heads * each, bias=bias)
        self.scores = nn.Identity()
        self.output = nn.Linear(heads * each, width, bias=bias)

    def forward(
        self,
        x: Tensor,
        seen: Tensor,
        *,
        source: Tensor | None = None,
        position_bias: Tensor | None = None,
        past: Past | None = None,
    ) -> Tensor:
        """From [B, L, D] to [B, L, D].

        Args:
            seen: bool, broadcast to [B, H, L, M]: what each of the L tokens may attend to.
            source: the other sequence [B, M, D]; ``x`` itself when left out.
            position_bias: added to the scores, broadcast to [B, H, L, M].
            past: keys and values of earlier steps; filled with these.
        """
        queries = self._split(self.query(x))
        keys, values = self._remembered(x if source is None else source, past)
        products = queries @ keys.transpose(-2, -1) * self.scale
        scores = products if position_bias is None else products + position_bias
        scores = self.scores(scores.masked_fill(~seen, HIDDEN))
        return cast(Tensor, self.output((scores.softmax(-1) @ values).transpose(1, 2).flatten(2)))

    def _remembered(self, source: Tensor, past: Past | None) -> tuple[Tensor, Tensor]:
        if past is not None and not past.grows and past.keys is not None and past.values is not None:
            return past.keys, past.values
        keys, values = self._split(self.key(source)), self._split(self.value(source))
        return (keys, values) if past is None else past.joined(keys, values)

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


def causal(new: int, before: int, device: torch.device) -> Tensor:
    """Bool [1, 1, new, before + new]: each of the new tokens sees all earlier ones and itself."""
    return torch.ones(new, before + new, dtype=torch.bool, device=device).tril(before)[None, None]


class Positions(nn.Module):
    """Adds a learned vector to each token of [B, L, D]."""

    def __init__(self, max_length: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(max_length, width)

    def forward(self, x: Tensor, before: int = 0) -> Tensor:
        """``before``: tokens that stand in front of these.

        Raises:
            ValueError: more tokens than there are positions.
        """
        end, longest = before + x.shape[1], self.table.num_embeddings
        if end > longest:
            raise ValueError(f"sequences of {end} tokens; this network has {longest} positions: raise max_length")
        return cast(Tensor, x + self.table(torch.arange(before, end, device=x.device)))


class TiedHead(nn.Module):
    """Next-token logits by the embedding's own vectors (Press and Wolf 2017): ``hidden @ weight.T``.

    It holds no weight, so that the one matrix is counted, trained, averaged and delivered once.
    """

    def forward(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """Hidden states [B, L, D] and the embedding [V, D] to logits [B, L, V]."""
        return hidden @ weight.T
