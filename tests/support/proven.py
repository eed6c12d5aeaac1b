"""A result whose every document is filled, as a job with pictures of ten kinds would leave it."""

from __future__ import annotations

import copy
import math
import random
from typing import Any, cast

from kdcore.report import Result

SCORES = {"teacher": 0.99, "alone": 0.9, "student": 0.975}


def proven(result: Result) -> Result:
    """The same result with intervals, reliability, changes, robustness, shift, alignment, cost, speeds and licences."""
    whole: dict[str, Any] = copy.deepcopy(dict(result))
    parts = list(whole["models"])
    for part in parts:
        model = whole["models"][part]
        quick = 4.0 if part == "teacher" else 1.0
        model["speeds"] = [_speed(batch, threads, quick) for batch in (1, 8, 32) for threads in (1, 2)]
        model["memory_bytes"] = int(8e6 * quick)
        model["intervals"] = {name: [value - 0.01, value + 0.01] for name, value in model["metrics"].items()}
        model["reliability"] = reliability(SCORES[part])
    whole["changes"] = [changes("class", 10), changes("group", 3)]
    whole["robustness"] = robustness(parts)
    whole["shift"] = dict(
        space="features", width=16, examples=400, w2=0.12, mmd=0.004, p_value=0.2, floor={"w2": 0.1, "mmd": 0.001}
    )
    whole["alignment"] = alignment()
    runs = [{"run": run, "seconds": 20.0} for run in ("teacher", "alone", "distil")]
    whole["cost"] = dict(device="cpu", device_seconds=60.0, runs=runs, energy_joules=5200.0, energy_source="rapl")
    whole["licences"] = [
        _licence(of="teacher", name="resnet20", licence="Apache-2.0"),
        _licence(of="data", name="digits", licence="CC BY 4.0", notes=["name the source"]),
    ]
    for export in whole["exports"]:
        export |= {"share_of_float": 1.0, "score_interval": [0.95, 0.99]}
    return cast(Result, whole)


def _licence(**stated: Any) -> dict[str, Any]:
    return {"derivatives": "allowed", "notes": [], "via": [], "permission": None, **stated}


def _speed(batch: int, threads: int, quick: float) -> dict[str, Any]:
    time = quick * 0.05 * batch**0.8 / threads**0.5
    rate = 1000 * batch / time
    return dict(
        batch=batch, threads=threads, p50=time, p95=1.3 * time, throughput=rate, runtime="onnxruntime 1.31", runs=100
    )


def reliability(score: float, bins: int = 15) -> dict[str, Any]:
    """Bins of a network that is a little too sure of itself."""
    rows = []
    for index in range(bins):
        low, high = index / bins, (index + 1) / bins
        middle = (low + high) / 2
        right = None if index < 5 else max(0.0, middle - 0.05 * (1 - score) * bins)
        rows.append(
            dict(
                low=low,
                high=high,
                examples=10 * index,
                confidence=middle if right is not None else None,
                accuracy=right,
            )
        )
    return {"error": 0.02, "bins": rows}


def changes(by: str, count: int) -> dict[str, Any]:
    """Classes or groups of which the second loses beyond chance."""
    parts = []
    for index in range(count):
        change = -0.12 if index == 1 else 0.01 * math.sin(index)
        values = {"teacher": 0.98, "alone": 0.9, "student": 0.98 + change}
        parts.append(
            dict(
                name=f"{by} {index}", examples=40, values=values, change=change, from_alone=change + 0.08,
                interval=[change - 0.05, change + 0.05], notable=index == 1,
            )
        )  # fmt: skip
    spread = {"teacher": 0.02, "alone": 0.1, "student": 0.14}
    return dict(by=by, parts=parts, worst=[f"{by} 1"], spread=spread, interval=[0.02, 0.2], outcome="amplifies")


def robustness(parts: list[str]) -> dict[str, Any]:
    """Five disturbances at three severities, the student a little weaker than its teacher."""
    rows = []
    for name in ("gaussian_noise", "gaussian_blur", "contrast", "brightness", "occlusion"):
        for severity in (1, 3, 5):
            drop = {part: (0.03 if part == "teacher" else 0.05) * severity for part in parts}
            scores = {part: SCORES[part] - drop[part] for part in parts}
            rows.append(dict(name=name, severity=severity, setting=f"σ = 0.{severity}", scores=scores, drop=drop))
    mean = {part: 0.09 if part == "teacher" else 0.15 for part in parts}
    return dict(examples=400, clean={part: SCORES[part] for part in parts}, rows=rows, mean_drop=mean)


def alignment(blocks: int = 9, points: int = 200) -> dict[str, Any]:
    """A student of three blocks and a teacher of more, whose features draw together."""
    luck = random.Random(0)
    cka = {
        time: [[max(0.0, high - abs(row * blocks / 3 - col) / blocks) for col in range(blocks)] for row in range(3)]
        for time, high in (("before", 0.4), ("after", 0.95))
    }
    labels = [index % 10 for index in range(points)]
    teacher = [[math.cos(label) * 3 + luck.gauss(0, 0.3), math.sin(label) * 3 + luck.gauss(0, 0.3)] for label in labels]
    near = [[x + luck.gauss(0, 0.3), y + luck.gauss(0, 0.3)] for x, y in teacher]
    far = [[luck.gauss(0, 2), luck.gauss(0, 2)] for _ in labels]
    projection = dict(
        before={"student": far, "teacher": teacher}, after={"student": near, "teacher": teacher},
        labels=labels, explained=0.41, residual={"before": 0.93, "after": 0.22},
    )  # fmt: skip
    students, teachers = [f"blocks.{i}" for i in range(3)], [f"blocks.{i}" for i in range(blocks)]
    return dict(students=students, teachers=teachers, cka=cka, examples=256, projection=projection)
