"""What a result proves beside its scores, as an example: every document that a page or a report has to show."""

from __future__ import annotations

import math
import random
from typing import Any

from kdcore.measure.documents import (
    Alignment,
    Change,
    Changes,
    Cloud,
    Corruption,
    Cost,
    Parts,
    Reliability,
    ReliabilityBin,
    Robustness,
    RunCost,
    Shift,
    Speed,
)
from kdcore.report.result import ExportFigures, LatencyFigures, Licence

CLASSES = 10
POINTS = 200
SEVERITIES = (1, 3, 5)
CORRUPTIONS = ("gaussian_noise", "gaussian_blur", "contrast", "brightness")


def proven(result: dict[str, Any]) -> dict[str, Any]:
    """A measured result of a classification with the proof's documents put in, the same each time."""
    draw = random.Random(5)
    models = {role: _model(role, model, draw) for role, model in result["models"].items()}
    return {
        **result,
        "schema_version": 3,
        "models": models,
        "changes": [by_class(), by_group()],
        "robustness": robustness(),
        "shift": shift(),
        "alignment": alignment(draw),
        "cost": cost(),
        "exports": exports(),
        "licences": licences(),
    }


def _model(role: str, model: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    speeds = [_speed(role, batch, threads) for threads in (1, 2) for batch in (1, 8, 32)]
    metrics = {
        "accuracy": model["score"],
        "balanced_accuracy": model["score"] - 0.01,
        "matthews": model["score"] - 0.05,
    }
    return {
        **model,
        "metrics": metrics,
        "intervals": {name: [value - 0.02, value + 0.02] for name, value in metrics.items()},
        "reliability": reliability(0.02 if role == "teacher" else 0.06),
        "calibration_error": 0.02 if role == "teacher" else 0.06,
        "speeds": speeds,
        "memory_bytes": 9_000_000 if role == "teacher" else 4_000_000,
    }


def _speed(role: str, batch: int, threads: int) -> Speed:
    p50 = (2.0 if role == "teacher" else 0.2) * batch**0.8 / threads**0.5
    return {
        "batch": batch,
        "threads": threads,
        "p50": p50,
        "p95": 1.2 * p50,
        "throughput": 1000 * batch / p50,
        "runtime": "onnxruntime 1.23",
        "runs": 50,
    }


def reliability(error: float) -> Reliability:
    """Ten bins, the lowest three empty, all as much too sure as ``error`` says."""
    return {"error": error, "bins": [_bin(index, error) for index in range(10)]}


def _bin(index: int, error: float) -> ReliabilityBin:
    low, high, sure = index / 10, (index + 1) / 10, (index + 0.5) / 10
    if index < 3:
        return ReliabilityBin(low=low, high=high, examples=0, confidence=None, accuracy=None)
    examples = 2 ** (index - 2)
    return ReliabilityBin(low=low, high=high, examples=examples, confidence=sure, accuracy=max(0.0, sure - error))


def _parts(teacher: float, alone: float, student: float) -> Parts:
    return {"teacher": teacher, "alone": alone, "student": student}


def by_class() -> Changes:
    """Ten classes; the fourth and the ninth lose beyond chance."""
    lost = [{3: 0.12, 8: 0.2}.get(index, 0.01 * (index % 3)) for index in range(CLASSES)]
    parts = [_change(str(index), 36, _parts(0.98, 0.95 - less, 0.98 - less), 0.04) for index, less in enumerate(lost)]
    spread = _parts(0.02, 0.2, 0.2)
    return {
        "by": "class",
        "parts": parts,
        "worst": ["8", "3"],
        "spread": spread,
        "interval": [0.1, 0.26],
        "outcome": "amplifies",
        "left_out": 0,
    }


def by_group() -> Changes:
    """Two groups that fare alike."""
    parts = [_change(name, 180, _parts(0.97, 0.94, 0.96), 0.02) for name in ("line A", "line B")]
    return {
        "by": "group",
        "parts": parts,
        "worst": [],
        "spread": _parts(0.0, 0.0, 0.0),
        "interval": None,
        "outcome": "unclear",
        "left_out": 4,
    }


def _change(name: str, examples: int, values: Parts, reach: float) -> Change:
    teacher, alone, student = (values[role] or 0 for role in ("teacher", "alone", "student"))
    change = student - teacher
    interval = [change - reach, change + reach]
    return {
        "name": name,
        "examples": examples,
        "values": values,
        "change": change,
        "from_alone": student - alone,
        "interval": interval,
        "notable": interval[1] < 0,
    }


def robustness() -> Robustness:
    """Four disturbances of which each costs more the stronger it is, and the student the most."""
    clean = _parts(0.97, 0.94, 0.96)
    rows = [
        _corrupted(name, place, severity, clean) for place, name in enumerate(CORRUPTIONS) for severity in SEVERITIES
    ]
    mean: Parts = {role: sum(row["drop"][role] or 0 for row in rows) / len(rows) for role in clean}
    return Robustness(examples=300, clean=clean, rows=rows, mean_drop=mean)


def _corrupted(name: str, place: int, severity: int, clean: Parts) -> Corruption:
    teacher = 0.01 * severity * (1 + place / 2)
    drop = _parts(teacher, 1.5 * teacher, 1.3 * teacher)
    scores: Parts = {role: (value or 0) - (drop[role] or 0) for role, value in clean.items()}
    return Corruption(name=name, severity=severity, setting=f"strength {0.1 * severity:.1f}", scores=scores, drop=drop)


def shift() -> Shift:
    """No more than chance."""
    floor = {"w2": 0.31, "mmd": 0.0004}
    return Shift(space="before the last layer", width=32, examples=300, w2=0.34, mmd=0.0006, p_value=0.42, floor=floor)


def alignment(draw: random.Random) -> Alignment:
    """Ten clouds on a circle; the student's lie anywhere before the training and on the teacher's after it."""
    labels = [index % CLASSES for index in range(POINTS)]

    def cloud(spread: float) -> list[list[float]]:
        angles = [2 * math.pi * label / CLASSES for label in labels]
        return [[4 * math.cos(at) + draw.gauss(0, spread), 3 * math.sin(at) + draw.gauss(0, spread)] for at in angles]

    teacher = cloud(0.3)
    before = Cloud(student=cloud(2.5), teacher=teacher)
    after = Cloud(student=cloud(0.5), teacher=teacher)
    names = [f"stages.{stage}.blocks.{block}" for stage in range(3) for block in range(3)]
    students = names[::3]
    return Alignment(
        students=students,
        teachers=names,
        cka={"before": _likeness(students, names, 0.4), "after": _likeness(students, names, 0.9)},
        examples=300,
        projection={
            "before": before,
            "after": after,
            "labels": labels,
            "explained": 0.61,
            "residual": {"before": 0.83, "after": 0.21},
        },
    )


def _likeness(students: list[str], teachers: list[str], most: float) -> list[list[float]]:
    wide, high = len(teachers), len(students)
    return [[most * math.exp(-2 * abs(c / wide - r / high)) for c in range(wide)] for r in range(high)]


def cost() -> Cost:
    """Three runs on a processor that counts its energy."""
    seconds = {"teacher": 62.0, "alone": 20.0, "distil": 31.0}
    runs = [RunCost(run=run, seconds=taken) for run, taken in seconds.items()]
    return Cost(device="cpu", device_seconds=113.0, runs=runs, energy_joules=5400.0, energy_source="rapl")


def exports() -> list[ExportFigures]:
    """Three files that were verified, and one that is withheld."""
    large = "its file is as large as the float one"
    return [
        _export("student.safetensors", "safetensors", 80_000, None),
        _export("student.onnx", "onnx", 84_000, 1.0),
        _export("student.fp16.onnx", "onnx-fp16", 44_000, 0.52),
        {**_export("student.int8.onnx", "onnx-int8", 85_000, 1.01), "verified": False, "reason": large},
    ]


def _export(name: str, kind: str, size: int, share: float | None) -> ExportFigures:
    speed = LatencyFigures(p50=0.2, p95=0.25, batch=1, threads=1, runtime="onnxruntime 1.23", runs=50)
    return {
        "name": name,
        "format": kind,
        "bytes": size,
        "share_of_float": share,
        "latency_ms": None if share is None else speed,
        "score_interval": [0.93, 0.98],
        "sha256": "0" * 64,
        "verified": True,
        "max_difference": 1e-6,
        "mean_difference": 1e-7,
        "agreement": 1.0,
        "score": 0.96,
        "reason": None,
    }


def licences() -> list[Licence]:
    """A teacher that nobody may change, data that everybody may, and a model of which nobody knows."""
    return [
        _licence("teacher", "resnet8", "CC-BY-ND-4.0", "forbidden", "Attribution is due."),
        _licence("dataset", "digits", "CC-BY-4.0", "allowed"),
        _licence("student", "tiny", None, "unknown"),
    ]


def _licence(of: str, name: str, licence: str | None, derivatives: str, *notes: str) -> Licence:
    return Licence(
        of=of, name=name, licence=licence, derivatives=derivatives, notes=list(notes), via=[], permission=None
    )


def earlier(result: dict[str, Any]) -> dict[str, Any]:
    """The result as version 2 of it stood: without the proof's documents."""
    later = {"changes", "robustness", "shift", "alignment", "cost", "licences"}
    model = {"intervals", "speeds", "memory_bytes", "reliability"}
    file = {"share_of_float", "latency_ms", "score_interval"}
    return {
        **{name: value for name, value in result.items() if name not in later},
        "schema_version": 2,
        "models": {role: _without(one, model) for role, one in result["models"].items()},
        "exports": [_without(one, file) for one in result["exports"]],
    }


def _without(document: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}
