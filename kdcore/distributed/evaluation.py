"""A split shared out for evaluation: whole batches to each process, their results put together in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from kdcore.distributed.group import Group

T = TypeVar("T")


def dealt(items: Sequence[T], group: Group) -> Sequence[T]:
    """This process's items, dealt out in turn; some processes may get one more than others, or none."""
    return items[group.rank :: group.size]


def in_order(results: Sequence[T], group: Group) -> list[T]:
    """The results of all items, in the items' order and the same in every process.

    A process computes on whole batches of the split, so that a loss that couples the pictures of a batch is the one
    that a single process finds, and sums that are taken in this order are its sums to the bit.

    Args:
        results: of this process's items, one for each; anything that can be pickled.
    """
    said = group.every(list(results))
    return [said[turn % group.size][turn // group.size] for turn in range(sum(map(len, said)))]
