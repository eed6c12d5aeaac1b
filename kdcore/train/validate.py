"""How good is the learner now? Accuracy, and a stage's own losses, on the validation split."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from kdcore.data.batches import Batch, Normalise
from kdcore.data.readers import Pictures
from kdcore.train.stage import Stage
from kdcore.train.sums import Sums

BATCH = 512


def batches(pictures: Pictures, normalise: Normalise) -> Iterator[Batch]:
    """All pictures in order, with all labels, unchanged."""
    for start in range(0, len(pictures), BATCH):
        part = slice(start, start + BATCH)
        index = torch.arange(start, min(start + BATCH, len(pictures)))
        yield Batch(normalise(pictures.images[part]), pictures.labels[part], index)


@torch.no_grad()
def accuracy(network: nn.Module, pictures: Pictures, normalise: Normalise) -> float:
    """Share of pictures whose largest logit is their label; the network's mode is put back."""
    was_training = network.training
    network.eval()
    right = sum(int((network(b.images).argmax(1) == b.labels).sum()) for b in batches(pictures, normalise))
    network.train(was_training)
    return right / len(pictures)


@torch.no_grad()
def stage_losses(stage: Stage, pictures: Pictures, normalise: Normalise, epoch: int) -> dict[str, float]:
    """Mean weighted loss and unweighted terms of a stage; batches count by their size."""
    sums, count = Sums(), 0
    with stage.evaluating():
        for batch in batches(pictures, normalise):
            totals = stage.totals(stage.losses(batch, epoch))
            size = len(batch.labels)
            sums.add({name: value * size for name, value in totals.items()})
            count += 1
    scale = count / len(pictures)
    return {name: value * scale for name, value in sums.means().items()}
