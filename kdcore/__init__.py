"""Distillery's distillation engine: ``run(plan, workdir, report)``; importing it loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kdcore.errors import EngineError, Stopped

if TYPE_CHECKING:
    from kdcore.job import Result, run

__all__ = ["EngineError", "Result", "Stopped", "run"]


def __getattr__(name: str) -> Any:
    """Load the parts that need torch when they are asked for."""
    if name in {"run", "Result"}:
        from importlib import import_module

        return getattr(import_module("kdcore.job"), name)
    raise AttributeError(f"module 'kdcore' has no attribute {name!r}")
