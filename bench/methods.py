"""What a step of every method costs beside a step of Hinton's distillation, all methods in turns in one process.

    .venv/bin/python bench/methods.py --markdown [--rounds 15] [--batch 64] [--threads 1] [--methods fitnet at]

Every method with its default options steps through the engine, in its last stage and, where it has several, in its
first: on digits enlarged to 16x16 with a resnet20 that teaches a resnet8, and on digits of 8x8 with a vit-4 that
teaches a vit-2. All networks have random weights, and the step is one of the middle of its stage, where ramps are half
way. Each round steps every stage once, in random order. The ratio is that of the medians, the method's over that of
Hinton's; above 1 the method costs more. The interval is a bootstrap over rounds. Time is the process's processor time,
so that other processes on the machine hardly count; with more than one thread take ``--clock wall``. Methods with
several runs are measured in the last one. What cannot be built has a line that says why.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from kdcore.data import Data, Examples, open_data
from kdcore.data.batches import Batch
from kdcore.errors import EngineError
from kdcore.objective.networks import freeze
from kdcore.prepare import Workshop
from kdcore.spec import SpecError, methods, parse_spec, plan
from kdcore.train.machine import Machine
from kdcore.train.stage import Stage

NETWORKS = {"convolutional": ("resnet20", "resnet8", 2), "transformer": ("vit-4", "vit-2", 1)}
"""By kind: teacher, student, and how many times the pictures are enlarged."""
REFERENCE = "hinton"
CLOCKS = {"processor": time.process_time, "wall": time.perf_counter}
SPEC: dict[str, Any] = {
    "name": "bench",
    "dataset": {"name": "digits"},
    "training": {
        "epochs": 20,
        "optimizer": {"name": "sgd", "lr": 0.001},
        "schedule": {"name": "constant", "warmup_epochs": 0},
    },
    "resources": {"device": "cpu"},
}

Row = dict[str, Any]


@dataclass
class Contender:
    """A stage of a method, ready to step.

    Attributes:
        name: of the stage.
        place: ``last``, or ``first`` where the method has several.
        seconds: of each measured step, by the chosen clock.
    """

    method: str
    kind: str
    name: str
    place: str
    step: Callable[[], object]
    seconds: list[float] = field(default_factory=list)


def workshop_of(method: str, kind: str, threads: int, batch: int) -> Workshop:
    """A job of ``method`` with pictures of the kind's size."""
    teacher, student, factor = NETWORKS[kind]
    networks = {"teacher": {"architecture": teacher, "train": {"epochs": 1}}, "student": {"architecture": student}}
    if not next(info for info in methods() if info.name == method).needs:
        del networks["teacher"]
    spec = {**SPEC, **networks, "method": method, "training": {**SPEC["training"], "batch_size": batch}}
    planned = plan(parse_spec(spec))
    machine = replace(Machine.of_this(planned.spec), threads=threads)
    return Workshop(planned, enlarged(open_data(planned.dataset), factor), machine)


def enlarged(data: Data, factor: int) -> Data:
    """Every pixel ``factor`` times in both directions."""
    train, validation, test = (
        Examples(split.inputs.repeat_interleave(factor, 2).repeat_interleave(factor, 3), split.targets)
        for split in (data.train, data.validation, data.open_test())
    )
    return Data(train, validation, data.mean, data.std, test)


def contender(method: str, kind: str, place: str, workshop: Workshop, size: int) -> Contender:
    """The first or the last stage of the method's last run, with networks of its own."""
    run = workshop.plan.run("distil")
    chosen = run.stages[0 if place == "first" else -1]
    networks: dict[str, nn.Module] = {name: freeze(workshop.fresh(name)) for name in run.needs}
    for name in sorted(run.learners, key=lambda learner: learner in workshop.plan.paths):
        networks[name] = workshop.fresh(name, networks).train()
    pictures = workshop.data.train.take(torch.arange(size))
    batch = Batch(workshop.normalise(pictures.inputs), pictures.targets, torch.arange(size))
    stage = Stage(run, chosen, networks, batch.inputs[:2], workshop.machine, samples=len(workshop.data.train))
    epoch = chosen.epochs // 2
    step = epoch * run.steps_per_epoch
    return Contender(method, kind, chosen.name, place, lambda: stage.step(batch, epoch, step))


def built(kind: str, options: argparse.Namespace) -> Iterator[Contender | Row]:
    """Every stage of every method that trains this kind of networks, or why there is none."""
    for info in methods():
        if kind not in info.kinds or info.name not in {*(options.methods or [info.name]), REFERENCE}:
            continue
        try:
            workshop = workshop_of(info.name, kind, options.threads, options.batch)
            for place in ("first", "last") if len(workshop.plan.run("distil").stages) > 1 else ("last",):
                made = contender(info.name, kind, place, workshop, options.batch)
                for _ in range(options.warmup):
                    made.step()
                yield made
        except (SpecError, EngineError, ValueError, KeyError, NotImplementedError) as error:
            yield {"method": info.name, "kind": kind, "skipped": " ".join(str(error).split())}


def measure(contenders: list[Contender], rounds: int, clock: Callable[[], float]) -> None:
    """Rounds over all of them, each in another order."""
    order = random.Random(0)
    for _ in range(rounds):
        for one in order.sample(contenders, len(contenders)):
            began = clock()
            one.step()
            one.seconds.append(clock() - began)


def compared(contenders: list[Contender]) -> list[Row]:
    """A row for each, cheapest first."""
    reference = next(one for one in contenders if (one.method, one.place) == (REFERENCE, "last"))
    base = np.array(reference.seconds)
    draws = np.random.default_rng(0).integers(0, len(base), (4_000, len(base)))
    rows = []
    for one in contenders:
        taken = np.array(one.seconds)
        ratios = np.median(taken[draws], axis=1) / np.median(base[draws], axis=1)
        rows.append(
            {
                "method": one.method,
                "kind": one.kind,
                "stage": one.name,
                "place": one.place,
                "ratio": round(float(np.median(taken) / np.median(base)), 3),
                "interval": [round(float(bound), 3) for bound in np.percentile(ratios, [2.5, 97.5])],
                "ms": round(1e3 * float(np.median(taken)), 1),
            }
        )
    return sorted(rows, key=lambda row: row["ratio"])


def markdown(kind: str, rows: list[Row], skipped: list[Row]) -> str:
    """The rows as a table, then a line for each method that was left out."""
    teacher, student, _ = NETWORKS[kind]
    lines = [f"### {kind}: {teacher} teaches {student}", "", "| method | stage | step / Hinton's | interval | ms |"]
    lines.append("|---|---|---:|---|---:|")
    for row in rows:
        low, high = row["interval"]
        cells = (f"`{row['method']}`", f"{row['stage']} ({row['place']})", f"{row['ratio']:.2f}")
        lines.append(f"| {' | '.join(cells)} | {low:.2f} to {high:.2f} | {row['ms']:.1f} |")
    lines += [""] + [f"Left out: `{row['method']}`: {row['skipped']}" for row in skipped]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--warmup", type=int, default=2, help="steps of each stage before the rounds")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=list(CLOCKS), default="processor")
    parser.add_argument("--kinds", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--methods", nargs="+", help="only these, and Hinton's")
    parser.add_argument("--markdown", action="store_true", help="tables after the lines")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tables = []
    for kind in options.kinds:  # one kind's networks at a time are in memory
        found = list(built(kind, options))
        contenders = [one for one in found if isinstance(one, Contender)]
        skipped = [one for one in found if not isinstance(one, Contender)]
        measure(contenders, options.rounds, CLOCKS[options.clock])
        rows = compared(contenders)
        for line in [*rows, *skipped]:
            print(json.dumps(line), flush=True)
        tables.append(markdown(kind, rows, skipped))
        del found, contenders
    facts = {name: getattr(options, name) for name in ("rounds", "batch", "threads", "clock")}
    print(json.dumps({**facts, "torch": torch.__version__}))
    if options.markdown:
        print("\n" + "\n\n".join(tables))


if __name__ == "__main__":
    main()
