"""The ONNX file in 8-bit integers: static quantisation, calibrated on training pictures, per output channel."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from kdcore.export.errors import ExportError, root_cause
from kdcore.export.graph import tidy
from kdcore.export.quiet import quiet
from kdcore.export.slim import slim

LEAST_CALIBRATION = 32
MOST_CALIBRATION = 512
CALIBRATION_BATCH = 32

FLOAT = frozenset({"Where", "Softmax"})
"""Operators whose inputs and outputs stay in float: a mask writes a number for minus infinity beside scores of a few
units, on which softmax then works, and one range for both would leave nothing of the scores."""


def export_int8(onnx_path: Path, path: Path, calibration: Tensor, metadata: Mapping[str, Any] | None = None) -> None:
    """Quantise the float ONNX file at ``onnx_path`` into ``path`` (QDQ format, signed activations and weights).

    The ranges of the activations come from the first pictures of ``calibration`` [N, ...], 32 to 512 of them.
    """
    if len(calibration) < LEAST_CALIBRATION:
        raise ExportError(
            f"int8 needs {LEAST_CALIBRATION} training examples to calibrate its ranges and got {len(calibration)}"
        )
    part = path.with_name(f".{path.name}.part")
    try:
        with quiet():
            _quantise(onnx_path, part, calibration[:MOST_CALIBRATION])
    except OSError:
        raise
    except Exception as error:
        part.unlink(missing_ok=True)
        raise ExportError(f"onnxruntime cannot quantise the network: {root_cause(error)}") from error
    tidy(part, metadata or {})
    slim(part)
    os.replace(part, path)


def _quantise(onnx_path: Path, path: Path, calibration: Tensor) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.batches = _batches(_input_of(onnx_path), calibration)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.batches, None)

    quantize_static(
        str(onnx_path),
        str(path),
        Reader(),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=sorted({*QDQRegistry, *QLinearOpsRegistry} - FLOAT),
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
    )


def _input_of(path: Path) -> str:
    import onnx

    return str(onnx.load(str(path), load_external_data=False).graph.input[0].name)


def _batches(name: str, calibration: Tensor) -> Iterator[dict[str, np.ndarray]]:
    for start in range(0, len(calibration), CALIBRATION_BATCH):
        yield {name: calibration[start : start + CALIBRATION_BATCH].cpu().numpy()}
