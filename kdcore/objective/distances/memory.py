"""Samples of the teacher's features, and what is kept of those of earlier steps."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

MOST_WAITING = 1024
"""Micro-batches that one step may have; when nobody calls ``advance``, what waits must not fill the memory."""


@dataclass(frozen=True)
class Sample:
    """One side of a comparison.

    Attributes:
        rows: features [N, D].
        labels: int64 [N], where a distance looks at them.
        logits: [N, C], where a distance looks at them.
    """

    rows: Tensor
    labels: Tensor | None = None
    logits: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, places: Tensor) -> Sample:
        """The samples at ``places`` (indices on any device)."""
        chosen = places.to(self.rows.device)
        return Sample(self.rows[chosen], _maybe(self.labels, chosen), _maybe(self.logits, chosen))

    def joined(self, other: Sample) -> Sample:
        """Both, one after the other."""
        labels, logits = _both(self.labels, other.labels), _both(self.logits, other.logits)
        return Sample(torch.cat([self.rows, other.rows]), labels, logits)

    def detached(self) -> Sample:
        """The same without gradient."""
        return Sample(self.rows.detach(), self.labels, None if self.logits is None else self.logits.detach())


def _maybe(tensor: Tensor | None, chosen: Tensor) -> Tensor | None:
    return None if tensor is None else tensor[chosen]


def _both(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    return None if first is None or second is None else torch.cat([first, second])


class Memory(nn.Module):
    """What is kept of the teacher's samples of earlier steps, in buffers; ``filled`` counts it.

    A forward pass only shows a sample; ``advance`` takes what was shown since the last time, so that the micro-batches
    of one step are remembered together and the same batch shown twice counts once. Passes without gradient (a
    validation, a look at the loss after a step) leave nothing.
    """

    NAMES: ClassVar[tuple[str, ...]] = ()
    filled: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[Sample] = []
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))

    def show(self, sample: Sample) -> None:
        """Let the next ``advance`` take ``sample``."""
        if torch.is_grad_enabled() and not any(torch.equal(sample.rows, other.rows) for other in self._waiting):
            self._waiting = [*self._waiting[1 - MOST_WAITING :], sample.detached()]

    def advance(self) -> None:
        """Take what was shown."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            whole = waiting[0]
            for sample in waiting[1:]:
                whole = whole.joined(sample)
            with torch.no_grad():
                self.take(whole)

    @abstractmethod
    def take(self, sample: Sample) -> None:
        """Remember ``sample``."""

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: object) -> None:
        """Buffers that were built in training exist in a fresh module once they are loaded."""
        for name in self.NAMES:
            if prefix + name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[prefix + name], device=self.filled.device))
        super()._load_from_state_dict(state_dict, prefix, *rest)


class TeacherQueue(Memory):
    """The newest teacher features, with the labels and logits that came with them.

    Args:
        capacity: most features.
    """

    NAMES = ("rows", "labels", "logits")
    rows: Tensor | None
    labels: Tensor | None
    logits: Tensor | None

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        for name in self.NAMES:
            self.register_buffer(name, None)

    def build(self, width: int) -> None:
        """Room for features of ``width`` and their labels; room for logits comes with the first that are taken."""
        self.rows = torch.zeros(self.capacity, width, device=self.filled.device)
        self.labels = torch.zeros(self.capacity, dtype=torch.long, device=self.filled.device)

    def added(self, sample: Sample) -> Sample:
        """``sample`` and, newest first, what is remembered."""
        filled = int(self.filled)
        if filled == 0:
            return sample
        kept = [None if kept is None else kept[:filled] for kept in (self.rows, self.labels, self.logits)]
        assert kept[0] is not None
        return sample.joined(Sample(kept[0], kept[1], kept[2]))

    def take(self, sample: Sample) -> None:
        """The newest go first; the oldest fall out."""
        whole = self.added(sample)
        count = min(len(whole), self.capacity)
        self.rows = self._with(self.rows, whole.rows[:count])
        if whole.labels is not None:
            self.labels = self._with(self.labels, whole.labels[:count])
        if whole.logits is not None:
            self.logits = self._with(self.logits, whole.logits[:count])
        self.filled = torch.full_like(self.filled, count)

    def _with(self, room: Tensor | None, newest: Tensor) -> Tensor:
        if room is None or room.dtype != newest.dtype:
            room = newest.new_zeros(self.capacity, *newest.shape[1:])
        room = room.to(newest.device)
        room[: len(newest)] = newest
        return room
