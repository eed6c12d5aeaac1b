"""Batches balanced by class: so many classes, and so many pictures of each."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from kdcore.seeds import generator


class Balanced(Protocol):
    """What a batch is made of; ``training.sampler`` of a spec is one.

    Attributes:
        classes: different classes in a batch.
        per_class: pictures of each.
    """

    @property
    def classes(self) -> int: ...

    @property
    def per_class(self) -> int: ...


class ClassOrder:
    """The order of an epoch in which every batch holds ``classes`` classes with ``per_class`` pictures of each.

    All classes are gone through before one comes again, and within a class all its pictures before one is shown
    again, an epoch at a time; a class with fewer than ``per_class`` pictures shows them more than once in a batch.
    Classes therefore count alike, whatever their sizes. Pictures without a label (a negative one) are left out.

    Args:
        labels: int64 [N] of all pictures.
        candidates: int64, places of those that may be drawn.
        balanced: what a batch is made of.
        seed: equal seeds give equal orders.

    Raises:
        ValueError: the labelled candidates have fewer classes than a batch asks for.
    """

    def __init__(self, labels: Tensor, candidates: Tensor, balanced: Balanced, seed: int) -> None:
        said = labels.cpu()[candidates]
        self.members = {int(c): candidates[said == c] for c in torch.unique(said) if c >= 0}
        self.classes, self.per_class, self.seed = balanced.classes, balanced.per_class, seed
        if len(self.members) < self.classes:
            raise ValueError(
                f"a batch of {self.classes} classes cannot be drawn from pictures of {len(self.members)}: "
                "lower training.sampler.classes"
            )

    def epoch(self, epoch: int, steps: int) -> Tensor:
        """Places of the pictures of ``steps`` batches, one after the other; it follows from seed and epoch alone."""
        chosen = self._classes(epoch, steps)
        uses = {label: chosen.count(label) * self.per_class for label in self.members}
        supply = {
            label: iter(torch.split(self._pictures(epoch, label, count), self.per_class))
            for label, count in uses.items()
        }
        return torch.cat([next(supply[label]) for label in chosen])

    def _classes(self, epoch: int, steps: int) -> list[int]:
        """The classes of each batch, different ones within it."""
        stream, labels = generator(self.seed, "classes", epoch), sorted(self.members)
        order: list[int] = []
        while len(order) < steps * self.classes:
            begun = set(order[len(order) - len(order) % self.classes :])
            drawn = [labels[place] for place in torch.randperm(len(labels), generator=stream).tolist()]
            # A batch that two rounds share must not see a class twice: its classes go last in the second.
            order += sorted(drawn, key=begun.__contains__)
        return order[: steps * self.classes]

    def _pictures(self, epoch: int, label: int, count: int) -> Tensor:
        """``count`` pictures of a class: permutations of all of them, run on."""
        members, stream = self.members[label], generator(self.seed, "pictures", epoch, label)
        rounds = -(-count // len(members))
        orders = [torch.randperm(len(members), generator=stream) for _ in range(rounds)]
        return members[torch.cat(orders)[:count]] if rounds else members[:0]
