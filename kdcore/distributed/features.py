"""What every network said, put together from all processes: the objective then sees the batch as one process would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from kdcore.data.batches import Batch
from kdcore.data.mixing import Mixed
from kdcore.distributed.group import Group
from kdcore.objective.points import Features


def gathered(spoken: Mapping[str, Features], batch: Batch, group: Group) -> tuple[Mapping[str, Features], Batch]:
    """The captured points, labels and indices of the whole batch, in its order.

    The objective is then computed equally in every process, with all that couples the pictures of a batch in it:
    relations, transport, contrast, queues, Gram matrices, BatchNorm in adapters, means over those that have a label.
    Gradients go back to each process's own features; see `Group` for their scale.

    Args:
        spoken: what the networks said about this process's part.
        batch: this process's part. Its pictures stay what they are: only the parts of the others are unknown here.
    """
    if group.size == 1:
        return spoken, batch
    whole = {
        name: {point: group.gather(feature, equal=True) for point, feature in features.items()}
        for name, features in spoken.items()
    }
    return whole, _whole(batch, group)


def _whole(batch: Batch, group: Group) -> Batch:
    def all_of(tensor: Tensor) -> Tensor:
        return group.gather(tensor, equal=True)

    mixed = None if batch.mixed is None else Mixed(all_of(batch.mixed.labels), all_of(batch.mixed.share))
    return replace(
        batch,
        targets=all_of(batch.targets),
        index=all_of(batch.index),
        view=all_of(batch.view),
        mixed=mixed,
        compared=None if batch.compared is None else all_of(batch.compared),
    )
