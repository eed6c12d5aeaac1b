"""How good is the learner now? Accuracy, and a stage's own losses, on the validation split."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from kdcore.data.batches import Batch, Normalise
from kdcore.data.readers import Pictures
from kdcore.distributed import Group, Solo, dealt, in_order
from kdcore.train.stage import Stage

BATCH = 512
ALONE = Solo()


def batches(pictures: Pictures, normalise: Normalise, group: Group) -> Iterator[Batch]:
    """This process's batches of all pictures in order, with all labels, unchanged."""
    for start in dealt(range(0, len(pictures), BATCH), group):
        part = slice(start, start + BATCH)
        index = torch.arange(start, min(start + BATCH, len(pictures)))
        yield Batch(normalise(pictures.images[part]), pictures.labels[part], index)


@torch.no_grad()
def accuracy(network: nn.Module, pictures: Pictures, normalise: Normalise, group: Group = ALONE) -> float:
    """Share of pictures whose largest logit is their label; the network's mode is put back."""
    was_training = network.training
    network.eval()
    own = [int((network(b.images).argmax(1) == b.labels).sum()) for b in batches(pictures, normalise, group)]
    network.train(was_training)
    return sum(in_order(own, group)) / len(pictures)


@torch.no_grad()
def stage_losses(stage: Stage, pictures: Pictures, normalise: Normalise, epoch: int) -> dict[str, float]:
    """Mean weighted loss and unweighted terms of a stage; batches count by their size."""
    own: list[dict[str, float]] = []
    with stage.evaluating():
        for batch in batches(pictures, normalise, stage.group):
            totals = stage.totals(stage.losses(batch, epoch))
            own.append({name: float(value.double() * len(batch.labels)) for name, value in totals.items()})
    sums: dict[str, float] = {}
    for row in in_order(own, stage.group):
        for name, value in row.items():
            sums[name] = sums.get(name, 0.0) + value
    return {name: total / len(pictures) for name, total in sums.items()}
