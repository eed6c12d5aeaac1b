"""What a stage's loss costs when its terms share what they compute, beside the same terms one by one.

    OMP_NUM_THREADS=1 .venv/bin/python bench/shared.py [--pairs 60] [--batch 128] [--width 512] [--threads 1]

Each line is a stage: its terms in one pass of an objective, and in one that hands no memory from term to term. Both are
measured with and without the backward pass to the student's features, in pairs whose order is random. The ratio is
shared / unshared of each pair, as median and quartiles: below 1 sharing is faster. Values are equal to the bit, which
``equal`` says. Features are those of ten classes after a ReLU, in float32. Time is the process's processor time.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from kdcore.objective.terms import Cast, Objective
from kdcore.spec.named import AdapterKind, Kind
from kdcore.spec.plan import PairPlan, StagePlan, TermPlan

Asked = tuple[str, Any]
"""The student's point, and the distance of a term."""

BRIDGE = {"kind": "pointwise", "layers": 2, "name": "bridge"}
STAGES: dict[str, tuple[list[Asked], Any]] = {
    "relations and distributions of one pair": (
        [("a", kind) for kind in ("sp", "pkt", "rkd", "mmd", "wasserstein")],
        None,
    ),
    "distributions of one pair": (
        [
            ("a", "mmd"),
            ("a", {"kind": "mmd", "kernel": "multi", "given": "label"}),
            ("a", "wasserstein"),
            ("a", {"kind": "wasserstein", "given": "class"}),
            ("a", "rkd"),
        ],
        None,
    ),
    "three layers follow one": ([(point, kind) for point in "abc" for kind in ("sp", "pkt", "rkd", "mmd")], None),
    "one named adapter": ([("a", kind) for kind in ("mse", "sp", "cosine")], BRIDGE),
    "a single term": ([("a", "sp")], None),
}


def features(options: argparse.Namespace, seed: int) -> dict[str, dict[str, Tensor]]:
    """What both networks say: three points of the student [B, D], one of the teacher."""
    stream = torch.Generator().manual_seed(seed)
    centres = 2 * torch.randn(10, options.width, generator=stream)[torch.arange(options.batch) % 10]
    said = [(centres + torch.randn(centres.shape, generator=stream)).relu() for _ in range(4)]
    return {
        "student": {name: one.requires_grad_() for name, one in zip("abc", said, strict=False)},
        "teacher": {"t": said[3]},
    }


def objective(asked: list[Asked], adapter: Any, spoken: Mapping[str, dict[str, Tensor]]) -> Objective:
    """A stage of these terms."""
    terms = [
        TermPlan(
            name=f"term {place}",
            to="student",
            source="teacher",
            pairs=(PairPlan(to=point, source="t"),),
            distance=Kind.model_validate(kind),
            adapter=None if adapter is None else AdapterKind.model_validate(adapter),
            weight=1.0,
            group="distill",
        )
        for place, (point, kind) in enumerate(asked)
    ]
    balance = {"student": Kind(kind="fixed")}
    plan = StagePlan(name="bench", epochs=1, upto=None, terms=tuple(terms), balance=balance, learning_rate_scale=1.0)
    with torch.no_grad():
        return Objective(plan, Cast(spoken))


def losses(stage: Objective, spoken: Any, labels: Tensor) -> dict[str, Callable[[], Tensor]]:
    """The stage's loss in one pass, and in one whose context stays as it is."""

    def shared() -> Tensor:
        found: Tensor = stage(spoken, labels, 0.0, {}).groups["student"]["distill"]
        return found

    def unshared() -> Tensor:
        with patch("kdcore.objective.terms.sharing", dict):
            return shared()

    return {"shared": shared, "unshared": unshared}


def seconds(loss: Callable[[], Tensor], backward: bool) -> float:
    """Of one pass."""
    began = time.process_time()
    found = loss()
    if backward:
        torch.autograd.backward(found)
    return time.process_time() - began


def compare(name: str, options: argparse.Namespace, backward: bool) -> dict[str, object]:
    """One line: ratios of pairs on fresh data."""
    stage = objective(*STAGES[name], features(options, 0))
    labels, order = torch.arange(options.batch) % 10, random.Random(0)
    taken: dict[str, list[float]] = {"shared": [], "unshared": []}
    equal = True
    for pair in range(options.pairs + 3):
        ways = losses(stage, features(options, pair), labels)
        equal &= torch.equal(ways["shared"](), ways["unshared"]())
        for way in order.sample(list(ways), len(ways)):
            taken[way].append(seconds(ways[way], backward))
    times = {way: np.array(found[3:]) for way, found in taken.items()}
    low, middle, high = np.percentile(times["shared"] / times["unshared"], [25, 50, 75])
    return {
        "stage": name,
        "measured": "loss and gradient" if backward else "loss",
        "shared / unshared": round(float(middle), 3),
        "quartiles": [round(float(low), 3), round(float(high), 3)],
        **{f"{way}_ms": round(1e3 * float(np.median(found)), 2) for way, found in times.items()},
        "equal": equal,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in STAGES:
        for backward in (False, True):
            print(json.dumps(compare(name, options, backward)), flush=True)
    print(json.dumps({**vars(options), "torch": torch.__version__}))


if __name__ == "__main__":
    main()
