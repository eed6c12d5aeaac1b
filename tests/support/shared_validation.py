"""What a group changes in `kdcore.train.validate`: each process computes on whole batches of its own."""

import torch
from shared_steps import Training

from kdcore.data.batches import Batch
from kdcore.distributed import dealt, in_order


def batches(pictures, normalise, size, group):
    """This process's batches of all pictures in order."""
    for start in dealt(range(0, len(pictures), size), group):
        part = slice(start, start + size)
        index = torch.arange(start, min(start + size, len(pictures)))
        yield Batch(normalise(pictures.inputs[part]), pictures.targets[part], index)


@torch.no_grad()
def accuracy(network, pictures, normalise, size, group):
    """Share of pictures whose largest logit is their label."""
    network.eval()
    own = [int((network(b.inputs).argmax(1) == b.targets).sum()) for b in batches(pictures, normalise, size, group)]
    network.train()
    return sum(in_order(own, group)) / len(pictures)


@torch.no_grad()
def stage_losses(stage, pictures, normalise, epoch, size, group):
    """Mean weighted loss and unweighted terms of a stage; batches count by their size."""
    own = []
    with stage.evaluating():
        for batch in batches(pictures, normalise, size, group):
            totals = stage.totals(stage.losses(batch, epoch))
            own.append({name: float(value.double() * len(batch.targets)) for name, value in totals.items()})
    rows = in_order(own, group)
    return {name: sum(row[name] for row in rows) / len(pictures) for name in rows[0]}


def evaluated(group, plan, size):
    """Both, of the untrained student on the first pictures of the training split."""
    training = Training(group, plan)
    pictures = training.workshop.data.train.take(torch.arange(75))
    given = pictures, training.workshop.normalise
    found = accuracy(training.networks["student"], *given, size, group)
    losses = stage_losses(training.stage, *given, 0, size, group)
    training.stage.close()
    return found, losses
