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
import io
import json
import os
import tarfile
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import peers
import torch
from batches import MEAN, STD, Usual
from ours import settled
from PIL import Image
from timing import DRAWS, Aim, Ratio, Step, Times, facts, in_turns, table
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms

import kdcore.models as models
from kdcore.data import Data, Pictures, read
from kdcore.data.batches import Batches
from kdcore.data.splits import stratified
from kdcore.distributed import Solo
from kdcore.errors import EngineError
from kdcore.kept import Keeper
from kdcore.prepare import Workshop, resolve, weights_file
from kdcore.seeds import derive
from kdcore.spec import parse_spec, plan
from kdcore.train import validate
from kdcore.train.cache import Keep
from kdcore.train.compiling import missing
from kdcore.train.machine import Machine
from kdcore.train.stage import Stage
from kdcore.train.sums import Sums

RUN = 60
VALIDATION = 256
AIMS = {"resnet32x4:resnet8x4": 3.0, "resnet20:resnet8": 2.5}
CONTENDER = "ours auto"
PLAIN = {"precision": "float32", "memory_format": "contiguous"}
AUTO = {"precision": "auto", "memory_format": "auto"}
MOVED: dict[str, Any] = {"shift": 4, "flip": True}

Job = tuple[dict[str, Any], bool]
"""A spec, and whether to compile."""

Setup = dict[str, float]
"""Seconds before the first epoch, by what they are for."""


# pictures


def pictures(options: argparse.Namespace) -> tuple[str, Pictures]:
    """Where they come from, and the subset: the training pictures first, then those of the validation."""
    count = options.pictures + VALIDATION
    root = options.data or os.environ.get("DISTILLERY_DATA")
    packed = None if root is None else Path(root) / "cifar10-jpeg" / "train.tar.gz"
    if packed is not None and packed.is_file():
        return "CIFAR-10 (JPEG)", unpacked(packed, count)
    try:
        return "CIFAR-10", _chosen(read("cifar10", "train", root), count)
    except EngineError:
        stream = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (count, 3, 32, 32), generator=stream, dtype=torch.uint8)
        return "random pictures", Pictures(images, torch.arange(count) % 10)


def unpacked(packed: Path, count: int) -> Pictures:
    """A subset of an archive of picture files, whose folders are the classes."""
    with tarfile.open(packed) as archive:
        files = [member for member in archive.getmembers() if member.name.endswith((".jpg", ".png"))]
        names = sorted({Path(member.name).parent.name for member in files})
        labels = torch.tensor([names.index(Path(member.name).parent.name) for member in files])
        chosen = _shuffled(labels, count)
        found = {place: _picture(archive, files[place]) for place in sorted(chosen.tolist())}  # in the archive's order
    images = torch.stack([found[place] for place in chosen.tolist()])
    return Pictures(images, labels[chosen])


def _picture(archive: tarfile.TarFile, member: tarfile.TarInfo) -> torch.Tensor:
    file = archive.extractfile(member)
    assert file is not None
    pixels = np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB"))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous()


def _chosen(whole: Pictures, count: int) -> Pictures:
    return whole.take(_shuffled(whole.labels, count))


def _shuffled(labels: torch.Tensor, count: int) -> torch.Tensor:
    """Places of a stratified subset, in random order."""
    chosen = stratified(labels, count, 0, "bench")
    return chosen[torch.randperm(count, generator=torch.Generator().manual_seed(0))]


def data_of(found: Pictures, count: int) -> Data:
    """The subset as a job has it."""
    train, validation = found.take(torch.arange(count)), found.take(torch.arange(count, len(found)))
    return Data(train, validation, MEAN, STD, validation)


# ours


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
        train.labels,
        torch.arange(len(train)),
        steps=run.steps_per_epoch,
        batch_size=run.training.batch_size,
        seed=derive(run.training.seed, run.learner),
        augment=run.training.augment,
        normalise=workshop.normalise,
    )


# theirs


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


# a pair of networks


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


def taught(pair: str, data: Data, workdir: Path, options: argparse.Namespace) -> Workshop:
    """A plain workshop, and a teacher with random weights and settled BatchNorm in its place in ``workdir``."""
    planned = plan(parse_spec(spec(pair, options, MOVED, PLAIN)))
    workshop = Workshop(planned, data, Machine.of_this(planned.spec))
    weights = weights_file(workdir, "teacher")
    weights.parent.mkdir(parents=True)
    sample = workshop.normalise(data.train.images[:256]).to(workshop.machine.device)
    models.save(settled(workshop.fresh("teacher"), sample), weights)
    return workshop


# what is printed


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
    source, found = pictures(options)
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
