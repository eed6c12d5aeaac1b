"""The ONNX file in 16-bit floating point: half the bytes, the same inputs and outputs in 32 bits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdcore.export.errors import ExportError, root_cause
from kdcore.export.graph import tidy
from kdcore.export.quiet import quiet


def export_half(onnx_path: Path, path: Path, metadata: Mapping[str, Any] | None = None) -> None:
    """Write the float ONNX file at ``onnx_path`` with half-precision weights and arithmetic into ``path``.

    Operators that lose too much in half precision stay in float32, as onnxruntime lists them.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    part = path.with_name(f".{path.name}.part")
    try:
        with quiet():
            onnx.save(convert_float_to_float16(onnx.load(str(onnx_path)), keep_io_types=True), str(part))
    except OSError:
        raise
    except Exception as error:
        part.unlink(missing_ok=True)
        raise ExportError(f"onnxruntime cannot write the network in half precision: {root_cause(error)}") from error
    tidy(part, metadata or {})
    os.replace(part, path)
