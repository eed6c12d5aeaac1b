"""Models that somebody brings: weights, a Hugging Face folder, an ONNX file or a table of outputs become safe files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdcore.bring.caps import Caps
from kdcore.bring.steps import Steps
from kdcore.errors import Stopped
from kdcore.spec.bringing.models import BringingModel, HuggingFaceModel, OnnxModel, OutputsModel, WeightsModel
from kdcore.spec.cards import ModelCard


def model(
    source: Path,
    options: BringingModel,
    out: Path,
    *,
    caps: Caps,
    report: Callable[[dict[str, Any]], None],
    stop: Callable[[], str | None],
) -> ModelCard:
    """Read what a user brought, check it, and leave safe files with a card in ``out``.

    Args:
        source: a file, or a folder of files.
        options: one of `kdcore.spec.bringing.models`.
        out: a folder; ``model.json`` in it is the card.
        caps: what the files may cost.
        report: takes records: ``log`` with a sentence.
        stop: asked between the steps.

    Raises:
        Stopped: on request, with the reason.
        EngineError: ``invalid_data`` with the item's name, or ``disk_full``.
    """
    reason = stop()
    if reason is not None:
        raise Stopped(reason)
    report({"type": "log", "level": "info", "message": f"reading {source.name} as {options.name!r}"})
    card = _bring(source, options, out, caps, Steps(report, stop))
    for step in card.report.get("steps", ()):
        report({"type": "log", "level": "info", "message": str(step)})
    return card


def _bring(source: Path, options: BringingModel, out: Path, caps: Caps, steps: Steps) -> ModelCard:
    if isinstance(options, WeightsModel):
        from kdcore.bring.models.weights import bring_weights

        return bring_weights(source, options, out, caps)
    if isinstance(options, OutputsModel):
        from kdcore.bring.models.outputs import bring_outputs

        return bring_outputs(source, options, out, caps)
    if isinstance(options, OnnxModel):
        from kdcore.bring.models.onnx import bring_onnx

        return bring_onnx(source, options, out, caps)
    if isinstance(options, HuggingFaceModel):
        from kdcore.bring.models.huggingface import bring_huggingface

        return bring_huggingface(source, options, out, caps, steps)
    raise TypeError(f"no way to bring {type(options).__name__}")


__all__ = ["model"]
