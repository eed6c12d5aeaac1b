"""An encoder-decoder with T5's structure (Raffel et al. 2020): pre-norm, relative positions, no biases; no dropout."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.models.remembering import Memory, Past, RememberingAttention, TiedHead, causal
from kdcore.models.seq2seq import EncoderDecoder, remembered, two_stacks

EPSILON = 1e-6
"""Added to the mean square before the root, as in the published models."""


class RelativePositions(nn.Module):
    """A learned number for each head and each bucket of distances between two tokens: section 2.1.

    Half of the buckets are for single distances, the others grow logarithmically up to ``farthest``.

    Args:
        both_ways: whether tokens ahead have buckets of their own, as in the encoder; else they share that of 0.
    """

    def __init__(self, heads: int, buckets: int, farthest: int, *, both_ways: bool) -> None:
        super().__init__()
        self.buckets, self.farthest, self.both_ways = buckets, farthest, both_ways
        self.table = nn.Embedding(buckets, heads)

    def forward(self, new: int, before: int, device: torch.device) -> Tensor:
        """What is added to the scores [1, H, new, before + new] of ``new`` tokens behind ``before`` others."""
        places = torch.arange(before + new, device=device)
        found = self.table(self.bucket(places[None, :] - places[before:, None]))
        return cast(Tensor, found.permute(2, 0, 1)[None])

    def bucket(self, ahead: Tensor) -> Tensor:
        """The bucket of each distance, int64; positive distances look ahead."""
        count, first = self.buckets, torch.zeros_like(ahead)
        if self.both_ways:
            count //= 2
            first, distance = (ahead > 0) * count, ahead.abs()
        else:
            distance = (-ahead).clamp(min=0)
        single = count // 2
        ratio = (distance.clamp(min=1).float() / single).log() / math.log(self.farthest / single)
        wide = (single + (ratio * (count - single)).long()).clamp(max=count - 1)
        return first + torch.where(distance < single, distance, wide)


class Perceptron(nn.Module):
    """``down(relu(up(x)))``, or gated as in T5 1.1: ``down(gelu(gate(x)) * up(x))`` (Shazeer 2020)."""

    def __init__(self, width: int, inner: int, *, gated: bool) -> None:
        super().__init__()
        self.up = nn.Linear(width, inner, bias=False)
        self.gate = nn.Linear(width, inner, bias=False) if gated else None
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.gate is None:
            return cast(Tensor, self.down(self.up(x).relu()))
        return cast(Tensor, self.down(F.gelu(self.gate(x), approximate="tanh") * self.up(x)))


class Block(nn.Module):
    """RMS norm in front of attention, of attention to the source in a decoder (``cross``), and of the perceptron."""

    def __init__(self, width: int, heads: int, head_width: int, inner: int, *, gated: bool, decodes: bool) -> None:
        super().__init__()
        self.norm1 = nn.RMSNorm(width, eps=EPSILON)
        self.attention = RememberingAttention(width, heads, head_width=head_width, bias=False, scaled=False)
        if decodes:
            self.norm2 = nn.RMSNorm(width, eps=EPSILON)
            self.cross = RememberingAttention(width, heads, head_width=head_width, bias=False, scaled=False)
        self.norm3 = nn.RMSNorm(width, eps=EPSILON)
        self.mlp = Perceptron(width, inner, gated=gated)


class EncoderBlock(Block):
    """Hidden states [B, S, D] to hidden states [B, S, D]."""

    def forward(self, x: Tensor, seen: Tensor, places: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x), seen, position_bias=places)
        return cast(Tensor, x + self.mlp(self.norm3(x)))


class DecoderBlock(Block):
    """Hidden states [B, n, D] to hidden states [B, n, D]."""

    def forward(
        self,
        x: Tensor,
        seen: Tensor,
        places: Tensor,
        encoded: Tensor,
        source_seen: Tensor,
        past: Past | None = None,
        cross_past: Past | None = None,
    ) -> Tensor:
        x = x + self.attention(self.norm1(x), seen, position_bias=places, past=past)
        x = x + self.cross(self.norm2(x), source_seen, source=encoded, past=cross_past)
        return cast(Tensor, x + self.mlp(self.norm3(x)))


class Stack(nn.Module):
    """One side: ``positions``, which all ``blocks`` share, and the ``norm`` behind the last."""

    def __init__(self, positions: RelativePositions, width: int, blocks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.positions = positions
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.RMSNorm(width, eps=EPSILON)


class T5(EncoderDecoder):
    """``embedding``, ``encoder``, ``decoder`` and ``head``: token ids [B, S + T] to next-token logits [B, T, V].

    ``encoder.blocks.i`` puts out [B, S, D], ``decoder.blocks.i`` [B, T, D]. The embedding serves both sides (its first
    call is the source's); sequences may have any length.

    Args:
        vocabulary: how many tokens there are.
        layers: blocks of each side.
        width: channels D of the hidden states.
        head_width: channels of each head; ``width / heads`` when left out.
        intermediate: channels of each perceptron; four times the width when left out.
        gated: the perceptron of T5 1.1.
        tied: whether the head is the embedding, scaled by the root of the width as in T5 1.0; else a layer of its own.
        buckets, farthest: of relative positions.
    """

    def __init__(
        self,
        vocabulary: int,
        layers: int,
        width: int,
        heads: int,
        *,
        source_length: int,
        head_width: int | None = None,
        intermediate: int | None = None,
        gated: bool = False,
        tied: bool = True,
        buckets: int = 32,
        farthest: int = 128,
        padding: int = 0,
    ) -> None:
        super().__init__(source_length, padding)
        if head_width is None and width % heads:
            raise ValueError(f"{heads} heads do not share a width of {width} evenly")
        self.layers, self.width, self.heads = layers, width, heads
        self.head_width, self.inner = head_width or width // heads, intermediate or 4 * width
        self.embedding = nn.Embedding(vocabulary, width)
        self.encoder = Stack(
            RelativePositions(heads, buckets, farthest, both_ways=True),
            width,
            (
                EncoderBlock(width, heads, self.head_width, self.inner, gated=gated, decodes=False)
                for _ in range(layers)
            ),
        )
        self.decoder = Stack(
            RelativePositions(heads, buckets, farthest, both_ways=False),
            width,
            (DecoderBlock(width, heads, self.head_width, self.inner, gated=gated, decodes=True) for _ in range(layers)),
        )
        self.head: nn.Module = TiedHead() if tied else nn.Linear(width, vocabulary, bias=False)
        self.landmarks = two_stacks(layers)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        """Normal weights with the deviations of the published code; queries make up for the missing scale."""
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                parameter.normal_(0, self._deviation(name))

    def _deviation(self, name: str) -> float:
        if name.endswith("query.weight"):
            return float((self.width * self.head_width) ** -0.5)
        if name.endswith("output.weight"):
            return float((self.heads * self.head_width) ** -0.5)
        if name.endswith("down.weight"):
            return float(self.inner**-0.5)
        return 1.0 if name.startswith(("embedding", "head")) else float(self.width**-0.5)

    def encode(self, source: Tensor, seen: Tensor) -> Tensor:
        x = self.embedding(source)
        places = self.encoder.positions(source.shape[1], 0, source.device)
        for block in self.encoder.blocks:
            x = block(x, seen[:, None, None, :], places)
        return cast(Tensor, self.encoder.norm(x))

    def decode(self, tokens: Tensor, encoded: Tensor, seen: Tensor, memory: Memory | None) -> Tensor:
        new, before = tokens.shape[1], 0 if memory is None else memory.length
        x, places = self.embedding(tokens), self.decoder.positions(new, before, tokens.device)
        visible = causal(new, before, tokens.device)
        for number, block in enumerate(self.decoder.blocks):
            x = block(x, visible, places, encoded, seen[:, None, None, :], *remembered(memory, number))
        x = self.decoder.norm(x)
        if isinstance(self.head, TiedHead):
            return cast(Tensor, self.head(x * self.width**-0.5, weight=self.embedding.weight))
        return cast(Tensor, self.head(x))
