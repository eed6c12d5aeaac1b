"""A whole run on real pictures, cropped and mirrored, against torchdistill with the usual transforms in a DataLoader.

    .venv/bin/python bench/epochs.py --threads 2 --epochs 6 --json epochs.json [--data FOLDER]
    .venv/bin/python bench/epochs.py --threads 2 --epochs 60 --pairs resnet20:resnet8 --json epochs.json

Set ``OMP_WAIT_POLICY=PASSIVE`` and ``CUBLAS_WORKSPACE_CONFIG=:4096:8`` before, as jobs do; they hold for everybody.

Hinton's distillation on a seeded, stratified subset of 2,048 pictures of CIFAR-10, batches of 64, a validation of 256
further pictures after each epoch. Contenders take an epoch in turns, in random order:

- ``torchdistill, n workers``: its box; ``RandomCrop(32, padding=4)``, ``RandomHorizontalFlip``, ``ToTensor`` and
  ``Normalize`` in a DataLoader, the fastest of the worker counts counts;
- ``ours live``: our batches and stage in float32 and contiguous, ``shift: 4, flip: true``, new pictures each epoch;
- ``ours cached``: the same with ``views: 8`` and the teacher's outputs kept;
- ``ours auto``: the same with ``precision: auto`` and ``memory_format: auto``, as a job takes them by default.

Ours runs through a job's own pieces: ``prepare``, the keeper, batches, stage and validation. A run is what comes before
the first epoch (measuring the numerics, building the cache), what the first epoch takes longer, and 60 epochs; with
other numbers of epochs measured, 60 times their median. Its interval is a bootstrap over epochs. Left out on both
sides: reading the pictures, the teacher's training, writing checkpoints; on ours also exports and report.

Pictures: ``--data``, or the environment's ``DISTILLERY_DATA``, is a folder that holds ``cifar10`` as torchvision's
reader finds it, or ``cifar10-jpeg/train.tar.gz`` with a folder of pictures for each class; random pictures without.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pictures import data_of, pictures
from runs import AUTO, MOVED, PLAIN, RUN, Job, Ours, Setup, spec, taught, theirs
from timing import DRAWS, Aim, Ratio, Times, facts, in_turns, table

from kdcore.data import Data
from kdcore.train.compiling import missing

VALIDATION = 256
AIMS = {"resnet32x4:resnet8x4": 3.0, "resnet20:resnet8": 2.5}
CONTENDER = "ours auto"


@dataclass
class Found:
    """What a pair of networks gave.

    Attributes:
        setups: seconds before the first epoch, by contender; torchdistill has none.
        runs: whole runs of the best torchdistill over whole runs of ours, by contender.
    """

    pair: str
    times: Times
    setups: dict[str, Setup]
    facts: dict[str, dict[str, Any]]
    rival: str
    runs: dict[str, Ratio]

    def aim(self) -> Aim | None:
        """None for pairs about which nothing was promised."""
        if self.pair not in AIMS:
            return None
        return Aim.of(
            f"{self.pair}: run of torchdistill / {CONTENDER}", self.runs[CONTENDER], "at least", AIMS[self.pair]
        )

    def seconds(self, name: str) -> float:
        """Of a whole run: measured where ``RUN`` epochs were, else from the median epoch."""
        times = self.times[name]
        trained = sum(times) if len(times) == RUN else RUN * float(np.median(times))
        return sum(self.setups.get(name, {}).values()) + trained


def run_ratio(theirs: list[float], ours: list[float], setup: float) -> Ratio:
    """Whole runs: ``RUN`` epochs of theirs over the set-up and ``RUN`` epochs of ours."""
    draws = np.random.default_rng(0).integers(0, len(ours), (DRAWS, len(ours)))
    other, own = np.asarray(theirs), np.asarray(ours)
    middle = np.mean if len(ours) == RUN else np.median

    def ratio(other: Any, own: Any) -> Any:
        return RUN * middle(other, axis=-1) / (setup + RUN * middle(own, axis=-1))

    low, high = np.percentile(ratio(other[draws], own[draws]), [2.5, 97.5])
    first, third = np.percentile(RUN * other / (setup + RUN * own), [25, 75])
    return Ratio(float(ratio(other, own)), float(low), float(high), (float(first), float(third)))


def measured(pair: str, data: Data, options: argparse.Namespace) -> Found:
    """All contenders, epoch by epoch."""
    cached = {**MOVED, "views": options.views}
    jobs: dict[str, Job] = {
        "ours live": (spec(pair, options, MOVED, PLAIN), False),
        "ours cached": (spec(pair, options, cached, PLAIN), False),
        CONTENDER: (spec(pair, options, cached, AUTO), False),
    }
    if options.compile and missing(options.device) is None:
        jobs["ours auto compiled"] = (spec(pair, options, cached, AUTO), True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        workdir = Path(folder)
        workshop = taught(pair, data, workdir, options)
        ours = {name: Ours.of(name, one, data, workdir, stack) for name, one in jobs.items()}
        others = {f"torchdistill, {n} workers": theirs(pair, workshop, workdir, options, n) for n in options.workers}
        contenders = {**others, **{name: one.epoch for name, one in ours.items()}}
        times = in_turns(contenders, options.epochs, options.device, warmup=options.warmup)
    rival = min(others, key=lambda name: float(np.median(times[name])))
    for name, one in ours.items():  # what compiling takes shows there
        one.setup["first epoch"] = max(0.0, one.first - float(np.median(times[name])))
    setups = {name: one.setup for name, one in ours.items()}
    runs = {name: run_ratio(times[rival], times[name], sum(setups[name].values())) for name in ours}
    return Found(pair, times, setups, {name: one.facts for name, one in ours.items()}, rival, runs)


def shown(found: Found) -> str:
    """A pair as a table, then what ours settled."""
    rows = []
    for name, times in found.times.items():
        low, middle, high = np.percentile(times, [25, 50, 75])
        before = ", ".join(f"{what} {taken:.1f}" for what, taken in found.setups.get(name, {}).items())
        run = str(found.runs[name]) if name in found.runs else ""
        cells = [f"{middle:.2f}", f"{low:.2f} to {high:.2f}", before, f"{found.seconds(name) / 60:.1f}", run]
        rows.append([name, *cells])
    head = ["contender", "s an epoch", "quartiles", "s before", f"min for {RUN} epochs", f"{found.rival} / it"]
    notes = "\n".join(f"{name}: {json.dumps(one)}" for name, one in found.facts.items())
    return "\n".join([f"\n## {found.pair}\n", table(head, rows), "", notes])


def document(found: Found) -> dict[str, Any]:
    """A pair, JSON-ready."""
    aim = found.aim()
    return {
        "pair": found.pair,
        "against": found.rival,
        "runs": {name: asdict(one) for name, one in found.runs.items()},
        "run seconds": {name: found.seconds(name) for name in found.times},
        "aims": [] if aim is None else [aim.row()],
        "set-up seconds": found.setups,
        "facts": found.facts,
        "epoch seconds": found.times,
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6, help=f"measured of each contender; {RUN} is a whole run")
    parser.add_argument("--warmup", type=int, default=1, help="epochs that do not count")
    parser.add_argument("--pictures", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="of torchdistill's DataLoader")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--pairs", nargs="+", default=list(AIMS), help="teacher:student")
    parser.add_argument("--compile", action="store_true", help="one contender more: ours auto with torch.compile")
    parser.add_argument("--data", help="folder of the pictures")
    parser.add_argument("--json", type=Path, help="file for all numbers; written anew after each pair")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    source, found = pictures(options.pictures + VALIDATION, options.data)
    data = data_of(found, options.pictures)
    asked = {name: getattr(options, name) for name in ("epochs", "pictures", "batch", "views", "threads", "device")}
    head = {"machine": facts(options.device), "asked": asked, "pictures": source}
    print(json.dumps(head, indent=1), flush=True)
    rows: list[dict[str, Any]] = []
    aims: list[Aim] = []
    for pair in options.pairs:
        one = measured(pair, data, options)
        print(shown(one), flush=True)
        rows.append(document(one))
        aims += [aim for aim in [one.aim()] if aim is not None]
        if options.json is not None:
            options.json.write_text(json.dumps({**head, "pairs": rows}, indent=1) + "\n")
    print("\n## Aims\n")
    print("\n".join(map(str, aims)))


if __name__ == "__main__":
    main()
