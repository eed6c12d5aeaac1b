"""How often a drift is told that is none, and from when on one is seen: `python bench/drift.py`.

A student of digits is trained for each seed; its own test split is then given back as it is, in random parts, and
disturbed. `false alarms` are parts of the undisturbed split beyond the threshold.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

import kdcore
from kdcore.data.examples import Examples
from kdcore.prepare import weights_file
from kdcore.reevaluation.running import workshop_of
from kdcore.reevaluation.shifted import drifted
from kdcore.spec import parse_spec, plan
from kdcore.spec.plan import STUDENT
from kdcore.spec.reevaluation import DriftRule

SPEC = {
    "name": "digits",
    "dataset": {"name": "digits"},
    "student": {"architecture": "resnet8", "width": 0.25},
    "method": "student-alone",
    "resources": {"device": "cpu"},
}
PARTS, SIZES = 40, (30, 100, 300)


def noise(spread: float) -> Callable[[Tensor], Tensor]:
    """Gaussian noise of this standard deviation, on the scale 0 to 255."""
    stream = torch.Generator().manual_seed(0)
    return lambda x: (x + spread * torch.randn(x.shape, generator=stream)).clamp(0, 255).to(torch.uint8)


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "as it is": lambda x: x,
    "noise, deviation 20": noise(20),
    "noise, deviation 40": noise(40),
    "noise, deviation 60": noise(60),
    "darker by half": lambda x: (x.float() * 0.5).to(torch.uint8),
    "moved by one pixel": lambda x: torch.roll(x, 1, -1),
    "inverted": lambda x: 255 - x,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    asked = parser.parse_args()
    for seed in range(asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), seed, asked.epochs)


def measure(folder: Path, seed: int, epochs: int) -> None:
    """One student, every disturbance, and parts of the undisturbed split."""
    job = plan(parse_spec({**SPEC, "training": {"epochs": epochs, "batch_size": 32, "seed": seed}}))
    kdcore.run(job, folder, lambda record: None, trial=True)
    shop = workshop_of(job, folder)
    student = shop.loaded(STUDENT, weights_file(folder, "distil")).eval()
    test, rule = shop.data.open_test(), DriftRule()
    for name, change in CHANGES.items():
        given = Examples(change(test.inputs), test.targets)
        found = drifted(rule, shop, student, given)
        _, judged = shop.task.measured(student, shop.normalise(given.inputs), given)
        ratios = "  ".join(f"{key} {value:6.2f}" for key, value in found["given"]["ratio"].items())
        score = float(judged.figures()["accuracy"])
        print(f"seed {seed}  {name:20}  {ratios}  {found['outcome']:8}  accuracy {score:.3f}", flush=True)
    for size in SIZES:
        parts = [test.take(torch.randperm(len(test))[:size]) for _ in range(PARTS)]
        found_ = [drifted(rule, shop, student, part)["given"]["ratio"] for part in parts]
        for key in ("w2", "mmd"):
            values = sorted(one[key] for one in found_)
            alarms = sum(value > rule.threshold for value in values)
            told = f"median {values[PARTS // 2]:.2f}, largest {values[-1]:.2f}, {alarms} of {PARTS} beyond 2"
            print(f"seed {seed}  {size:3} examples as they are, {key:3}: {told}", flush=True)


if __name__ == "__main__":
    main()
