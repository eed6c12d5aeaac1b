"""What a contrastive distance remembers: an embedding of every training sample from both networks."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.objective.distances.masks import UNLABELLED
from kdcore.objective.distances.memory import MOST_WAITING


class Shown(NamedTuple):
    """A batch as a forward pass saw it.

    Attributes:
        places: of its samples in the memory [B].
        student, teacher: embeddings [B, dim].
        labels: [B].
        normalisers: logarithms of both sides' [2].
    """

    places: Tensor
    student: Tensor
    teacher: Tensor
    labels: Tensor
    normalisers: Tensor


class Banks(nn.Module):
    """Embeddings [samples, dim] of both networks, their labels, and the normalisers that the first batch sets.

    A forward pass only shows a batch; ``advance`` takes what was shown since the last time. Passes without gradient
    leave nothing.
    """

    student: Tensor
    teacher: Tensor
    labels: Tensor
    normalisers: Tensor

    def __init__(self, samples: int, dim: int, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self._waiting: list[Shown] = []
        for name in ("student", "teacher"):
            self.register_buffer(name, (2 * torch.rand(samples, dim) - 1) * (3 / dim) ** 0.5)
        self.register_buffer("labels", torch.full((samples,), UNLABELLED))
        self.register_buffer("normalisers", torch.full((2,), -torch.inf))

    def __len__(self) -> int:
        return len(self.labels)

    def show(self, shown: Shown) -> None:
        """Let the next ``advance`` take a batch; one that is shown again takes the place of its first."""
        if torch.is_grad_enabled():
            others = [other for other in self._waiting if not torch.equal(other.places, shown.places)]
            self._waiting = [*others[1 - MOST_WAITING :], shown]

    @torch.no_grad()
    def advance(self) -> None:
        """Take what was shown."""
        waiting, self._waiting = self._waiting, []
        for shown in waiting:
            self.normalisers = torch.where(self.normalisers.isfinite(), self.normalisers, shown.normalisers)
            known = shown.places < len(self)
            index = shown.places[known]
            self.labels[index] = shown.labels[known]
            for bank, latest in ((self.student, shown.student), (self.teacher, shown.teacher)):
                moved = self.momentum * bank[index] + (1 - self.momentum) * latest[known].to(bank)
                bank[index] = F.normalize(moved, dim=1)
