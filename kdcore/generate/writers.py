"""Who can write: networks that remember what they have read, and any other by reading everything again each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Remembered(Protocol):
    """What a writer keeps of the sequences that it is continuing."""

    def select(self, rows: Tensor) -> None:
        """Go on with these rows of the batch, int64 [B'], each as often as it is named."""


@runtime_checkable
class Writer(Protocol):
    """A network that continues sequences token by token."""

    def start(self, source: Tensor) -> Remembered:
        """Read sources, int64 [B, S] (S = 0 without any), before their continuation is written."""

    def advance(self, tokens: Tensor, memory: Remembered) -> Tensor:
        """Next-token logits [B, n, V] behind each of n further tokens [B, n], which ``memory`` then holds, too."""


@dataclass(frozen=True)
class Prompt:
    """What is continued.

    Attributes:
        source: int64 [B, S], what an encoder reads; S = 0 without any.
        prefix: int64 [B, P], P of at least 1, what the continuation is written behind, such as the token that begins.
        steps: tokens that are written, at most.
        end: the token behind which nothing follows; None where all sequences fill their length.
        padding: what stands behind the end.
    """

    source: Tensor
    prefix: Tensor
    steps: int
    end: int | None = None
    padding: int = 0


@dataclass
class _Read:
    """Everything that was read so far: int64 [B, S + n]."""

    ids: Tensor

    def select(self, rows: Tensor) -> None:
        self.ids = self.ids.index_select(0, rows)


class Recomputing:
    """Any network from token ids [B, length] to logits [B, T, V] as a writer: black boxes keep no memory.

    What is not written yet is filled up with padding, which a causal network does not look at.

    Args:
        network: answers for the last T of its ``length`` tokens.
        length: of every input.
    """

    def __init__(self, network: nn.Module, length: int, padding: int = 0) -> None:
        self.network, self.length, self.padding = network, length, padding

    def start(self, source: Tensor) -> _Read:
        return _Read(source)

    def advance(self, tokens: Tensor, memory: _Read) -> Tensor:
        memory.ids = torch.cat([memory.ids, tokens], 1)
        missing = self.length - memory.ids.shape[1]
        logits: Tensor = self.network(F.pad(memory.ids, (0, missing), value=self.padding))
        end = logits.shape[1] - missing
        return logits[:, end - tokens.shape[1] : end]


def writer_of(network: nn.Module, length: int, padding: int = 0) -> Writer:
    """The network itself where it remembers, else a `Recomputing` around it."""
    return network if isinstance(network, Writer) else Recomputing(network, length, padding)  # type: ignore[return-value]  # a protocol beside nn.Module
