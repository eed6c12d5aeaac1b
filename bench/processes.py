"""A step shared by processes on one machine: against one process, and what its messages cost.

    .venv/bin/python bench/processes.py [--processes 2] [--batch 128] [--size 32] [--rounds 9]

resnet32x4 teaches resnet8x4; every process has one thread, and so has the one that works alone on the whole batch. All
times are medians in milliseconds, taken in turns. ``gather`` puts the captured points together, ``scatter`` is what the
gradients' way back would cost if it were sent (it is not: each process holds the sum already), ``norms`` stands for the
BatchNorm layers' messages, ``gradients`` for the mean of all gradients. MB are those that one process receives.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import torch

from kdcore.data.batches import Batch
from kdcore.distributed import Group, Place, Share, Solo, gathered, launch, open_group
from kdcore.distributed.started import begin, leave
from kdcore.objective.networks import freeze
from kdcore.prepare import open_workshop
from kdcore.spec import parse_spec, plan
from kdcore.train.stage import Stage

METHODS = ["hinton", "rkd", "fitnet-joint", "at", "reviewkd"]
SPEC = {
    "name": "bench",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet32x4", "train": {"epochs": 1}},
    "student": {"architecture": "resnet8x4"},
    "training": {"schedule": {"name": "constant", "warmup_epochs": 0}},
    "resources": {"device": "cpu"},
}


def median(work: Callable[[], object], group: Group, rounds: int) -> float:
    times = []
    for turn in range(rounds + 2):
        group.barrier()
        began = time.perf_counter()
        work()
        if turn > 1:
            times.append(1e3 * (time.perf_counter() - began))
    return statistics.median(times)


def stage_of(method: str, images: torch.Tensor, group: Group) -> tuple[Stage, Batch]:
    workshop = open_workshop(plan(parse_spec({**SPEC, "method": method})), None)
    run = workshop.plan.run("distil")
    networks = {"student": workshop.fresh("student").train(), "teacher": freeze(workshop.fresh("teacher"))}
    size = len(images)
    batch = Batch(images, torch.arange(size) % 10, torch.arange(size))
    stage = Stage(run, run.stages[0], networks, images[:2], workshop.machine, samples=size, group=group)
    return stage, Share(group.rank, group.size).of(batch)


def measured(method: str, images: torch.Tensor, group: Group, rounds: int) -> dict[str, object]:
    stage, part = stage_of(method, images, group)
    shared = median(lambda: stage.step(part, 0, 0), group, rounds)
    spoken = {name: {p: f.detach() for p, f in one.items()} for name, one in stage._listen(part.inputs).items()}
    student = spoken["student"]
    numel = {name: sum(f.numel() for f in one.values()) for name, one in spoken.items()}
    whole = [torch.ones(group.size * len(f), *f.shape[1:]) for f in student.values()]
    gather = median(lambda: gathered(spoken, part, group), group, rounds)
    scatter = median(lambda: [_scattered(one, group.size) for one in whole], group, rounds)
    weights = torch.cat([p.detach().flatten() for p in stage.learners[0].parameters])
    gradients = median(lambda: group.mean(weights), group, rounds)
    norms = sum(isinstance(m, torch.nn.BatchNorm2d) for m in stage._networks[0].modules())
    small = median(lambda: [group.sum(torch.ones(256)) for _ in range(2 * norms)], group, rounds)
    stage.close()
    own, alone_part = stage_of(method, images, Solo())
    alone = None
    if group.first:
        alone = median(lambda: own.step(alone_part, 0, 0), Solo(), rounds)
    own.close()
    group.barrier()
    received = 4e-6 * sum(numel.values()) * (group.size - 1)
    return {
        "method": method,
        "one process": alone,
        "shared": shared,
        "gather": gather,
        "scatter": scatter,
        "gradients": gradients,
        "norms": small,
        "MB gathered": received,
        "MB student": 4e-6 * numel["student"],
        "MB gradients": 4e-6 * weights.numel(),
    }


def _scattered(whole: torch.Tensor, size: int) -> torch.Tensor:
    part = torch.empty(len(whole) // size, *whole.shape[1:])
    torch.distributed.reduce_scatter_tensor(part, whole)
    return part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("processes", 2), ("batch", 128), ("size", 32), ("rounds", 9)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    if Place.of().size == 1:
        launch([sys.executable, *sys.argv], options.processes)
        return
    begin()
    torch.set_num_threads(1)
    group = open_group(options.processes, "cpu")
    torch.manual_seed(0)
    images = torch.randn(options.batch, 1, options.size, options.size)
    for method in METHODS:
        row = measured(method, images, group, options.rounds)
        if group.first:
            shown = {name: round(value, 2) if isinstance(value, float) else value for name, value in row.items()}
            print(json.dumps(shown), flush=True)
    leave(0)


if __name__ == "__main__":
    main()
