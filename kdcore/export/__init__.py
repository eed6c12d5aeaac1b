"""Delivery: the student in the formats that devices run, each reloaded and compared before it is offered."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kdcore.export.artifacts import Artifact, artifact
    from kdcore.export.delivery import FILES, Delivery, deliver
    from kdcore.export.errors import ExportError
    from kdcore.export.graph import export_onnx
    from kdcore.export.int8 import export_int8
    from kdcore.export.manifest import bundle
    from kdcore.export.verification import TOLERANCES, Export, Judge, Tolerance, verify
    from kdcore.export.weights import export_safetensors, load_safetensors

__all__ = [
    "FILES",
    "TOLERANCES",
    "Artifact",
    "Delivery",
    "Export",
    "ExportError",
    "Judge",
    "Tolerance",
    "artifact",
    "bundle",
    "deliver",
    "export_int8",
    "export_onnx",
    "export_safetensors",
    "load_safetensors",
    "verify",
]

_HOMES = {
    "artifacts": ("Artifact", "artifact"),
    "delivery": ("FILES", "Delivery", "deliver"),
    "errors": ("ExportError",),
    "graph": ("export_onnx",),
    "int8": ("export_int8",),
    "manifest": ("bundle",),
    "verification": ("TOLERANCES", "Export", "Judge", "Tolerance", "verify"),
    "weights": ("export_safetensors", "load_safetensors"),
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is asked for: the fresh process that checks an ONNX file must not need torch."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"kdcore.export.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
