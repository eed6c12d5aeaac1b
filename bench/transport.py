"""Exact transport's loss and gradient against POT's ``ot.emd2`` with its torch backend, in interleaved pairs.

    .venv/bin/python bench/transport.py [--pairs 100] [--width 512] [--samples 128 256] [--threads 1]

Both get the same two samples: a student that follows its teacher with noise, class by class, as in training; and both
give the loss and the gradient in the student's features. Both measure cost, plan, loss and backward. The ratio is that
of the medians, ours / POT; below 1 ours is faster. ``agreement`` is the largest relative difference of the two values.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from kdcore.objective import distance

try:
    import ot
except ImportError:
    sys.exit("POT is what this compares with: pip install pot")

Step = Callable[[Tensor, Tensor], Tensor]


def features(samples: int, width: int, seed: int) -> tuple[Tensor, Tensor]:
    """A batch of ten classes as both networks see it, after a ReLU; float32 [samples, width] each."""
    stream = torch.Generator().manual_seed(seed)
    centres = 2 * torch.randn(10, width, generator=stream)
    labels = torch.randint(0, 10, (samples,), generator=stream)
    student, teacher = (centres[labels] + torch.randn(samples, width, generator=stream) for _ in range(2))
    return student.relu().requires_grad_(), (1.2 * teacher).relu()


def pot(student: Tensor, teacher: Tensor) -> Tensor:
    """What one writes with POT: uniform weights, squared Euclidean cost, the network simplex."""
    weights = torch.full((len(student),), 1 / len(student))
    loss: Tensor = ot.emd2(weights, weights, ot.dist(student, teacher))
    return loss


def seconds(step: Step, student: Tensor, teacher: Tensor) -> float:
    """Of one forward and backward pass."""
    student.grad = None
    began = time.perf_counter()
    step(student, teacher).backward()
    return time.perf_counter() - began


def compare(steps: dict[str, Step], samples: int, width: int, pairs: int) -> dict[str, object]:
    """Medians and their ratio over ``pairs`` of runs on fresh data, each pair in random order."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    order, differences = random.Random(0), []
    for pair in range(pairs + 3):
        student, teacher = features(samples, width, pair)
        values = {name: float(step(student, teacher).detach()) for name, step in steps.items()}
        differences.append(abs(values["ours"] / values["pot"] - 1))
        for name in order.sample(list(steps), len(steps)):
            times[name].append(seconds(steps[name], student, teacher))
    medians = {name: float(np.median(taken[3:])) for name, taken in times.items()}
    draws = np.random.default_rng(0).integers(0, pairs, (2_000, pairs))
    ours, theirs = (np.median(np.array(times[name][3:])[draws], axis=1) for name in ("ours", "pot"))
    return {
        "samples": samples,
        "ours / pot": round(medians["ours"] / medians["pot"], 4),
        "interval": [round(float(bound), 4) for bound in np.percentile(ours / theirs, [2.5, 97.5])],
        "ours_ms": round(1e3 * medians["ours"], 3),
        "pot_ms": round(1e3 * medians["pot"], 3),
        "agreement": f"{max(differences):.1e}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--samples", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    wasserstein = distance("wasserstein")
    steps: dict[str, Step] = {"ours": wasserstein, "pot": pot}
    for samples in options.samples:
        print(json.dumps(compare(steps, samples, options.width, options.pairs)))
    print(
        json.dumps({"width": options.width, "pairs": options.pairs, "threads": options.threads, "pot": ot.__version__})
    )


if __name__ == "__main__":
    main()
