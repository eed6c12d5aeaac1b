"""Which pictures an epoch shows, in which order: all alike, so many classes in every batch, or all classes alike."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from kdcore.seeds import generator
from kdcore.spec.training import Sampler


class Order(Protocol):
    """The order of the pictures, a function of seed and epoch."""

    def epoch(self, epoch: int, steps: int) -> Tensor:
        """Places of the pictures of ``steps`` batches, one after the other: int64 [steps * batch size]."""


def order_of(labels: Tensor, candidates: Tensor, batch_size: int, seed: int, sampler: Sampler | None) -> Order:
    """The order that a spec asks for.

    Args:
        labels: int64 [N] of all pictures.
        candidates: int64, places of those that may be drawn.

    Raises:
        ValueError: no labelled picture, fewer classes than ``sampler`` asks for, or another batch size than it makes.
    """
    if sampler is None:
        return PlainOrder(candidates, batch_size, seed)
    if sampler.weights is not None:
        return EvenOrder(labels, candidates, batch_size, seed)
    order = ClassOrder(labels, candidates, sampler, seed)
    if batch_size != order.classes * order.per_class:
        made = f"{order.classes} classes times {order.per_class}"
        raise ValueError(f"batch_size must be what the sampler makes, {made} (got {batch_size})")
    return order


class PlainOrder:
    """All candidates, shuffled, as often as the steps need."""

    def __init__(self, candidates: Tensor, batch_size: int, seed: int) -> None:
        self.candidates, self.batch_size, self.seed = candidates, batch_size, seed

    def epoch(self, epoch: int, steps: int) -> Tensor:
        """Permutations of all candidates, run on."""
        needed = steps * self.batch_size
        streams = [generator(self.seed, "order", epoch, turn) for turn in range(-(-needed // len(self.candidates)))]
        orders = [torch.randperm(len(self.candidates), generator=stream) for stream in streams]
        return self.candidates[torch.cat(orders)[:needed]]


class ClassOrder:
    """The order of an epoch in which every batch holds ``classes`` classes with ``per_class`` pictures of each.

    All classes are gone through before one comes again, and within a class all its pictures before one is shown
    again, an epoch at a time; a class with fewer than ``per_class`` pictures shows them more than once in a batch.
    Classes therefore count alike, whatever their sizes. Pictures without a label (a negative one) are left out.

    Args:
        labels: int64 [N] of all pictures.
        candidates: int64, places of those that may be drawn.
        sampler: what a batch is made of.
        seed: equal seeds give equal orders.

    Raises:
        ValueError: the labelled candidates have fewer classes than a batch asks for.
    """

    def __init__(self, labels: Tensor, candidates: Tensor, sampler: Sampler, seed: int) -> None:
        assert sampler.classes is not None
        assert sampler.per_class is not None
        self.members, self.seed = _members(labels, candidates), seed
        self.classes, self.per_class = sampler.classes, sampler.per_class
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
            label: iter(torch.split(_run_on(self.members[label], count, self.seed, epoch, label), self.per_class))
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


class EvenOrder:
    """Pictures weighted by the inverse of their class's frequency: every class is shown equally often in an epoch.

    The counts are those that a draw by these weights expects, not draws themselves: classes differ by one picture at
    most, and so do the pictures within a class. What a single batch holds is left to chance. Pictures without a label
    (a negative one) are left out.

    Raises:
        ValueError: no candidate has a label.
    """

    def __init__(self, labels: Tensor, candidates: Tensor, batch_size: int, seed: int) -> None:
        self.members, self.batch_size, self.seed = _members(labels, candidates), batch_size, seed
        if not self.members:
            raise ValueError("pictures cannot be weighted by their classes: none of them has a label")

    def epoch(self, epoch: int, steps: int) -> Tensor:
        """The classes' pictures in equal number, shuffled together."""
        needed, stream = steps * self.batch_size, generator(self.seed, "even", epoch)
        each, more = divmod(needed, len(self.members))
        favoured = set(torch.randperm(len(self.members), generator=stream)[:more].tolist())
        drawn = [
            _run_on(members, each + (place in favoured), self.seed, epoch, label)
            for place, (label, members) in enumerate(self.members.items())
        ]
        return torch.cat(drawn)[torch.randperm(needed, generator=stream)]


def occurrences(order: Tensor) -> Tensor:
    """How often each entry stood in the order before: int64 of the same length, 0 where it comes first."""
    ordered, at = order.sort(stable=True)
    turns = torch.empty_like(order)
    turns[at] = torch.arange(len(order)) - torch.searchsorted(ordered, ordered)
    return turns


def _members(labels: Tensor, candidates: Tensor) -> dict[int, Tensor]:
    """The candidates of each class, classes in ascending order."""
    said = labels.cpu()[candidates]
    return {int(label): candidates[said == label] for label in torch.unique(said) if label >= 0}


def _run_on(members: Tensor, count: int, seed: int, epoch: int, label: int) -> Tensor:
    """``count`` pictures of a class: permutations of all of them, run on."""
    stream = generator(seed, "pictures", epoch, label)
    rounds = -(-count // len(members))
    orders = [torch.randperm(len(members), generator=stream) for _ in range(rounds)]
    return members[torch.cat(orders)[:count]] if rounds else members[:0]
