"""What a run of a job sees: its batches, of the examples whose target it may know."""

from __future__ import annotations

import torch
from torch import Tensor

from kdcore.data.batches import Batches, Shelf
from kdcore.data.splits import drawn
from kdcore.errors import EngineError
from kdcore.prepare import Workshop
from kdcore.seeds import derive
from kdcore.spec.plan import RunPlan


def batches_of(run: RunPlan, workshop: Workshop, inputs: Shelf) -> Batches:
    """The run's batches; both runs of the student draw the same order from the same examples where labels allow.

    Raises:
        EngineError: ``invalid_data`` for a sampler that asks for more classes than the run has labels of.
    """
    train, training, task = workshop.data.train, run.training, workshop.task
    known = _known(run, train.targets, workshop)
    try:
        return Batches(
            inputs,
            task.blanked(train.targets, known).to(workshop.machine.device),
            known if run.sample == "labelled" else torch.arange(len(train)),
            steps=run.steps_per_epoch,
            batch_size=training.batch_size,
            seed=derive(training.seed, run.learner),
            augment=training.augment,
            normalise=workshop.normalise,
            sampler=training.sampler,
            turn=task.turned,
        )
    except ValueError as error:
        raise EngineError("invalid_data", str(error), "/training/sampler") from None


def _known(run: RunPlan, targets: Tensor, workshop: Workshop) -> Tensor:
    """Indices of the examples whose target the run may see."""
    if run.labels is None:
        return torch.arange(len(targets))
    seed, classes = workshop.plan.dataset.splits.seed, workshop.task.info.answers_classes
    return drawn(targets, run.labels, seed, "labels", classes=classes)
