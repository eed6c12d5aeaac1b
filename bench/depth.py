"""FitNets' question: how deep can a thin net without BatchNorm be and still train, plain, by KD and by hints?

    .venv/bin/python bench/depth.py --markdown [--data FOLDER] [--seeds 3] [--epochs 3]
    .venv/bin/python bench/depth.py --pilot

Romero et al. 2015 (arXiv 1412.6550), section 4.1. Thin maxout nets of three stages learn from one wide, shallow
teacher, under the paper's initial weights (uniform within 0.005) and under ones that keep the mean square of the signal
(He et al. 2015, for maxout). Every arm has the same epochs, the same batches and the same recipe; hints take a third of
the epochs, and distillation the rest. The recipe is the one that ``--pilot`` finds best on average over all arms at two
depths, measured on training pictures set aside. Accuracies are of the last epoch on test pictures; "trained" is more
than twice chance.

Data: MNIST from the folder ``mnist`` of ``--data``, of ``DISTILLERY_DATA`` or of ``../shared/data``, each picture as
the means of its 2x2 squares unless ``--side 28``; else scikit-learn's digits.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.data.examples import Examples
from kdcore.data.readers import read
from kdcore.data.splits import divide
from kdcore.models.fitnet import FitNet
from kdcore.objective import adapter, distance
from kdcore.objective.networks import freeze
from kdcore.objective.points import Capture
from kdcore.objective.stages import parameters_upto
from kdcore.seeds import generator, seeded

DEPTHS = (5, 7, 9, 11, 13, 17)
MAPS, WIDTH = 16, 0.5
TEACHER = ((64,), (96,), (128,))
INITIALISATIONS, METHODS = ("paper", "he"), ("plain", "kd", "hint")
TEMPERATURE, TASK, SOFT = 3.0, 0.1, 0.9
CLIP, HINT_SHARE = 1.0, 1 / 3
PILOT_DEPTHS, PILOT_SEED = (5, 9), 1000

Row = dict[str, Any]
Inputs = tuple[Tensor, Tensor]
"""Normalised pictures [N, 1, S, S] and labels [N]."""


@dataclass(frozen=True)
class Recipe:
    """An optimiser with its learning rate; gradients are clipped to norm ``CLIP`` under any."""

    optimizer: str
    rate: float

    def build(self, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """A fresh one; RMSProp's decay is the paper's."""
        if self.optimizer == "rmsprop":
            return torch.optim.RMSprop(parameters, lr=self.rate, alpha=0.9)
        return torch.optim.SGD(parameters, lr=self.rate, momentum=0.9)


RECIPES = (*(Recipe("rmsprop", rate) for rate in (3e-4, 1e-3, 3e-3, 1e-2)), Recipe("sgd", 0.01), Recipe("sgd", 0.05))
STANDARD = Recipe("rmsprop", 3e-3)


def mnist(folder: Path, split: str) -> Examples:
    """The pictures of MNIST's original files, unpacked or not."""
    prefix = "train" if split == "train" else "t10k"
    images = _idx(folder, f"{prefix}-images-idx3-ubyte")[16:].reshape(-1, 1, 28, 28)
    return Examples(torch.from_numpy(images), torch.from_numpy(_idx(folder, f"{prefix}-labels-idx1-ubyte")[8:]).long())


def _idx(folder: Path, name: str) -> np.ndarray:
    plain = folder / "MNIST" / "raw" / name
    raw = plain.read_bytes() if plain.is_file() else gzip.decompress(plain.with_name(f"{name}.gz").read_bytes())
    return np.frombuffer(raw, np.uint8).copy()


def mnist_folder(asked: str | None) -> Path | None:
    """Where MNIST lies, if it does."""
    roots = [Path(root) for root in (asked, os.environ.get("DISTILLERY_DATA"), "../shared/data") if root]
    held = [root / "mnist" for root in roots if (root / "mnist" / "MNIST" / "raw").is_dir()]
    return held[0] if held else None


@dataclass(frozen=True)
class World:
    """The pictures of a run, and what the teacher says of those that are learnt from.

    Attributes:
        train, test: pictures and labels.
        logits, hints: of the teacher on ``train``.
        teacher: accuracy on ``test``.
    """

    train: Inputs
    test: Inputs
    logits: Tensor
    hints: Tensor
    teacher: float


def pictures(folder: Path | None, options: argparse.Namespace) -> tuple[Inputs, Inputs]:
    """What is learnt from, and what is measured on; the pilot's measurements are on training pictures set aside."""
    if folder is None:
        test, train = divide(read("digits"), 360, 0, "test")
        pool = train
    else:
        pool, test = mnist(folder, "train"), mnist(folder, "test")
    if options.pilot:
        test, pool = divide(pool, min(options.test, len(pool) // 5), 0, "pilot")
    train = divide(pool, min(options.train, len(pool)), 0, "train")[0]
    test = divide(test, min(options.test, len(test)), 0, "test")[0]
    mean, std = (float(value) for value in (train.inputs.float().mean(), train.inputs.float().std()))
    return _inputs(train, mean, std, options.side), _inputs(test, mean, std, options.side)


def _inputs(split: Examples, mean: float, std: float, side: int) -> Inputs:
    images = (split.inputs.float() - mean) / std
    return F.avg_pool2d(images, images.shape[-1] // side) if images.shape[-1] > side else images, split.targets


def thin(depth: int, initialisation: str, seed: int) -> FitNet:
    """A student of ``depth`` convolutions: as many in each stage, the later stages take what is left over."""
    maps = tuple((MAPS,) * ((depth + stage) // 3) for stage in range(3))
    with seeded(seed, "student", depth):
        network = FitNet(maps, 10, in_channels=1, width=WIDTH)
        if initialisation == "paper":
            for parameter in network.parameters():
                nn.init.uniform_(parameter, -0.005, 0.005) if parameter.ndim > 1 else nn.init.zeros_(parameter)
    return network


def batches(count: int, epochs: range, seed: int, size: int = 16) -> Iterator[Tensor]:
    """The places of every step's pictures: the same for every arm of a seed."""
    for epoch in epochs:
        order = torch.randperm(count, generator=generator(seed, "order", epoch))
        yield from order[: count // size * size].view(-1, size)


def descend(
    parameters: Sequence[nn.Parameter], loss: Callable[[Tensor], Tensor], places: Iterator[Tensor], recipe: Recipe
) -> None:
    """Every step: a loss on the pictures at some places, its gradient clipped, the optimiser."""
    optimizer = recipe.build(parameters)
    for place in places:
        optimizer.zero_grad()
        loss(place).backward()
        nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()


@torch.no_grad()
def accuracy(network: nn.Module, inputs: Inputs) -> float:
    """Share of right answers; a network that broke down counts as its first class."""
    network.eval()
    right = torch.cat([network(part).nan_to_num(0).argmax(1) for part in inputs[0].split(500)]) == inputs[1]
    network.train()
    return float(right.float().mean())


def taught(train: Inputs, test: Inputs, epochs: int) -> World:
    """The world with its teacher: three wide maxout convolutions with BatchNorm, trained by labels."""
    with seeded(0, "teacher"):
        teacher = FitNet(TEACHER, 10, in_channels=1, batch_norm=True)
    images, labels = train
    loss = lambda place: F.cross_entropy(teacher(images[place]), labels[place])  # noqa: E731
    descend(list(teacher.parameters()), loss, batches(len(labels), range(epochs), 0), Recipe("sgd", 0.02))
    point = teacher.landmarks.middle
    with torch.no_grad(), Capture(freeze(teacher), ["logits", point]) as capture:
        said = [capture(part) for part in images.split(500)]
    logits, hints = (torch.cat([one[name] for one in said]) for name in ("logits", point))
    return World(train, test, logits, hints, accuracy(teacher, test))


def follow_hint(student: FitNet, world: World, places: Iterator[Tensor], recipe: Recipe, seed: int) -> float:
    """The first stage: up to the guided layer; returns the share of the hints' variance by channel that it leaves."""
    images, guided = world.train[0], student.landmarks.middle
    with Capture(student, [guided]) as capture:
        shape = tuple(capture(images[:2])[guided].shape)
        with seeded(seed, "regressor"):
            regressor = adapter("convolution", [shape], [tuple(world.hints[:2].shape)])
        apart = distance("hint", normalise="teacher")

        def loss(place: Tensor) -> Tensor:
            followed, hints = regressor([capture(images[place])[guided]], [world.hints[place]])
            return apart(followed[0], hints[0])

        names = parameters_upto(student, guided, images[:2])
        own = [parameter for name, parameter in student.named_parameters() if name in names]
        descend([*own, *regressor.parameters()], loss, places, recipe)
        with torch.no_grad():
            left = torch.cat([regressor([capture(part)[guided]], [])[0][0] for part in images.split(500)])
    spread = world.hints - world.hints.mean((0, 2, 3), keepdim=True)
    return float((left - world.hints).square().mean() / spread.square().mean())


def learn(world: World, depth: int, arm: tuple[str, str], seed: int, epochs: int, recipe: Recipe) -> Row:
    """One student from its first weights to its accuracy."""
    (initialisation, method), began = arm, time.perf_counter()
    student, count, soft = thin(depth, initialisation, seed), len(world.logits), distance("kl", temperature=TEMPERATURE)
    images, labels = world.train
    first = max(1, round(epochs * HINT_SHARE)) if method == "hint" else 0
    row: Row = {"depth": depth, "initialisation": initialisation, "method": method, "seed": seed}
    if first:
        places = batches(count, range(first), seed)
        row["hint_unexplained"] = round(follow_hint(student, world, places, recipe, seed), 3)

    def loss(place: Tensor) -> Tensor:
        logits = student(images[place])
        task = F.cross_entropy(logits, labels[place])
        return task if method == "plain" else TASK * task + SOFT * soft(logits, world.logits[place])

    descend(list(student.parameters()), loss, batches(count, range(first, epochs), seed), recipe)
    right, seconds = accuracy(student, world.test), time.perf_counter() - began
    return {**row, "accuracy": round(right, 4), "trained": right > 0.2, "seconds": round(seconds, 1)}


def pilot(world: World, epochs: int) -> None:
    """One line a recipe: its accuracies on two depths, over all arms, best on average first."""
    found = []
    for recipe in RECIPES:
        arms = product(PILOT_DEPTHS, INITIALISATIONS, METHODS)
        rows = [learn(world, depth, (first, method), PILOT_SEED, epochs, recipe) for depth, first, method in arms]
        each = {f"{row['depth']} {row['initialisation']} {row['method']}": row["accuracy"] for row in rows}
        mean = float(np.mean([row["accuracy"] for row in rows]))
        found.append({"optimizer": recipe.optimizer, "rate": recipe.rate, "mean": round(mean, 4), **each})
    for line in sorted(found, key=lambda line: -line["mean"]):
        print(json.dumps(line))


def markdown(rows: list[Row]) -> str:
    """A row for each depth and initialisation: by method the mean, every seed in brackets, and how many trained."""
    lines = ["| convolutions | initial weights | plain | KD | hint, then KD |", "|---|---|---|---|---|"]
    for initialisation, depth in product(INITIALISATIONS, sorted({row["depth"] for row in rows})):
        cells = []
        for method in METHODS:
            arm = (depth, initialisation, method)
            own = [row for row in rows if (row["depth"], row["initialisation"], row["method"]) == arm]
            found = [100 * row["accuracy"] for row in own]
            trained = sum(row["trained"] for row in own)
            each = ", ".join(f"{value:.1f}" for value in found)
            cells.append(f"{np.mean(found):.1f} ({each}); {trained}/{len(own)}")
        lines.append(f"| {depth} | {initialisation} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder that holds the folder mnist")
    parser.add_argument("--train", type=int, default=4000)
    parser.add_argument("--test", type=int, default=2000)
    parser.add_argument("--side", type=int, default=14, help="pictures are averaged down to this side")
    parser.add_argument("--depths", type=int, nargs="+", default=DEPTHS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3, help="of every student, hints included")
    parser.add_argument("--optimizer", choices=["rmsprop", "sgd"], default=STANDARD.optimizer)
    parser.add_argument("--rate", type=float, default=STANDARD.rate)
    parser.add_argument("--teacher-epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pilot", action="store_true", help="compare recipes and end")
    parser.add_argument("--markdown", action="store_true", help="a table after the lines")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder, began = mnist_folder(options.data), time.perf_counter()
    world = taught(*pictures(folder, options), options.teacher_epochs)
    if options.pilot:
        return pilot(world, options.epochs)
    rows, recipe = [], Recipe(options.optimizer, options.rate)
    for seed, depth, *arm in product(range(options.seeds), options.depths, INITIALISATIONS, METHODS):
        rows.append(learn(world, depth, (arm[0], arm[1]), seed, options.epochs, recipe))
        print(json.dumps(rows[-1]), flush=True)
    facts = {
        "data": "digits" if folder is None else "mnist",
        "pictures": [len(world.train[1]), len(world.test[1])],
        "side": world.train[0].shape[-1],
        "epochs": options.epochs,
        "recipe": vars(recipe),
        "clip": CLIP,
        "teacher": round(world.teacher, 4),
        "minutes": round((time.perf_counter() - began) / 60, 1),
        "torch": torch.__version__,
    }
    print(json.dumps(facts))
    if options.markdown:
        print("\n" + markdown(rows))
    return None


if __name__ == "__main__":
    main()
