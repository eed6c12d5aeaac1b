"""An encoder-decoder with BART's structure (Lewis et al. 2020): post-norm, learned positions, tied; no dropout."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import cast

from torch import Tensor, nn

from kdcore.models.attention import init_transformer
from kdcore.models.remembering import Memory, Past, Positions, RememberingAttention, TiedHead, causal
from kdcore.models.seq2seq import EncoderDecoder, remembered, two_stacks


def _perceptron(width: int, inner: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(up=nn.Linear(width, inner), gelu=nn.GELU(), down=nn.Linear(inner, width)))


class EncoderBlock(nn.Module):
    """Attention among the source's tokens and a perceptron, a layer norm behind each sum."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.attention = RememberingAttention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.mlp = _perceptron(width, inner)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """Hidden states [B, S, D] to hidden states [B, S, D]."""
        x = self.norm1(x + self.attention(x, seen))
        return cast(Tensor, self.norm2(x + self.mlp(x)))


class DecoderBlock(nn.Module):
    """Causal attention, attention to the source (``cross``) and a perceptron, a layer norm behind each sum."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.attention = RememberingAttention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.cross = RememberingAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = _perceptron(width, inner)
        self.norm3 = nn.LayerNorm(width)

    def forward(
        self,
        x: Tensor,
        seen: Tensor,
        encoded: Tensor,
        source_seen: Tensor,
        past: Past | None = None,
        cross_past: Past | None = None,
    ) -> Tensor:
        """Hidden states [B, n, D] to hidden states [B, n, D]."""
        x = self.norm1(x + self.attention(x, seen, past=past))
        x = self.norm2(x + self.cross(x, source_seen, source=encoded, past=cross_past))
        return cast(Tensor, self.norm3(x + self.mlp(x)))


class Stack(nn.Module):
    """One side: ``positions``, ``norm`` and ``blocks``, one after the other."""

    def __init__(self, max_length: int, width: int, blocks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.positions = Positions(max_length, width)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(blocks)


class Bart(EncoderDecoder):
    """``embedding``, ``encoder``, ``decoder`` and ``head``: token ids [B, S + T] to next-token logits [B, T, V].

    ``encoder.blocks.i`` puts out [B, S, D], ``decoder.blocks.i`` [B, T, D]. The embedding serves both sides (its first
    call is the source's) and the head.

    Args:
        vocabulary: how many tokens there are.
        layers: blocks of each side.
        width: channels D of the hidden states, a multiple of ``heads``.
        intermediate: channels of each perceptron; four times the width when left out.
        max_length: positions of each side that have a vector.
        scaled: multiply tokens' vectors by the root of the width.
    """

    def __init__(
        self,
        vocabulary: int,
        layers: int,
        width: int,
        heads: int,
        max_length: int,
        *,
        source_length: int,
        intermediate: int | None = None,
        padding: int = 0,
        scaled: bool = False,
    ) -> None:
        super().__init__(source_length, padding)
        self.layers, self.scale = layers, width**0.5 if scaled else 1.0
        sizes = (width, heads, intermediate or 4 * width)
        self.embedding = nn.Embedding(vocabulary, width)
        self.encoder = Stack(max_length, width, (EncoderBlock(*sizes) for _ in range(layers)))
        self.decoder = Stack(max_length, width, (DecoderBlock(*sizes) for _ in range(layers)))
        self.head = TiedHead()
        self.landmarks = two_stacks(layers)
        init_transformer(self)

    def encode(self, source: Tensor, seen: Tensor) -> Tensor:
        x = self.encoder.norm(self.encoder.positions(self.embedding(source) * self.scale))
        for block in self.encoder.blocks:
            x = block(x, seen[:, None, None, :])
        return cast(Tensor, x)

    def decode(self, tokens: Tensor, encoded: Tensor, seen: Tensor, memory: Memory | None) -> Tensor:
        before = 0 if memory is None else memory.length
        x = self.decoder.norm(self.decoder.positions(self.embedding(tokens) * self.scale, before))
        visible = causal(tokens.shape[1], before, tokens.device)
        for number, block in enumerate(self.decoder.blocks):
            x = block(x, visible, encoded, seen[:, None, None, :], *remembered(memory, number))
        return cast(Tensor, self.head(x, weight=self.embedding.weight))
