"""Our side of the benchmarks: a job's workshop over given pictures, and stages of it ready to step.

Not a command. Networks, machines, kept outputs and the choice of numerics are made by the calls that a job makes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import kdcore.models as models
from kdcore.data import Data, Examples
from kdcore.data.batches import Batch
from kdcore.objective.networks import fingerprint
from kdcore.objective.terms import points_of
from kdcore.prepare import Workshop, weights_file
from kdcore.spec import parse_spec, plan
from kdcore.spec.caching import CachePlan
from kdcore.spec.plan import RunPlan, StagePlan
from kdcore.train.cache import Key, TeacherCache, kept
from kdcore.train.compiling import missing
from kdcore.train.machine import Machine
from kdcore.train.numerics import choose
from kdcore.train.stage import Stage

TEACHER, STUDENT = "resnet32x4", "resnet8x4"
CLASSES = 10
EPOCHS = 60
MANY_STEPS = 10**9
"""So many that it always pays to measure the numerics."""


def spec(method: Any, batch: int, device: str, threads: int, **training: Any) -> dict[str, Any]:
    """A job of the benchmarks; only its plan counts, its pictures are given."""
    return {
        "name": "bench",
        "dataset": {"name": "cifar10"},
        "teacher": {"architecture": TEACHER, "train": {"epochs": 1}},
        "student": {"architecture": STUDENT},
        "method": method,
        "training": {
            "epochs": EPOCHS,
            "batch_size": batch,
            "optimizer": {"name": "sgd", "lr": 0.001},
            "schedule": {"name": "constant", "warmup_epochs": 0},
            **training,
        },
        "resources": {"device": device, "threads": threads},
    }


def random_data(count: int) -> Data:
    """Random pictures in all splits."""
    stream = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 32, 32), generator=stream, dtype=torch.uint8)
    pictures = Examples(images, torch.randint(0, CLASSES, (count,), generator=stream))
    return Data(pictures, pictures, (0.5,) * 3, (0.289,) * 3, pictures)


@torch.no_grad()
def settled(network: nn.Module, images: Tensor) -> nn.Module:
    """The network with the BatchNorm statistics of these pictures, so that random weights give sane numbers."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
    network.train()
    network(images)
    for norm in norms:
        norm.momentum = 0.1
    return network.eval()


@dataclass
class Ours:
    """One stage of one method on this machine.

    Attributes:
        workshop: of the job.
        stage: of its last run.
        workdir: where the teacher's weights lie.
    """

    workshop: Workshop
    stage: StagePlan
    workdir: Path

    @classmethod
    def of(cls, method: Any, place: int, data: Data, workdir: Path, options: Any) -> Ours:
        """The stage at ``place`` of a method."""
        planned = plan(parse_spec(spec(method, options.batch, options.device, options.threads)))
        machine = replace(Machine.of_this(planned.spec), threads=options.threads, precision="float32")
        workshop = Workshop(planned, data, machine)
        weights = weights_file(workdir, "teacher")
        if not weights.exists():
            weights.parent.mkdir(parents=True)
            sample = workshop.normalise(data.train.inputs[:256]).to(machine.device)
            models.save(settled(workshop.fresh("teacher"), sample), weights)
        return cls(workshop, planned.run("distil").stages[place], workdir)

    @property
    def run(self) -> RunPlan:
        """The run that the stage is of."""
        return self.workshop.plan.run("distil")

    @property
    def plain(self) -> Machine:
        """float32, contiguous."""
        return self.workshop.machine

    @cached_property
    def images(self) -> Tensor:
        """All training pictures as the networks take them."""
        return self.workshop.normalise(self.workshop.data.train.inputs).to(self.plain.device)

    def batch(self, number: int) -> Batch:
        """The batch of a round: random pictures."""
        size, train = self.run.training.batch_size, self.workshop.data.train
        index = torch.randint(len(train), (size,), generator=torch.Generator().manual_seed(number))
        return Batch(self.images[index.to(self.images.device)], train.targets[index].to(self.images.device), index)

    def networks(self, machine: Machine) -> dict[str, nn.Module]:
        """All networks of the run as a job has them: the teacher frozen, the learners fresh."""
        found = replace(self.workshop, machine=machine).networks(self.run, self.workdir)
        return {name: network.train(name in self.run.learners) for name, network in found.items()}

    def opened(
        self, machine: Machine, *, caches: Mapping[str, TeacherCache] | None = None, stage: StagePlan | None = None
    ) -> Stage:
        """The stage with networks of its own."""
        networks, samples = self.networks(machine), len(self.workshop.data.train)
        chosen = stage or self.stage
        return Stage(self.run, chosen, networks, self.images[:2], machine, samples=samples, caches=caches)

    def step(self, stage: Stage, batch: Callable[[int], Batch]) -> Callable[[int], dict[str, Tensor]]:
        """One step half way through the stage, where ramps are on their way, deterministic as in a job by default."""
        epoch = self.stage.epochs // 2

        def step(number: int) -> dict[str, Tensor]:
            torch.use_deterministic_algorithms(self.run.training.deterministic)
            try:
                return stage.step(batch(number), epoch, epoch * self.run.steps_per_epoch)
            finally:
                torch.use_deterministic_algorithms(False)

        return step

    def cache(self, machine: Machine, points: Sequence[str] | None = None) -> TeacherCache:
        """What the teacher says about all pictures at the points that the stage reads, in memory."""
        teacher = self.networks(machine)["teacher"]
        read = points or list(points_of(self.stage)["teacher"])
        one = CachePlan(
            network="teacher", mode="memory", reason="bench", points=dict.fromkeys(read, ()),
            samples=len(self.images), views=1,
        )  # fmt: skip
        key = Key("bench", {}, fingerprint(teacher), {}, {}, machine.pinned())
        return kept(one, teacher, key, lambda index, view: self.images[index], machine, folder=self.workdir)

    def compiled(self, machine: Machine) -> Machine | None:
        """The same with ``torch.compile``; None where that cannot be, or is there already."""
        able = missing(machine.device) is None and not machine.compiled
        return replace(machine, compiled=True) if able else None

    def auto(self, pinned: str | None = None) -> tuple[Machine, list[dict[str, Any]]]:
        """The numerics that ``auto`` takes for this step here, and what was measured; or ``pinned`` ones."""
        if pinned is not None:
            precision, memory_format = pinned.split(",")
            return replace(self.plain, precision=precision, memory_format=memory_format), []

        def make(machine: Machine) -> tuple[Callable[[], float], Callable[[], None]]:
            stage = self.opened(machine)
            step = self.step(stage, self.batch)
            return lambda: float(step(0)["loss"]), stage.close

        return choose(self.plain, self.workshop.plan.spec.training, make, MANY_STEPS)
