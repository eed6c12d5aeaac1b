"""After training: measure every network on the test split, export and check the student, write the report."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor, nn

from kdcore.diagnose import Diagnostics, diagnostics
from kdcore.errors import EngineError
from kdcore.export import FILES, Delivery, Export, ExportError, bundle, deliver, export_onnx
from kdcore.export.overhead import Overhead, overhead
from kdcore.export.weights import described_path
from kdcore.files import write_json
from kdcore.measure import Latency, Quality, correct, latencies, macs, parameters, predict, quality
from kdcore.objective.networks import fingerprint
from kdcore.prepare import Workshop, weights_file
from kdcore.report import Measured, Result, build_result, render
from kdcore.spec.plan import STUDENT, TEACHER
from kdcore.train.progress import Record, Report

ARTIFACTS = "artifacts"
CALIBRATION_PICTURES = 256
VERSIONS = ("distillery", "torch", "torchvision", "onnx", "onnxruntime", "numpy")

Phase = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Prover:
    """The three phases behind the training.

    Attributes:
        workshop, workdir: of the job.
        resolved: what ``prepare`` settled.
        phase: announces a phase and times it into ``durations``.
        ask: raises when the job is asked to stop.
        report: takes records.
    """

    workshop: Workshop
    workdir: Path
    resolved: dict[str, Any]
    phase: Phase
    durations: dict[str, float]
    ask: Callable[[], None]
    report: Report

    def prove(self) -> Result:
        """Measure, export and report; returns the content of ``result.json``."""
        folder = self.workdir / ARTIFACTS
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.ask()
        with self.phase("evaluate"):
            networks = self._networks()
            test = self.workshop.data.open_test()
            images = self.workshop.normalise(test.images)
            logits = {name: predict(network, images.to(self._device)).cpu() for name, network in networks.items()}
            qualities = self._qualities(logits, test.labels)
            found = diagnostics(self.workshop, self.workdir, networks)
        self.ask()
        with self.phase("export"):
            exports = self._export(networks["student"], folder)
            speeds = self._latencies(networks, folder)
            found["overhead"] = self._overhead(networks, folder)
        self.ask()
        with self.phase("report"):
            measured = {
                name: self._measured(name, network, qualities[name], speeds[name]) for name, network in networks.items()
            }
            return self._report(measured, logits, test.labels, exports, networks, folder, found)

    @property
    def _device(self) -> str:
        return self.workshop.machine.device

    def _networks(self) -> dict[str, nn.Module]:
        """Every network of the comparison with its final weights, by the name that the result gives it."""
        plan = self.workshop.plan
        runs = {run.name for run in plan.runs}
        found = {}
        if TEACHER in plan.networks:
            taught = TEACHER in runs or plan.networks[TEACHER].weights
            if taught:
                found["teacher"] = self.workshop.speaker(TEACHER, self.workdir)
        if "alone" in runs:
            found["alone"] = self.workshop.delivered(self.workdir, "alone")
        found["student"] = self.workshop.delivered(self.workdir)
        return {name: network.eval() for name, network in found.items()}

    def _qualities(self, logits: dict[str, Tensor], labels: Tensor) -> dict[str, Quality]:
        teacher = logits.get("teacher")
        return {
            name: quality(own, labels, teacher_logits=None if name == "teacher" else teacher)
            for name, own in logits.items()
        }

    def _export(self, student: nn.Module, folder: Path) -> list[Export]:
        """Write the formats; they are verified on the validation split, because withholding one is a choice."""
        calibration = self.workshop.normalise(self.workshop.data.train.images[:CALIBRATION_PICTURES])
        held_out = self.workshop.data.validation
        delivery = Delivery(
            student=student.cpu(),
            description=self._description(),
            input_shape=self.workshop.plan.dataset.input_shape,
            images=self.workshop.normalise(held_out.images),
            labels=held_out.labels,
            calibration=calibration,
        )
        exports = deliver(delivery, self.workshop.plan.deliver, folder)
        for export in exports:
            if not export.verified:
                message = f"{export.name} is withheld: {export.reason}"
                self.report({"type": "log", "level": "warning", "message": message})
        if not any(export.verified for export in exports):
            raise EngineError("export_failed", f"no format could be delivered: {exports[0].reason}", "/deliver")
        return exports

    def _description(self) -> dict[str, Any]:
        """What one needs to use the student: how to build it and how to feed it."""
        plan, network = self.workshop.plan, self.workshop.plan.networks[STUDENT]
        return {
            "architecture": network.architecture,
            "num_classes": network.num_classes,
            "options": network.options,
            "input_shape": list(plan.dataset.input_shape),
            "normalise": {"scale": 255, "mean": list(self.workshop.data.mean), "std": list(self.workshop.data.std)},
            "dataset": plan.dataset.name,
            "method": plan.method,
            **self._delivered_path(),
        }

    def _delivered_path(self) -> dict[str, Any]:
        plan = self.workshop.plan
        path = plan.paths.get(plan.delivers)
        if path is None:
            return {}
        lender = plan.networks[path.borrows] if path.borrows is not None else None
        borrowed = None if lender is None else lender.model_dump(include={"architecture", "num_classes", "options"})
        return {"path": described_path(path.model_dump(), borrowed)}

    def _latencies(self, networks: dict[str, nn.Module], folder: Path) -> dict[str, Latency | None]:
        """CPU latency of every network through onnxruntime, in turns; None for one that ONNX cannot say.

        The student alone has the distilled student's graph, so both are timed by the delivered file.
        """
        shape = self.workshop.plan.dataset.input_shape
        with tempfile.TemporaryDirectory(prefix="distillery-") as scratch:
            paths = {}
            for name, network in networks.items():
                delivered = folder / FILES["onnx"]
                if name in {"student", "alone"} and delivered.exists():
                    paths[name] = delivered
                    continue
                try:
                    export_onnx(network.cpu(), shape, path := Path(scratch, f"{name}.onnx"))
                    paths[name] = path
                except ExportError as error:
                    message = f"no latency of {name}: {error}"
                    self.report({"type": "log", "level": "warning", "message": message})
            found = latencies(paths, shape) if paths else {}
        return {name: found.get(name) for name in networks}

    def _overhead(self, networks: dict[str, nn.Module], folder: Path) -> Overhead | None:
        """The delivered graph against that of the student trained alone: did the method leave anything in it?"""
        delivered = folder / FILES["onnx"]
        if "alone" not in networks or not delivered.exists():
            return None
        with tempfile.TemporaryDirectory(prefix="distillery-") as scratch:
            plain = Path(scratch, "alone.onnx")
            try:
                export_onnx(networks["alone"].cpu(), self.workshop.plan.dataset.input_shape, plain)
            except ExportError:
                return None
            return overhead(delivered, plain)

    def _measured(self, name: str, network: nn.Module, figures: Quality, speed: Latency | None) -> Measured:
        described = self.workshop.plan.networks[TEACHER if name == "teacher" else STUDENT]
        return Measured(
            architecture=described.architecture,
            options=described.options,
            quality=figures,
            parameters=parameters(network),
            macs=macs(network, self.workshop.plan.dataset.input_shape),
            bytes=self._weights(name).stat().st_size,
            latency=speed,
        )

    def _weights(self, name: str) -> Path:
        """The file of weights whose size the result states."""
        given = self.workshop.plan.networks[TEACHER].weights if name == "teacher" else None
        return Path(given) if given else weights_file(self.workdir, {"student": "distil"}.get(name, name))

    def _report(
        self,
        measured: dict[str, Measured],
        logits: dict[str, Tensor],
        labels: Tensor,
        exports: list[Export],
        networks: dict[str, nn.Module],
        folder: Path,
        found: Diagnostics,
    ) -> Result:
        plan = self.workshop.plan
        right = {name: correct(own, labels).numpy() for name, own in logits.items()}
        document = build_result(
            name=plan.name,
            method=plan.method,
            measured=measured,
            correct=right,
            exports=exports,
            dataset=self._dataset(),
            versions={name: version(name) for name in VERSIONS},
            hashes={name: fingerprint(network) for name, network in networks.items()},
            durations=self.durations,
            warnings=[warning.model_dump() for warning in plan.warnings],
            diagnostics=found,
            resolved=self.resolved,
        )
        write_json(folder / "result.json", document)
        spec = plan.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
        text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)
        (folder / "spec.yaml").write_text(text, encoding="utf-8")
        render(document, self._history(), folder / "report.html", spec=text)
        for file in bundle(folder, {"plan": plan.document(), "resolved": self.resolved, **self._description()}):
            self.report({"type": "artifact", **asdict(file)})
        return document

    def _dataset(self) -> dict[str, Any]:
        plan = self.workshop.plan.dataset
        labels = self.workshop.plan.spec.student.labels
        return {
            "name": plan.name,
            "splits": plan.counts.model_dump(),
            "seed": plan.splits.seed,
            "student_labels": labels or plan.counts.train,
            "sha256": self.workshop.data.sha256(),
        }

    def _history(self) -> list[Record]:
        """The metric records of all runs."""
        records: list[Record] = []
        for run in self.workshop.plan.runs:
            records += json.loads((self.workdir / "runs" / run.name / "history.json").read_text())
        return records
