"""All formats that a job asked for, written, verified, and either offered or withheld with the reason."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.export.errors import ExportError
from kdcore.export.graph import export_onnx
from kdcore.export.int8 import export_int8
from kdcore.export.verification import Export, verify, withheld
from kdcore.export.weights import export_safetensors
from kdcore.measure.predict import predict

FILES = {
    "safetensors": "student.safetensors",
    "onnx": "student.onnx",
    "onnx-int8": "student.int8.onnx",
}
"""Format -> file name; a job's ``deliver`` may ask for these."""


@dataclass(frozen=True)
class Delivery:
    """What exports are made of.

    Attributes:
        student: the trained network.
        description: ``architecture``, ``num_classes`` and ``options`` that ``kdcore.models.build`` takes, and what
            else a file should say to those who run it, such as class names and normalisation.
        input_shape: shape of one input, without the batch axis.
        images: held-out inputs [N, ...] that every export must answer as the student does.
        labels: their labels [N].
        calibration: training inputs that int8 takes its ranges from.
    """

    student: nn.Module
    description: Mapping[str, Any]
    input_shape: Sequence[int]
    images: Tensor
    labels: Tensor
    calibration: Tensor


def deliver(delivery: Delivery, wanted: Sequence[str], folder: Path) -> list[Export]:
    """Write the ``wanted`` formats into ``folder`` as student.*; an export that fails is withheld, not fatal."""
    logits = _exact_logits(delivery)
    return [_deliver_one(delivery, format, folder, logits) for format in wanted]


def _deliver_one(delivery: Delivery, format: str, folder: Path, logits: Tensor) -> Export:
    if format not in FILES:
        raise ValueError(f"unknown format {format!r}; known: {', '.join(FILES)}")
    path = folder / FILES[format]
    with tempfile.TemporaryDirectory(prefix="distillery-export-") as scratch:
        offered = folder / FILES["onnx"]
        float_onnx = offered if offered.exists() else Path(scratch, offered.name)
        try:
            _write(delivery, format, path, float_onnx)
        except ExportError as error:
            return withheld(path.name, format, str(error))
        return verify(
            path,
            format=format,
            images=delivery.images,
            labels=delivery.labels,
            logits=logits,
            smaller_than=float_onnx if format == "onnx-int8" else None,
        )


def _write(delivery: Delivery, format: str, path: Path, float_onnx: Path) -> None:
    match format:
        case "safetensors":
            export_safetensors(delivery.student, path, delivery.description)
        case "onnx":
            export_onnx(delivery.student, delivery.input_shape, path, delivery.description)
        case "onnx-int8":
            if not float_onnx.exists():
                export_onnx(delivery.student, delivery.input_shape, float_onnx)
            export_int8(float_onnx, path, delivery.calibration, delivery.description)


def _exact_logits(delivery: Delivery) -> Tensor:
    # TF32, which CUDA convolutions use unasked, is 1,000 times coarser than the comparison that follows.
    with torch.backends.cudnn.flags(allow_tf32=False):
        return predict(delivery.student, delivery.images)
