"""After training: measure every network on the test split, export and check the student, write the report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from torch import nn

from kdcore.diagnose import Diagnostics
from kdcore.export import Export, bundle
from kdcore.export.provenance import versions
from kdcore.files import write_json
from kdcore.left import history_of
from kdcore.measure import Quality, macs, parameters
from kdcore.measure.documents import Cost, Quantisation
from kdcore.objective.networks import fingerprint
from kdcore.prepare import Workshop
from kdcore.proof.evaluation import Evaluated, Evaluation
from kdcore.proof.exporting import Exporter
from kdcore.proof.provenance import Recorder
from kdcore.proof.quantising import Quantising
from kdcore.proof.speeds import Speeds, Timed
from kdcore.proof.unmeasured import tried
from kdcore.report import Evidence, Measured, Result, build_result, render
from kdcore.report.card import write_card
from kdcore.report.result import Licence
from kdcore.spec.plan import STUDENT, TEACHER
from kdcore.train.progress import Record, Report

ARTIFACTS = "artifacts"

Phase = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Prover:
    """The three phases behind the training.

    Attributes:
        workshop, workdir: of the job.
        resolved: what ``prepare`` settled.
        phase: announces a phase and times it into ``durations``.
        cost: of the training.
        ask: raises when the job is asked to stop.
        report: takes records.
    """

    workshop: Workshop
    workdir: Path
    resolved: dict[str, Any]
    phase: Phase
    durations: dict[str, float]
    cost: Cost
    ask: Callable[[], None]
    report: Report

    def prove(self) -> Result:
        """Measure, export and report; returns the content of ``result.json``."""
        folder = self.workdir / ARTIFACTS
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.ask()
        with self.phase("evaluate"):
            found = Evaluation(self.workshop, self.workdir, self.report).run()
        self.ask()
        exporter = Exporter(self.workshop, folder, self.report)
        with self.phase("export"):
            exports = exporter.run(found.networks[STUDENT])
            speeds = Speeds(self.workshop, folder, self.report).run(found.networks)
            quantised = self._quantised(found)
            noticed = {**found.diagnostics, "overhead": exporter.overhead(found.networks)}
        self.ask()
        with self.phase("report"):
            description = exporter.description(found.networks[STUDENT])
            return self._report(found, exports, speeds, quantised, noticed, description, folder)

    def _quantised(self, found: Evaluated) -> Quantisation | None:
        measure = Quantising(self.workshop, self.workdir, self.workdir / ARTIFACTS)

        def warn(message: str) -> None:
            self.report({"type": "log", "level": "warning", "message": message})

        return tried("quantisation", lambda: measure.run(found.networks[STUDENT]), found.gathered.reasons, warn)

    def _measured(self, name: str, network: nn.Module, figures: Quality, timed: Timed) -> Measured:
        described = self.workshop.plan.networks[TEACHER if name == "teacher" else STUDENT]
        weights = self._recorder.weights_of(name)
        return Measured(
            architecture=described.architecture,
            options=described.options,
            quality=figures,
            parameters=parameters(network) if described.kind == "built" else described.parameters or None,
            macs=self._macs(network) if described.kind == "built" else None,
            bytes=None if weights is None else weights.stat().st_size,
            latency=timed.latency,
            speeds=timed.speeds,
            memory_bytes=timed.memory_bytes,
        )

    @property
    def _recorder(self) -> Recorder:
        return Recorder(self.workshop, self.workdir, self.workdir / ARTIFACTS)

    def _macs(self, network: nn.Module) -> int:
        return macs(network, self.workshop.plan.dataset.input_shape, self.workshop.data.kind)

    def _report(
        self,
        found: Evaluated,
        exports: list[Export],
        speeds: Mapping[str, Timed],
        quantised: Quantisation | None,
        noticed: Diagnostics,
        description: dict[str, Any],
        folder: Path,
    ) -> Result:
        plan = self.workshop.plan
        document = build_result(
            name=plan.name,
            method=plan.method,
            measured={
                name: self._measured(name, network, found.qualities[name], speeds[name])
                for name, network in found.networks.items()
            },
            judged=found.judged,
            evidence=Evidence(
                cost=self.cost,
                changes=found.gathered.changes,
                robustness=found.gathered.robustness,
                shift=found.gathered.shift,
                alignment=found.gathered.alignment,
                quantisation=quantised,
                licences=self._licences(),
            ),
            exports=exports,
            dataset=self._dataset(),
            versions=versions(),
            hashes={name: fingerprint(network) for name, network in found.networks.items()},
            durations=self.durations,
            warnings=[warning.model_dump() for warning in plan.warnings],
            diagnostics=noticed,
            resolved=self.resolved,
        )
        write_json(folder / "result.json", document)
        self._describe(document, description, folder)
        return document

    def _describe(self, document: Result, description: dict[str, Any], folder: Path) -> None:
        """Write what tells people of the files, then seal all of them."""
        plan = self.workshop.plan
        spec = plan.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
        text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)
        (folder / "spec.yaml").write_text(text, encoding="utf-8")
        render(document, self._history(), folder / "report.html", spec=text)
        provenance = self._recorder.provenance(
            spec=spec,
            resolved=self.resolved,
            student=description,
            versions=document["versions"],
            fingerprints=document["hashes"],
        )
        write_card(document, plan, provenance, folder)
        for file in bundle(folder, provenance):
            self.report({"type": "artifact", **asdict(file)})

    def _licences(self) -> list[Licence]:
        """What the job worked under, and by whose permission where a licence forbids derivatives."""
        return [cast(Licence, one.model_dump(mode="json")) for one in self.workshop.plan.licences]

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
            records += history_of(self.workdir, run.name)
        return records
