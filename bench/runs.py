"""Whole runs, an epoch at a time: ours through a job's own pieces, and torchdistill's as its example loops take them.

Not a command.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import peers
import torch
from batches import Usual
from ours import settled
from timing import Step
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms

import kdcore.models as models
from kdcore.data import Data
from kdcore.data.batches import Batches
from kdcore.distributed import Solo
from kdcore.kept import Keeper
from kdcore.prepare import Workshop, resolve, weights_file
from kdcore.seeds import derive
from kdcore.spec import parse_spec, plan
from kdcore.train import validate
from kdcore.train.cache import Keep
from kdcore.train.machine import Machine
from kdcore.train.stage import Stage
from kdcore.train.sums import Sums

RUN = 60
"""Epochs of a whole run."""
PLAIN = {"precision": "float32", "memory_format": "contiguous", "compile": "off"}
AUTO = {"precision": "auto", "memory_format": "auto", "compile": "auto"}
MOVED: dict[str, Any] = {"shift": 4, "flip": True}

Job = tuple[dict[str, Any], bool]
"""A spec, and whether to compile."""

Setup = dict[str, float]
"""Seconds before the first epoch, by what they are for."""


def spec(pair: str, options: argparse.Namespace, augment: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """The job of a contender; its pictures are given."""
    teacher, student = pair.split(":")
    return {
        "name": "bench",
        "dataset": {"name": "cifar10", "limit": options.pictures},
        "teacher": {"architecture": teacher, "train": {"epochs": 1}},
        "student": {"architecture": student},
        "method": "hinton",
        "baseline": False,
        "training": {"epochs": RUN, "batch_size": options.batch, "augment": augment, **training},
        "resources": {"device": options.device, "threads": options.threads},
    }


@dataclass
class Ours:
    """A run of ours, an epoch at a time.

    Attributes:
        setup: what came before the first epoch.
        facts: numerics, and what is kept.
        first: seconds of the first epoch.
    """

    setup: Setup
    facts: dict[str, Any]
    workshop: Workshop
    stage: Stage
    batches: Batches
    student: nn.Module
    first: float = 0.0

    @classmethod
    def of(cls, name: str, job: Job, data: Data, workdir: Path, stack: ExitStack) -> Ours:
        """Prepared as a job is, with the teacher of ``workdir``, and nothing kept by others."""
        document, compiled = job
        planned = plan(parse_spec(document))
        began = time.perf_counter()
        workshop, resolved = resolve(Workshop(planned, data, machine_of(planned.spec, compiled=compiled)))
        setup = {"prepare": time.perf_counter() - began}
        run, machine = planned.run("distil"), workshop.machine
        networks = {
            name: network.train(name in run.learners) for name, network in workshop.networks(run, workdir).items()
        }
        batches = batches_of(workshop)
        keeper = Keeper(planned, machine, Solo(machine.device), Keep(workdir / "kept" / name), resolved["kept_outputs"],
                        data.train.sha256(), lambda message: None, lambda: None)  # fmt: skip
        began = time.perf_counter()
        caches = stack.enter_context(keeper.of(run, networks, batches))
        setup["cache"] = time.perf_counter() - began
        stage = Stage(run, run.stages[0], networks, workshop.sample, machine, samples=len(data.train), caches=caches)
        stack.callback(stage.close)
        kept = [one for group in resolved["kept_outputs"] for one in group]
        known = {
            "numerics": {"precision": machine.precision, "memory_format": machine.memory_format},
            "measured": resolved["numerics"],
            "compile": resolved["compile"],
            "kept": [{name: one[name] for name in ("mode", "views", "bytes")} for one in kept],
        }
        return cls(setup, known, workshop, stage, batches, networks["student"])

    def epoch(self, number: int) -> None:
        """One epoch and its validation, as the loop takes them."""
        began = time.perf_counter()
        with self.workshop.machine.set_up(deterministic=self.stage.run.training.deterministic):
            self._epoch(number)
        self.first = self.first or time.perf_counter() - began

    def _epoch(self, number: int) -> None:
        sums, steps = Sums(), self.batches.steps
        for step, batch in enumerate(self.batches.epoch(number)):
            sums.add(self.stage.step(batch, number, number * steps + step))
            if self.workshop.machine.device == "cpu" or step % 20 == 0:
                sums.check_finite("in the benchmark")
        sums.means()
        held_out, normalise = self.workshop.data.validation, self.workshop.normalise
        validate.stage_losses(self.stage, held_out, normalise, number)
        validate.accuracy(self.student, held_out, normalise)


def machine_of(asked: Any, *, compiled: bool) -> Machine:
    """This machine, with ``torch.compile`` where it is asked for and there."""
    machine = Machine.of_this(asked)
    return replace(machine, compiled=True) if compiled else machine


def batches_of(workshop: Workshop) -> Batches:
    """As a job makes them."""
    run, train = workshop.plan.run("distil"), workshop.data.train
    return Batches(
        train,
        train.targets,
        torch.arange(len(train)),
        steps=run.steps_per_epoch,
        batch_size=run.training.batch_size,
        seed=derive(run.training.seed, run.learner),
        augment=run.training.augment,
        normalise=workshop.normalise,
    )


def theirs(pair: str, workshop: Workshop, workdir: Path, options: argparse.Namespace, workers: int) -> Step:
    """Epochs of torchdistill's box, as its example loops take them."""
    teacher = workshop.loaded("teacher", weights_file(workdir, "teacher"))
    student, device = workshop.fresh("student"), workshop.machine.device
    step = peers.torchdistill("hinton", student, teacher)
    if step is None:
        raise SystemExit("torchdistill is what this compares with: pip install torchdistill")
    train = DataLoader(
        Usual(workshop.data.train), options.batch, shuffle=True, drop_last=True, num_workers=workers,
        persistent_workers=workers > 0,
    )  # fmt: skip
    held_out = Usual(workshop.data.validation)
    held_out.transform = transforms.Compose([*held_out.transform.transforms[:1], *held_out.transform.transforms[-2:]])
    validation = DataLoader(held_out, options.batch)

    def epoch(number: int) -> None:
        student.train()
        for images, labels in train:
            step(images.to(device), labels.to(device))
        student.eval()
        with torch.no_grad():
            sum(int((student(images.to(device)).argmax(1).cpu() == labels).sum()) for images, labels in validation)

    return epoch


def taught(pair: str, data: Data, workdir: Path, options: argparse.Namespace) -> Workshop:
    """A plain workshop, and a teacher with random weights and settled BatchNorm in its place in ``workdir``."""
    planned = plan(parse_spec(spec(pair, options, MOVED, PLAIN)))
    workshop = Workshop(planned, data, Machine.of_this(planned.spec))
    weights = weights_file(workdir, "teacher")
    weights.parent.mkdir(parents=True)
    sample = workshop.normalise(data.train.inputs[:256]).to(workshop.machine.device)
    models.save(settled(workshop.fresh("teacher"), sample), weights)
    return workshop
