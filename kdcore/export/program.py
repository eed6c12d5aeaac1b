"""The student as PyTorch's own exported program: for torch.export.load, and as source that needs no Distillery."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.export import ExportedProgram

from kdcore.export.errors import ExportError, root_cause
from kdcore.export.quiet import quiet
from kdcore.measure.example import example
from kdcore.measure.predict import device_of, evaluating
from kdcore.spec.tasks import InputKind


def exported(module: nn.Module, input_shape: Sequence[int], kind: InputKind = "image") -> ExportedProgram:
    """``module`` in evaluation mode as a program for inputs [batch, *input_shape], without a trace of this machine.

    Raises:
        ExportError: torch.export cannot follow the network.
    """
    # Two examples, because the exporter would take a batch of one for a constant.
    given = example(input_shape, kind, batch=2).to(device_of(module))
    batch = ({0: torch.export.Dim("batch")},)
    try:
        with evaluating(module), torch.no_grad(), quiet():
            program = torch.export.export(module, (given,), dynamic_shapes=batch)
    except Exception as error:
        raise ExportError(f"torch.export cannot follow the network: {root_cause(error)}") from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program


def export_program(program: ExportedProgram, path: Path) -> None:
    """Write a program as ``.pt2``, whole or not at all."""
    part = path.with_name(f".{path.stem}.part.pt2")
    with quiet():
        torch.export.save(program, part)
    os.replace(part, path)
