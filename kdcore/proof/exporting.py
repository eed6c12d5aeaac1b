"""The student's delivery: written in the formats that were asked for, checked, and described."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from kdcore.errors import EngineError
from kdcore.export import FILES, Delivery, Export, ExportError, Judge, deliver, export_onnx
from kdcore.export.overhead import Overhead, built_alike, overhead
from kdcore.export.weights import described_path
from kdcore.measure.intervals import Interval, bootstrap_interval
from kdcore.prepare import Workshop
from kdcore.spec.plan import STUDENT
from kdcore.tasks import Judged
from kdcore.tasks.spread import interval
from kdcore.train.progress import Report

CALIBRATION = 256


def calibration(workshop: Workshop) -> Tensor:
    """The training examples that an int8 file takes its ranges from, as networks get them."""
    return workshop.normalise(workshop.data.train.inputs[:CALIBRATION])


@dataclass(frozen=True)
class Exporter:
    """Writes the delivered files.

    Attributes:
        workshop: of the job.
        folder: of its artifacts.
        report: takes records.
    """

    workshop: Workshop
    folder: Path
    report: Report

    def run(self, student: nn.Module) -> list[Export]:
        """Write the formats; they are verified on the validation split, because withholding one is a choice."""
        held_out, most = self.workshop.data.validation, self.workshop.task.most_checked
        delivery = Delivery(
            student=student.cpu(),
            description=self.description(student),
            input_shape=self.workshop.plan.dataset.input_shape,
            inputs=self.workshop.normalise(held_out.inputs[:most]),
            judge=self._judge(student, held_out.targets[:most]),
            calibration=calibration(self.workshop),
            kind=self.workshop.data.kind,
            tokenizer=self._tokenizer(),
            special=self.workshop.plan.dataset.input.special,
        )
        exports = deliver(delivery, self.workshop.plan.deliver, self.folder)
        for export in exports:
            if not export.verified:
                message = f"{export.name} is withheld: {export.reason}"
                self.report({"type": "log", "level": "warning", "message": message})
        if not any(export.verified for export in exports):
            raise EngineError("export_failed", f"no format could be delivered: {exports[0].reason}", "/deliver")
        return exports

    def _tokenizer(self) -> Path | None:
        """The file that cut the dataset's texts into tokens, where it came with one."""
        dataset = self.workshop.plan.dataset
        if dataset.pack is None or dataset.input.tokenizer is None:
            return None
        path = self.workshop.folder / dataset.pack / dataset.input.tokenizer
        return path if path.is_file() else None

    def _judge(self, student: nn.Module, targets: Tensor) -> Judge:
        """Of outputs for held-out inputs, read as those of the student."""
        task, metric = self.workshop.task, self.workshop.task.watched

        def judged(outputs: Tensor) -> Judged:
            return Judged(task, task.statistics(task.decoded(student, outputs), targets))

        def score(outputs: Tensor) -> float:
            return float(judged(outputs).figures()[metric.name])

        def sure(outputs: Tensor) -> Interval:
            found = judged(outputs)
            if metric.name == "accuracy":
                return bootstrap_interval(found.right())
            return interval(found, metric.name)

        def alike(one: Tensor, other: Tensor) -> float:
            return task.alike(task.decoded(student, one), task.decoded(student, other))

        return Judge(score, alike, metric.higher_is_better, sure)

    def description(self, student: nn.Module) -> dict[str, Any]:
        """What one needs to use the student: how to build it and how to feed it."""
        plan, network = self.workshop.plan, self.workshop.plan.networks[STUDENT]
        return {
            "architecture": network.architecture,
            "num_classes": network.num_classes,
            "options": network.options,
            "input_shape": list(plan.dataset.input_shape),
            "input_kind": plan.dataset.input.kind,
            "task": plan.dataset.task,
            "classes": list(plan.dataset.target.classes),
            "normalise": self._normalise(),
            **self._target(),
            **self.workshop.task.reading(student),
            "dataset": plan.dataset.name,
            "method": plan.method,
            **self._delivered_path(),
        }

    def _normalise(self) -> dict[str, Any]:
        data, by = self.workshop.data, self.workshop.normalise
        return {"scale": by.scale, "mean": list(data.mean), "std": list(data.std)}

    def _target(self) -> dict[str, Any]:
        """How outputs become values: ``output * std + mean``."""
        target = self.workshop.plan.dataset.target
        return {"targets": {"mean": list(target.mean), "std": list(target.std)}} if target.std else {}

    def _delivered_path(self) -> dict[str, Any]:
        plan = self.workshop.plan
        path = plan.paths.get(plan.delivers)
        if path is None:
            return {}
        lender = plan.networks[path.borrows] if path.borrows is not None else None
        borrowed = None if lender is None else lender.model_dump(include={"architecture", "num_classes", "options"})
        return {"path": described_path(path.model_dump(), borrowed)}

    def overhead(self, networks: Mapping[str, nn.Module]) -> Overhead | None:
        """The delivered graph against that of the student trained alone: did the method leave anything in it?

        Networks that are built alike have one graph, and it is not written twice.
        """
        delivered = self.folder / FILES["onnx"]
        if "alone" not in networks or not delivered.exists():
            return None
        if built_alike(networks["student"], networks["alone"]):
            return overhead(delivered, delivered)
        with tempfile.TemporaryDirectory(prefix="distillery-") as scratch:
            plain = Path(scratch, "alone.onnx")
            try:
                export_onnx(
                    networks["alone"].cpu(), self.workshop.plan.dataset.input_shape, plain, kind=self.workshop.data.kind
                )
            except ExportError:
                return None
            return overhead(delivered, plain)
