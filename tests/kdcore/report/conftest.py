"""A result of measured logits and the records of three runs, as a job would leave them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from judging import judged, qualified
from torch import Tensor

from kdcore.export import Export
from kdcore.measure import Latency
from kdcore.measure.documents import Cost
from kdcore.report import Evidence, Measured, Result, build_result

LABELS = torch.arange(400) % 10
DELIVERED = Export("student.onnx", "onnx", 82_634, "ab" * 32, True, 5.7e-6, 4e-7, 1.0, 0.97)

COST = Cost(device="cpu", device_seconds=83.4, runs=[], energy_joules=None, energy_source=None)


def logits_that_miss(*missed: int) -> Tensor:
    """Logits [400, 10] that are right except on these examples, where they choose the next class."""
    logits = 4 * torch.eye(10)[LABELS]
    rows = list(missed)
    logits[rows] = 4 * torch.eye(10)[(LABELS[rows] + 1) % 10]
    return logits


LOGITS = {
    "teacher": logits_that_miss(*range(4)),
    "alone": logits_that_miss(*range(40)),
    "student": logits_that_miss(*range(10)),
}


@pytest.fixture(scope="session")
def make_result() -> Callable[..., Result]:
    def make(*, parts: tuple[str, ...] = ("teacher", "alone", "student"), **changes: Any) -> Result:
        names = changes.pop("class_names", None)
        measured = {
            part: Measured(
                architecture="resnet20" if part == "teacher" else "resnet8",
                options={"width": 0.5},
                quality=qualified(LOGITS[part], LABELS, names),
                parameters=272_282 if part == "teacher" else 19_810,
                macs=2_500_000 if part == "teacher" else 190_000,
                bytes=1_100_000 if part == "teacher" else 86_048,
                latency=Latency(0.2 if part == "teacher" else 0.05, 0.3, 1, 1, "onnxruntime 1.31", 500),
            )
            for part in parts
        }
        facts: dict[str, Any] = {
            "name": "digits-fitnet",
            "method": "fitnet",
            "measured": measured,
            "judged": {part: judged(LOGITS[part], LABELS, names) for part in parts},
            "evidence": Evidence(cost=COST),
            "exports": [DELIVERED],
            "dataset": {"name": "digits", "splits": {"train": 1294, "test": 400}},
            "versions": {"torch": "2.15.0"},
            "hashes": {"student": "cd" * 32},
            "durations": {"train": 83.4},
            "warnings": [],
            "resolved": {"machine": {"device": "cpu"}},
        }
        return build_result(**(facts | changes))

    return make


@pytest.fixture(scope="session")
def history() -> list[dict[str, Any]]:
    """Teacher and student alone for four epochs, then two hint and two distillation epochs; global steps."""
    records, step = [], 0
    for run in ("teacher", "alone", "distil"):
        for epoch in range(1, 5):
            step += 20
            stage = ("hint" if epoch <= 2 else "distil") if run == "distil" else "train"
            terms = {"loss": 2 / epoch, f"term.{stage}": 1 / epoch}
            where = {"run": run, "stage": stage, "step": step, "epoch": float(epoch)}
            records.append({**where, "split": "train", "values": {**terms, "lr": 0.1}})
            accuracy = {} if stage == "hint" else {"accuracy": 1 - 0.3 / epoch}
            records.append({**where, "split": "validation", "values": {**terms, **accuracy}})
    return records
