"""A decoder-only language model with GPT-2's structure (Radford et al. 2019): pre-norm, tied embedding; no dropout."""

from __future__ import annotations

from collections import OrderedDict
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.models.attention import init_transformer, inner_points
from kdcore.models.landmarks import Landmarks
from kdcore.models.remembering import Memory, Past, Positions, RememberingAttention, TiedHead, causal


class TokenEmbedding(nn.Module):
    """Token ids [B, L] to hidden states [B, L, D]: the token's and the position's vector."""

    def __init__(self, vocabulary: int, max_length: int, width: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = Positions(max_length, width)

    def forward(self, ids: Tensor, before: int = 0) -> Tensor:
        """``before``: tokens that stand in front of these."""
        return cast(Tensor, self.positions(self.tokens(ids), before))


class DecoderBlock(nn.Module):
    """Pre-norm causal attention and a two-layer perceptron, each with a shortcut around it."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = RememberingAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        up, down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.mlp = nn.Sequential(OrderedDict(up=up, gelu=nn.GELU(approximate="tanh"), down=down))

    def forward(self, x: Tensor, seen: Tensor, past: Past | None = None) -> Tensor:
        """Hidden states [B, L, D] to hidden states [B, L, D]."""
        x = x + self.attention(self.norm1(x), seen, past=past)
        return cast(Tensor, x + self.mlp(self.norm2(x)))


class GPT(nn.Module):
    """``embedding``, ``blocks``, ``norm`` and ``head``: token ids [B, L] to next-token logits [B, L, V].

    With a ``source_length`` S the first S tokens are a source, filled up with padding, and only what follows it is
    answered: [B, S + T] to [B, T, V], as by an encoder-decoder. Padding stands behind what counts, so that the causal
    mask hides it; only a source's padding stands in front and is hidden by name.

    Args:
        vocabulary: how many tokens there are.
        layers: blocks.
        width: channels D of the hidden states, a multiple of ``heads``.
        intermediate: channels of each perceptron; four times the width when left out.
        max_length: positions that have a vector, the source's included.
        padding: the id that fills up sources and short sequences; None where nothing is filled up.
    """

    def __init__(
        self,
        vocabulary: int,
        layers: int,
        width: int,
        heads: int,
        max_length: int,
        *,
        intermediate: int | None = None,
        source_length: int = 0,
        padding: int | None = None,
    ) -> None:
        super().__init__()
        self.source_length, self.padding = source_length, padding
        self.embedding = TokenEmbedding(vocabulary, max_length, width)
        self.blocks = nn.ModuleList(DecoderBlock(width, heads, intermediate or 4 * width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = TiedHead()
        paths = tuple(f"blocks.{i}" for i in range(layers))
        self.landmarks = Landmarks(paths, "head", paths[(layers - 1) // 2], inner_points(paths))
        init_transformer(self)

    def forward(self, ids: Tensor) -> Tensor:
        """Next-token logits [B, T, V] behind the source; behind every token without one.

        Raises:
            ValueError: more tokens than ``max_length``.
        """
        seen = self._real(ids[:, : self.source_length])
        return self._answered(self._hidden(ids, seen, None)[:, self.source_length :])

    def token_masks(self, ids: Tensor) -> dict[str, Tensor]:
        """Where ``ids`` are real tokens: bool [B, L]; what begins the answer always is one."""
        seen = self._real(ids)
        seen[:, self.source_length] = True
        return {"embedding": seen, "blocks": seen, "logits": seen[:, self.source_length :]}

    def start(self, source: Tensor) -> Memory:
        """Read sources [B, S] (S = 0 without any) before their continuation is written."""
        memory = Memory(self._real(source), [Past() for _ in self.blocks])
        if source.shape[1]:
            self._hidden(source, memory.source_seen, memory)
        return memory

    def advance(self, tokens: Tensor, memory: Memory) -> Tensor:
        """Next-token logits [B, n, V] behind each of n further tokens [B, n], which ``memory`` then holds, too."""
        return self._answered(self._hidden(tokens, memory.source_seen, memory))

    def _real(self, ids: Tensor) -> Tensor:
        return torch.ones_like(ids, dtype=torch.bool) if self.padding is None else ids != self.padding

    def _answered(self, hidden: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.norm(hidden), weight=self.embedding.tokens.weight))

    def _hidden(self, ids: Tensor, source_seen: Tensor, memory: Memory | None) -> Tensor:
        before = 0 if memory is None else memory.length
        seen = causal(ids.shape[1], before, ids.device)
        hidden_source = F.pad(source_seen, (0, seen.shape[-1] - source_seen.shape[1]), value=True)
        seen = seen & hidden_source[:, None, None, :]
        x = self.embedding(ids, before)
        for number, block in enumerate(self.blocks):
            x = block(x, seen, None if memory is None else memory.own[number])
        if memory is not None:
            memory.length += ids.shape[1]
        return cast(Tensor, x)
