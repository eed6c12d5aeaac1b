"""How good is the learner now? The task's figures, and a stage's own losses, on the validation split."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from kdcore.data.batches import Batch
from kdcore.data.examples import Examples
from kdcore.data.normalise import Normalise
from kdcore.distributed import Group, Solo, dealt, in_order
from kdcore.tasks import Task
from kdcore.train.cache import Table
from kdcore.train.parts import next_tokens
from kdcore.train.stage import Stage

BATCH = 512
MOST_NUMBERS = 2**24
"""Of inputs that are looked at together: large pictures go in smaller batches."""
MOST_TOKENS = 4096
"""Next tokens that are answered together: each has a logit for every token of the vocabulary."""
ALONE = Solo()


def batches(examples: Examples, normalise: Normalise, group: Group) -> Iterator[Batch]:
    """This process's batches of all examples in order, with all targets, unchanged."""
    size = min(BATCH, max(1, MOST_NUMBERS // torch.Size(examples.shape).numel()))
    if next_tokens(examples.targets):
        size = min(size, max(1, MOST_TOKENS // examples.targets.shape[1]))
    for start in dealt(range(0, len(examples), size), group):
        part = slice(start, start + size)
        index = torch.arange(start, min(start + size, len(examples)))
        yield Batch(normalise(examples.inputs[part]), examples.targets[part], index)


@torch.no_grad()
def rows(
    network: nn.Module,
    task: Task,
    examples: Examples,
    normalise: Normalise,
    group: Group = ALONE,
    table: Table | None = None,
) -> Tensor:
    """A row of statistics for each example, [N, S] on the CPU; the network's mode is put back.

    Args:
        table: what the network is given in place of inputs, where it leads through stored outputs.
    """
    was_training = network.training
    network.eval()

    def given(batch: Batch) -> Tensor:
        return batch.inputs if table is None else table.rows("validation", batch.index).to(batch.inputs.device)

    own = []
    for batch in batches(examples, normalise, group):
        answers = task.decoded(network, network(given(batch)).float())
        own.append(task.statistics(answers, batch.targets).cpu())
    network.train(was_training)
    return torch.cat(in_order(own, group))


@torch.no_grad()
def stage_losses(stage: Stage, examples: Examples, normalise: Normalise, epoch: int) -> dict[str, float]:
    """Mean weighted loss and unweighted terms of a stage; batches count by their size."""
    own: list[dict[str, float]] = []
    with stage.evaluating():
        for batch in batches(examples, normalise, stage.group):
            totals = stage.totals(stage.losses(batch, epoch))
            own.append({name: float(value.double() * len(batch.targets)) for name, value in totals.items()})
    sums: dict[str, float] = {}
    for row in in_order(own, stage.group):
        for name, value in row.items():
            sums[name] = sums.get(name, 0.0) + value
    return {name: total / len(examples) for name, total in sums.items()}
