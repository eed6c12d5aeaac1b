"""The student as one ONNX file: dynamic batch, weights inside, nothing of this machine in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdcore.export.errors import ExportError, root_cause
from kdcore.export.quiet import quiet
from kdcore.export.weights import header
from kdcore.measure.example import NAMES, example
from kdcore.measure.predict import device_of, evaluating
from kdcore.spec.tasks import InputKind

OUTPUT = "logits"


def export_onnx(
    module: nn.Module,
    input_shape: Sequence[int],
    path: Path,
    metadata: Mapping[str, Any] | None = None,
    *,
    kind: InputKind = "image",
) -> None:
    """Write ``module`` for inputs [batch, *input_shape]; raises ``ExportError`` if ONNX cannot say it.

    ``metadata`` goes into the file, for those who run it: classes, normalisation and the like.
    """
    # Two examples, because the exporter would take a batch of one for a constant.
    given = example(input_shape, kind, batch=2).to(device_of(module))
    part = path.with_name(f".{path.name}.part")
    try:
        with evaluating(module), torch.no_grad(), quiet():
            torch.onnx.export(
                module,
                (given,),
                part,
                dynamo=True,
                external_data=False,
                verbose=False,
                input_names=[NAMES[kind]],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
            )
    except OSError:
        raise
    except Exception as error:
        part.unlink(missing_ok=True)
        raise ExportError(f"the network cannot be written as ONNX: {root_cause(error)}") from error
    tidy(part, metadata or {})
    os.replace(part, path)


def tidy(path: Path, metadata: Mapping[str, Any]) -> None:
    """Replace the exporter's notes (stack traces with this machine's paths) in the file by our metadata."""
    import onnx

    model = onnx.load(str(path))
    model.ClearField("metadata_props")
    model.graph.ClearField("value_info")
    _strip(model.graph)
    for function in model.functions:
        _strip(function)
    onnx.helper.set_model_props(model, header(metadata))
    onnx.save(model, str(path))


def _strip(graph: Any) -> None:
    graph.ClearField("metadata_props")
    graph.ClearField("doc_string")
    holders = [graph.node, *(getattr(graph, name, []) for name in ("input", "output", "initializer"))]
    for entry in (entry for group in holders for entry in group if not isinstance(entry, str)):
        entry.ClearField("metadata_props")
        entry.ClearField("doc_string")
