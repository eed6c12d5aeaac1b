"""All formats that a job asked for, written, verified, and either offered or withheld with the reason."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from kdcore.export.errors import ExportError
from kdcore.export.graph import export_onnx
from kdcore.export.half import export_half
from kdcore.export.int8 import export_int8
from kdcore.export.loader import CONFIG, CONSTANTS, LOADER, WEIGHTS, export_loader
from kdcore.export.program import export_program, exported
from kdcore.export.sizes import remove
from kdcore.export.transformers import export_huggingface
from kdcore.export.verification import Export, Judge, verify, withheld
from kdcore.export.weights import export_safetensors
from kdcore.measure.latency import latencies
from kdcore.measure.predict import predict
from kdcore.spec.tasks import InputKind

FILES = {
    "safetensors": WEIGHTS,
    "onnx": "student.onnx",
    "onnx-fp16": "student.fp16.onnx",
    "onnx-int8": "student.int8.onnx",
    "torch-export": "student.pt2",
    "huggingface": "hf",
}
"""Format -> file or folder; a job's ``deliver`` may ask for these."""

SMALLER = ("onnx-fp16", "onnx-int8")
"""Formats that are there for their size."""

TIMED_SECONDS = 0.5


@dataclass(frozen=True)
class Delivery:
    """What exports are made of.

    Attributes:
        student: the trained network.
        description: ``architecture``, ``num_classes`` and ``options`` that ``kdcore.models.build`` takes, and what
            else a file should say to those who run it, such as class names and normalisation.
        input_shape: shape of one input, without the batch axis.
        inputs: held-out inputs [N, ...] that every export must answer as the student does.
        judge: of the answers.
        calibration: training inputs that int8 takes its ranges from.
        kind: of the inputs.
        tokenizer: of token ids, the file that made them; ``special`` tokens by name.
    """

    student: nn.Module
    description: Mapping[str, Any]
    input_shape: Sequence[int]
    inputs: Tensor
    judge: Judge
    calibration: Tensor
    kind: InputKind = "image"
    tokenizer: Path | None = None
    special: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def program(self) -> ExportedProgram:
        """The student as PyTorch exports it."""
        return exported(self.student, self.input_shape, self.kind)

    @cached_property
    def answers(self) -> Tensor:
        """What the student says of ``inputs``."""
        # TF32, which CUDA convolutions use unasked, is 1,000 times coarser than the comparison that follows.
        with torch.backends.cudnn.flags(allow_tf32=False):
            return predict(self.student, self.inputs)


def deliver(delivery: Delivery, wanted: Sequence[str], folder: Path) -> list[Export]:
    """Write the ``wanted`` formats into ``folder`` as student.*; an export that fails is withheld, not fatal.

    The weights come with a loader that needs no Distillery, which is checked, and withheld, on its own.
    """
    unknown = [format for format in wanted if format not in FILES]
    if unknown:
        raise ValueError(f"unknown format {unknown[0]!r}; known: {', '.join(FILES)}")
    with tempfile.TemporaryDirectory(prefix="distillery-export-") as scratch:
        writer = _Writer(delivery, folder, Path(scratch))
        made = [export for format in wanted for export in writer.made(format)]
        return writer.timed(made)


@dataclass(frozen=True)
class _Writer:
    """Writes formats one after the other; ``scratch`` holds what nobody asked for."""

    delivery: Delivery
    folder: Path
    scratch: Path

    def made(self, format: str) -> list[Export]:
        found = [self._checked(format, self.folder / FILES[format])]
        return [*found, self._loader()] if format == "safetensors" and found[0].verified else found

    def _checked(self, format: str, path: Path) -> Export:
        delivery = self.delivery
        try:
            self._write(format, path)
        except ExportError as error:
            remove(path)
            return withheld(path.name, format, str(error))
        return verify(
            path,
            format=format,
            inputs=delivery.inputs,
            answers=delivery.answers,
            judge=delivery.judge,
            smaller_than=self._float_onnx() if format in SMALLER else None,
        )

    def _write(self, format: str, path: Path) -> None:
        delivery = self.delivery
        match format:
            case "safetensors":
                export_safetensors(delivery.student, path, delivery.description)
            case "onnx":
                export_onnx(delivery.student, delivery.input_shape, path, delivery.description, kind=delivery.kind)
            case "onnx-fp16":
                export_half(self._float_onnx(), path, delivery.description)
            case "onnx-int8":
                export_int8(self._float_onnx(), path, delivery.calibration, delivery.description)
            case "torch-export":
                export_program(delivery.program, path)
            case "huggingface":
                given, special = delivery.tokenizer, delivery.special
                export_huggingface(delivery.student, path, delivery.description, tokenizer=given, special=special)
            case "loader":
                export_loader(delivery.program, self.folder, delivery.description)

    def _loader(self) -> Export:
        export = self._checked("loader", self.folder / LOADER)
        if not export.verified:
            for name in (CONFIG, CONSTANTS):
                remove(self.folder / name)
        return export

    def _float_onnx(self) -> Path:
        """The float file, the delivered one where there is one."""
        delivery, offered = self.delivery, self.folder / FILES["onnx"]
        if offered.exists():
            return offered
        path = self.scratch / offered.name
        if not path.exists():
            export_onnx(delivery.student, delivery.input_shape, path, kind=delivery.kind)
        return path

    def timed(self, made: Sequence[Export]) -> list[Export]:
        """The exports with the time that onnxruntime takes for one input, in turns, and their share of its size."""
        paths = {one.format: self.folder / one.name for one in made if one.verified and one.name.endswith(".onnx")}
        times = latencies(paths, self.delivery.input_shape, seconds=TIMED_SECONDS) if paths else {}
        return [replace(one, latency_ms=times.get(one.format), share_of_float=self._share(one)) for one in made]

    def _share(self, one: Export) -> float | None:
        if one.bytes is None or not one.name.endswith(".onnx"):
            return None
        return one.bytes / self._float_onnx().stat().st_size if one.format != "onnx" else 1.0
