"""What quantisation-aware training was worth: the int8 file of the student with it, and of the student before it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from kdcore.export import FILES, export_int8, export_onnx
from kdcore.export.verification import file_answers
from kdcore.left import BEFORE
from kdcore.measure.documents import Quantisation, QuantisedScores
from kdcore.measure.predict import predict
from kdcore.prepare import Workshop, weights_file
from kdcore.proof.exporting import calibration
from kdcore.proof.unmeasured import Unmeasured
from kdcore.tasks import Judged
from kdcore.tasks.spread import difference

FORMAT = "onnx-int8"


@dataclass(frozen=True)
class Quantising:
    """Measures both students on the test split, as float networks and as int8 files made by the same export.

    Attributes:
        workshop, workdir: of the job.
        folder: of its artifacts.
    """

    workshop: Workshop
    workdir: Path
    folder: Path

    def run(self, student: nn.Module) -> Quantisation:
        """The document.

        Raises:
            Unmeasured: for a job whose student was not trained as int8.
            kdcore.export.ExportError: where there is no int8 file of one of them.
        """
        run = self.workshop.plan.run("distil")
        if run.quantised is None:
            raise Unmeasured("training.quantise was not asked for")
        path = weights_file(self.workdir, run.name).with_name(BEFORE)
        earlier = self.workshop.learnt(self.workshop.plan.delivers, {}, path).eval().cpu()
        with tempfile.TemporaryDirectory(prefix="distillery-") as scratch:
            before = self._judged(earlier, self._made(earlier, Path(scratch)))
            delivered = self.folder / FILES[FORMAT]
            after = self._judged(student, delivered if delivered.exists() else self._made(student, Path(scratch)))
        metric = self.workshop.task.watched.name
        found = difference(after[1], before[1], metric, seed=self.workshop.plan.spec.training.seed)
        return Quantisation(
            epochs=run.quantised.epochs,
            examples=found.examples,
            metric=metric,
            before=_scores(before, metric),
            after=_scores(after, metric),
            change=found.difference,
            interval=list(found.interval),
        )

    def _made(self, student: nn.Module, scratch: Path) -> Path:
        """The int8 file of a network, as a job delivers it."""
        plain, path = scratch / FILES["onnx"], scratch / FILES[FORMAT]
        export_onnx(student, self.workshop.plan.dataset.input_shape, plain, kind=self.workshop.data.kind)
        export_int8(plain, path, calibration(self.workshop))
        return path

    def _judged(self, student: nn.Module, file: Path) -> tuple[Judged, Judged]:
        """What the network and its file are worth on the test examples."""
        task, test, most = self.workshop.task, self.workshop.data.test, self.workshop.task.most_checked
        inputs, targets = self.workshop.normalise(test.inputs[:most]), test.targets[:most]
        said = predict(student, inputs), torch.from_numpy(file_answers(file, FORMAT, inputs))
        own, of_file = (Judged(task, task.statistics(task.decoded(student, outputs), targets)) for outputs in said)
        return own, of_file


def _scores(found: tuple[Judged, Judged], metric: str) -> QuantisedScores:
    plain, rounded = (float(judged.figures()[metric]) for judged in found)
    return QuantisedScores(as_float=plain, as_int8=rounded)
