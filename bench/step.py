"""The engine's step against the bare handwritten loop on the same work, in interleaved pairs.

    .venv/bin/python bench/step.py [--pairs 100] [--batch 32] [--size 16]

Both do the same arithmetic: teacher forward without gradient, student forward, cross-entropy and Hinton's term,
backward, SGD. The ratio is bare / engine: 0.98 means that the engine's step takes 2 % longer. The interval is a
bootstrap of the median over pairs.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from kdcore.data.batches import Batch
from kdcore.objective.networks import freeze
from kdcore.prepare import Workshop, open_workshop
from kdcore.spec import parse_spec, plan
from kdcore.train.stage import Stage

SPEC = {
    "name": "bench",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet32x4", "train": {"epochs": 1}},
    "student": {"architecture": "resnet8x4"},
    "method": "hinton",
    "training": {"schedule": {"name": "constant", "warmup_epochs": 0}},
}


def engine_step(workshop: Workshop, batch: Batch) -> Callable[[], object]:
    """One step of the engine's stage."""
    run = workshop.plan.run("distil")
    networks = {"student": workshop.fresh("student").train(), "teacher": freeze(workshop.fresh("teacher"))}
    stage = Stage(run, run.stages[0], networks, batch.images[:2], workshop.machine)
    return lambda: stage.step(batch, 0, 0)


def bare_step(workshop: Workshop, batch: Batch) -> Callable[[], object]:
    """The same step as one writes it by hand."""
    student, teacher = workshop.fresh("student").train(), workshop.fresh("teacher").eval()
    optimizer = torch.optim.SGD(student.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)

    def step() -> None:
        with torch.no_grad():
            followed = teacher(batch.images)
        logits = student(batch.images)
        soft = F.kl_div(F.log_softmax(logits / 4, 1), F.softmax(followed / 4, 1), reduction="batchmean") * 16
        loss = 0.1 * F.cross_entropy(logits, batch.labels) + 0.9 * soft
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def seconds(step: Callable[[], object], repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - began) / repeats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=2, help="steps a measurement")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", type=int, default=16, help="height and width of the pictures")
    options = parser.parse_args()
    workshop = open_workshop(plan(parse_spec(SPEC)), None)
    torch.manual_seed(0)
    images = torch.randn(options.batch, 1, options.size, options.size)
    batch = Batch(images, torch.randint(0, 10, (options.batch,)), torch.arange(options.batch))
    contenders = {"engine": engine_step(workshop, batch), "bare": bare_step(workshop, batch)}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for step in contenders.values():
        seconds(step, 5)
    order = random.Random(0)
    for _ in range(options.pairs):
        for name in order.sample(list(contenders), 2):
            times[name].append(seconds(contenders[name], options.repeats))
    ratios = np.array(times["bare"]) / np.array(times["engine"])
    draws = np.random.default_rng(0).choice(ratios, (10_000, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    print(
        json.dumps(
            {
                "bare / engine": round(float(np.median(ratios)), 4),
                "interval": [round(float(low), 4), round(float(high), 4)],
                "pairs": options.pairs,
                "bare_ms": round(1e3 * float(np.median(times["bare"])), 2),
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
