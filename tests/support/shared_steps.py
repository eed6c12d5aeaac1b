"""Stages whose steps are shared by processes, and what the weights are afterwards."""

from contextlib import contextmanager

import torch
from torch import nn

from kdcore.data.batches import Batches
from kdcore.distributed import Share
from kdcore.objective.networks import freeze
from kdcore.prepare import open_workshop
from kdcore.train.stage import Stage


class Training:
    """The first stage of the distillation of a tiny plan, stepped batch by batch."""

    def __init__(self, group, plan, dtype=torch.float32):
        self.group, self.dtype = group, dtype
        self.workshop = open_workshop(plan, None)
        self.run = plan.run("distil")
        training = self.run.training
        self.share = Share(group.rank, group.size, training.accumulate)
        self.networks = {name: freeze(self.workshop.fresh(name)) for name in self.run.needs}
        for name in sorted(self.run.learners, key=lambda learner: learner in plan.paths):
            self.networks[name] = self.workshop.fresh(name, self.networks).train()
        for network in self.networks.values():
            network.to(dtype)
        data = self.workshop.data.train
        self.batches = Batches(
            data,
            data.targets,
            torch.arange(len(data)),
            steps=self.run.steps_per_epoch,
            batch_size=training.batch_size,
            seed=0,
            augment=training.augment,
            normalise=self._normalised,
        )
        self.learners = nn.ModuleDict({name: self.networks[name] for name in self.run.learners})
        sample = self._normalised(data.inputs[:2])
        with arithmetic(dtype):
            self.stage = Stage(
                self.run,
                self.run.stages[0],
                self.networks,
                sample,
                self.workshop.machine,
                samples=len(data),
                named=nn.ModuleDict(),
                group=group,
            )

    def _normalised(self, inputs):
        given = self.workshop.normalise(inputs)
        return given.to(self.dtype) if given.is_floating_point() else given

    def epoch(self, epoch, first_step=0):
        """What each step of an epoch is recorded as."""
        for step, batch in enumerate(self.batches.epoch(epoch, first_step), first_step):
            of_stage = epoch * self.run.steps_per_epoch + step
            with arithmetic(self.dtype):
                values = self.stage.step(self.share.of(batch), epoch, of_stage)
            yield {name: float(value) for name, value in values.items()}

    def state(self):
        return {"learners": self.learners.state_dict(), "stage": self.stage.state()}

    def restore(self, state):
        self.learners.load_state_dict(state["learners"])
        self.stage.restore(state["stage"])


def trained(group, plan, epochs=1, dtype=torch.float32):
    """What the steps were recorded as, and everything that moved: learners, objective, optimisers."""
    training = Training(group, plan, dtype)
    records = [record for epoch in range(epochs) for record in training.epoch(epoch)]
    training.stage.close()
    return records, training.state()


@contextmanager
def arithmetic(dtype):
    """A stretch in which new tensors, those of adapters and banks among them, are of a type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
