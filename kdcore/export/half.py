"""The ONNX file in 16-bit floating point: half the bytes, the same inputs and outputs in 32 bits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdcore.export.errors import ExportError, root_cause
from kdcore.export.graph import tidy
from kdcore.export.quiet import quiet

LARGEST = 65504.0
"""The largest number that half precision has."""
WEIGHED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""Operators that multiply by weights; a constant elsewhere may stand for infinity, as in a mask, and may be cut."""


def export_half(onnx_path: Path, path: Path, metadata: Mapping[str, Any] | None = None) -> None:
    """Write the float ONNX file at ``onnx_path`` with half-precision weights and arithmetic into ``path``.

    Operators that lose too much in half precision stay in float32, as onnxruntime lists them.

    Raises:
        ExportError: weights are too large, or onnxruntime cannot write it.
    """
    import onnx

    _check_weights(onnx.load(str(onnx_path)))
    part = path.with_name(f".{path.name}.part")
    try:
        with quiet():
            onnx.save(_converted(onnx.load(str(onnx_path))), str(part))
    except OSError:
        raise
    except Exception as error:
        part.unlink(missing_ok=True)
        raise ExportError(f"onnxruntime cannot write the network in half precision: {root_cause(error)}") from error
    tidy(part, metadata or {})
    os.replace(part, path)


def _converted(model: Any) -> Any:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=True, max_finite_val=LARGEST)


def _check_weights(model: Any) -> None:
    """No weight may be cut off: the network would be another one."""
    import numpy as np
    from onnx import numpy_helper

    weights = {name for node in model.graph.node if node.op_type in WEIGHED for name in node.input}
    values = [np.abs(numpy_helper.to_array(one)) for one in model.graph.initializer if one.name in weights]
    beyond = sum(int((value > LARGEST).sum()) for value in values)
    if beyond:
        most = max(float(value.max()) for value in values)
        raise ExportError(
            f"{beyond:,} weights lie beyond {LARGEST:,.0f}, the largest number in half precision (up to {most:.3g})"
        )
