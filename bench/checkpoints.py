"""What checkpoints cost: the same job with one every 30 seconds and with none, in turns.

    .venv/bin/python bench/checkpoints.py [--rounds 3] [--epochs 60] [--every 30]

Prints the time spent in writing checkpoints as a share of the training, from the engine's own records, and the ratio
of the whole times with and without them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from typing import Any

import kdcore
from kdcore.spec import parse_spec, plan
from kdcore.train.checkpoint import CheckpointFolder

SPEC: dict[str, Any] = {
    "name": "bench",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 1}},
    "student": {"architecture": "resnet8", "width": 0.5},
    "method": "hinton",
    "baseline": False,
    "deliver": ["safetensors"],
}


def run(epochs: int, every: float) -> tuple[float, float, int]:
    """Seconds of training, seconds of them in checkpoints, and how many there were."""
    spent: list[float] = []
    original = CheckpointFolder.save

    def timed(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return original(*arguments, **options)
        finally:
            spent.append(time.perf_counter() - began)

    training = {"epochs": epochs, "checkpoints": {"every_seconds": every}}
    planned = plan(parse_spec({**SPEC, "training": training}))
    CheckpointFolder.save = timed  # type: ignore[method-assign]
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = kdcore.run(planned, folder, lambda record: None)
    finally:
        CheckpointFolder.save = original  # type: ignore[method-assign]
    durations = result.document["durations"]
    return durations["teacher"] + durations["train"], sum(spent), len(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--every", type=float, default=30)
    options = parser.parse_args()
    rows = [(run(options.epochs, options.every), run(options.epochs, 1e9)) for _ in range(options.rounds)]
    shares = [spent / total for (total, spent, _), _ in rows]
    print(
        json.dumps(
            {
                "share of the training": round(statistics.median(shares), 5),
                "checkpoints a run": statistics.median(count for (_, _, count), _ in rows),
                "with / without": round(statistics.median(a[0] / b[0] for a, b in rows), 4),
                "training_seconds": round(statistics.median(total for (total, _, _), _ in rows), 1),
            }
        )
    )


if __name__ == "__main__":
    main()
