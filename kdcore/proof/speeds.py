"""How fast each network answers on this machine's CPU, through the very files that are delivered."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from kdcore.export import FILES, ExportError, export_onnx
from kdcore.export.footprint import memory_bytes
from kdcore.measure import Latency, latencies
from kdcore.measure.documents import Speed
from kdcore.measure.speeds import speeds
from kdcore.prepare import Workshop
from kdcore.spec.plan import TEACHER
from kdcore.spec.tasks import InputKind
from kdcore.train.progress import Report

SINGLE_SECONDS = 0.5
"""For each file, of the one batch size that every comparison is made with."""


@dataclass(frozen=True)
class Timed:
    """What one network's file takes; nothing where there is none.

    Attributes:
        latency: batch of one, one thread.
        speeds: further sizes.
        memory_bytes: see `kdcore.export.footprint`.
    """

    latency: Latency | None = None
    speeds: Sequence[Speed] = ()
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Speeds:
    """The timing of every network.

    Attributes:
        workshop: of the job.
        folder: of its artifacts.
        report: takes records.
    """

    workshop: Workshop
    folder: Path
    report: Report

    @property
    def _kind(self) -> InputKind:
        return self.workshop.data.kind

    def run(self, networks: Mapping[str, nn.Module]) -> dict[str, Timed]:
        """Every network through onnxruntime on the CPU, in turns; empty for one that ONNX cannot say.

        The student alone has the distilled student's graph, so the delivered file is timed for both.
        """
        with tempfile.TemporaryDirectory(prefix="distillery-") as scratch:
            paths = self._paths(networks, Path(scratch))
            found = self._timed({str(path): path for path in paths.values()})
        return {name: found[str(paths[name])] if name in paths else Timed() for name in networks}

    def _timed(self, paths: Mapping[str, Path]) -> dict[str, Timed]:
        """Each file once, by its path."""
        if not paths:
            return {}
        shape = self.workshop.plan.dataset.input_shape
        single, further = latencies(paths, shape, seconds=SINGLE_SECONDS), speeds(paths, shape)
        return {name: Timed(single[name], further[name], memory_bytes(path, shape)) for name, path in paths.items()}

    def _paths(self, networks: Mapping[str, nn.Module], scratch: Path) -> dict[str, Path]:
        shape, paths = self.workshop.plan.dataset.input_shape, dict[str, Path]()
        for name, network in networks.items():
            delivered = self.folder / FILES["onnx"]
            if name in {"student", "alone"} and delivered.exists():
                paths[name] = delivered
                continue
            if name == TEACHER and self._kind_of_teacher != "built":
                paths |= self._own_graph()
                continue
            try:
                export_onnx(network.cpu(), shape, path := scratch / f"{name}.onnx", kind=self._kind)
                paths[name] = path
            except ExportError as error:
                message = f"no latency of {name}: {error}"
                self.report({"type": "log", "level": "warning", "message": message})
        return paths

    @property
    def _kind_of_teacher(self) -> str:
        return self.workshop.plan.networks[TEACHER].kind

    def _own_graph(self) -> dict[str, Path]:
        """A black box's own file, where it takes the inputs that the others are timed with."""
        network = self.workshop.plan.networks[TEACHER]
        plain = network.kind == "onnx" and not network.options["channels_last"] and network.options["batch"] is None
        if not plain or network.weights is None or self._kind == "tokens":
            return {}
        return {TEACHER: self.workshop.folder / network.weights}
