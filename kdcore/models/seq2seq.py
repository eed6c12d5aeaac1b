"""What encoder-decoders share: one tensor of source and decoder input goes in, next-token logits come out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from kdcore.models.attention import INNER
from kdcore.models.landmarks import Landmarks
from kdcore.models.remembering import Memory, Past

CROSS = {"cross_queries": "cross.query", "cross_keys": "cross.key", "cross_attention": "cross.scores"}
"""Names of the places in every decoder block's attention to the source, and their paths below it."""


class EncoderDecoder(nn.Module):
    """Token ids [B, S + T], source and decoder input one behind the other, to next-token logits [B, T, V].

    The source's padding is hidden from everything. What the decoder is given is filled up behind its end, where the
    causal mask hides it; its padding id may also begin it, as T5's does.

    Args:
        source_length: S.
        padding: the id that fills up sources.
    """

    layers: int

    def __init__(self, source_length: int, padding: int) -> None:
        super().__init__()
        self.source_length, self.padding = source_length, padding

    def forward(self, ids: Tensor) -> Tensor:
        """Logits [B, T, V] behind each token of the decoder's input.

        Raises:
            ValueError: no token for the decoder, or more than there are positions.
        """
        source, tokens = ids[:, : self.source_length], ids[:, self.source_length :]
        if not tokens.shape[1]:
            raise ValueError(f"{ids.shape[1]} tokens leave none for the decoder behind a source of {source.shape[1]}")
        seen = source != self.padding
        return self.decode(tokens, self.encode(source, seen), seen, None)

    def token_masks(self, ids: Tensor) -> dict[str, Tensor]:
        """Where source and answer are real tokens: bool [B, S] and [B, T]; what begins an answer always is one."""
        source, answer = (part != self.padding for part in (ids[:, : self.source_length], ids[:, self.source_length :]))
        answer[:, :1] = True
        sides = {"embedding": source, "embedding#1": answer, "encoder": source, "decoder": answer}
        return {**sides, "logits": answer}

    def start(self, source: Tensor) -> Memory:
        """Encode sources [B, S] once, before their answer is written token by token."""
        seen = source != self.padding
        own = [Past() for _ in range(self.layers)]
        cross = [Past(grows=False) for _ in range(self.layers)]
        return Memory(seen, own, cross, self.encode(source, seen))

    def advance(self, tokens: Tensor, memory: Memory) -> Tensor:
        """Next-token logits [B, n, V] behind each of n further tokens [B, n], which ``memory`` then holds, too."""
        assert memory.encoded is not None
        logits = self.decode(tokens, memory.encoded, memory.source_seen, memory)
        memory.length += tokens.shape[1]
        return logits

    @abstractmethod
    def encode(self, source: Tensor, seen: Tensor) -> Tensor:
        """The source's hidden states [B, S, D]; ``seen`` [B, S] is true at real tokens."""

    @abstractmethod
    def decode(self, tokens: Tensor, encoded: Tensor, seen: Tensor, memory: Memory | None) -> Tensor:
        """Logits [B, n, V] behind each of ``tokens`` [B, n], which follow those of ``memory``."""


def remembered(memory: Memory | None, number: int) -> tuple[Past | None, Past | None]:
    """What a decoder's block keeps of its own sequence and of the source."""
    return (None, None) if memory is None else (memory.own[number], memory.cross[number])


def two_stacks(layers: int) -> Landmarks:
    """Landmarks of ``encoder.blocks`` and ``decoder.blocks``; the middle is where the encoder ends.

    ``features`` are the blocks of both, and ``encoder_features`` and ``decoder_features`` those of one.
    """
    encoder = tuple(f"encoder.blocks.{i}" for i in range(layers))
    decoder = tuple(f"decoder.blocks.{i}" for i in range(layers))
    aliases = {
        "encoder_features": encoder,
        "decoder_features": decoder,
        **_below((*encoder, *decoder), INNER),
        **_below(decoder, CROSS),
    }
    return Landmarks((*encoder, *decoder), "head", encoder[-1], aliases)


def _below(blocks: Sequence[str], names: dict[str, str]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(f"{path}.{below}" for path in blocks) for name, below in names.items()}
