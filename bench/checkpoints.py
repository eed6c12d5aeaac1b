"""What checkpoints cost: the same job with none, with each written before the training goes on, and written behind it.

    .venv/bin/python bench/checkpoints.py [--rounds 3] [--epochs 20] [--every 1] [--student resnet8] [--width 0.5]

The three run in random order. For each way: checkpoints a run, milliseconds that one takes from the training thread
(the median over all, and the longest), the share of the training at one every 30 seconds, and the ratio of the whole
times with and without. The ratio holds what the writing thread takes from the training's cores as well.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kdcore
from kdcore.spec import parse_spec, plan
from kdcore.train.writer import CheckpointWriter

EVERY_SECONDS = 30
WAYS: dict[str, dict[str, Any]] = {
    "none": {"every_seconds": 1e9},
    "before": {"background": False},
    "behind": {"background": True},
}


def spec(options: argparse.Namespace, checkpoints: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "bench",
        "dataset": {"name": "digits"},
        "teacher": {"architecture": "resnet8", "train": {"epochs": 1}},
        "student": {"architecture": options.student, "width": options.width},
        "method": "hinton",
        "training": {"epochs": options.epochs, "checkpoints": {"every_seconds": options.every, **checkpoints}},
        "baseline": False,
        "deliver": ["safetensors"],
    }


@contextmanager
def watched(spent: list[float]) -> Iterator[None]:
    """A stretch in which the time inside the writer's calls is noted."""
    original = CheckpointWriter.save

    def timed(*arguments: Any, **options: Any) -> None:
        began = time.perf_counter()
        try:
            original(*arguments, **options)
        finally:
            spent.append(time.perf_counter() - began)

    CheckpointWriter.save = timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        CheckpointWriter.save = original  # type: ignore[method-assign]


def run(options: argparse.Namespace, way: str, spent: list[float]) -> float:
    """Seconds of training; the times of the checkpoints go to ``spent``."""
    planned = plan(parse_spec(spec(options, WAYS[way])))
    with tempfile.TemporaryDirectory() as folder, watched(spent):
        result = kdcore.run(planned, folder, lambda record: None)
    durations = result.document["durations"]
    return float(durations["teacher"] + durations["train"])


def summary(spent: list[float], seconds: list[float], without: list[float]) -> dict[str, float]:
    each = statistics.median(spent)
    return {
        "checkpoints a run": round(len(spent) / len(seconds), 1),
        "ms each": round(1000 * each, 2),
        "ms longest": round(1000 * max(spent), 2),
        f"share at {EVERY_SECONDS} s": round(each / EVERY_SECONDS, 6),
        "with / without": round(statistics.median(a / b for a, b in zip(seconds, without, strict=True)), 4),
        "training_seconds": round(statistics.median(seconds), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--every", type=float, default=1)
    parser.add_argument("--student", default="resnet8")
    parser.add_argument("--width", type=float, default=0.5)
    options = parser.parse_args()
    spent: dict[str, list[float]] = {way: [] for way in WAYS}
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way in random.sample(list(WAYS), len(WAYS)):
            seconds[way].append(run(options, way, spent[way]))
    found = {way: summary(spent[way], seconds[way], seconds["none"]) for way in WAYS}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
