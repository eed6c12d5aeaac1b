"""The stages of a tiny job, ready to be stepped by hand."""

import torch
from torch import nn

from kdcore.data.batches import Batch
from kdcore.objective.networks import freeze
from kdcore.prepare import open_workshop
from kdcore.train.stage import Stage

TASK = {"from": "labels", "distance": "cross_entropy"}
SOFT = {"distance": "kl"}
HINT = {"points": "middle", "distance": "mse"}


def method(*terms, **stage):
    return {"stages": [{"name": "distil", "epochs": 4, "terms": list(terms), **stage}]}


class Bench:
    """The stages of a tiny plan with fresh networks and a batch."""

    def __init__(self, make, **changes):
        training = {"schedule": {"name": "constant", "warmup_epochs": 0}, **changes.pop("training", {})}
        student = {"labels": None, **changes.pop("student", {})}
        self.plan = make(student=student, training=training, **changes)
        self.workshop = open_workshop(self.plan, None)
        self.run = self.plan.run("distil")
        self.networks = {name: freeze(self.workshop.fresh(name)) for name in self.run.needs}
        for name in sorted(self.run.learners, key=lambda learner: learner in self.plan.paths):
            self.networks[name] = self.workshop.fresh(name, self.networks).train()
        pictures = self.workshop.data.train.take(torch.arange(32))
        self.batch = Batch(self.workshop.normalise(pictures.inputs), pictures.targets, torch.arange(32))
        self.named = nn.ModuleDict()

    def stage(self, number=0):
        plan = self.run.stages[number]
        return Stage(
            self.run, plan, self.networks, self.batch.inputs[:2], self.workshop.machine, samples=128, named=self.named
        )
