"""Methods by name: each preset is a row of a table that expands to an objective written out."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from kdcore.spec.base import Problem, SpecError, pointer, problems_of, suggestion
from kdcore.spec.objective import MethodSpec
from kdcore.spec.presets.balanced import BALANCED
from kdcore.spec.presets.base import NetworkKind, Preset
from kdcore.spec.presets.baselines import BASELINES
from kdcore.spec.presets.company import COMPANY
from kdcore.spec.presets.detection import DETECTION
from kdcore.spec.presets.dfpt import DFPT
from kdcore.spec.presets.first import FIRST
from kdcore.spec.presets.formula import PieceNote, formula, pieces
from kdcore.spec.presets.generators import GENERATORS
from kdcore.spec.presets.hints import HINTS
from kdcore.spec.presets.kd2m import KD2M
from kdcore.spec.presets.layers import LAYERS
from kdcore.spec.presets.logits import LOGITS
from kdcore.spec.presets.modules import MODULES
from kdcore.spec.presets.phased import PHASED
from kdcore.spec.presets.transformers import TRANSFORMERS

__all__ = ["PRESETS", "MethodInfo", "Preset", "UnknownMethod", "expand_preset", "method_info", "methods"]

PRESETS: dict[str, Preset] = {
    **FIRST,
    **HINTS,
    **LAYERS,
    **KD2M,
    **DFPT,
    **BALANCED,
    **LOGITS,
    **BASELINES,
    **MODULES,
    **PHASED,
    **COMPANY,
    **TRANSFORMERS,
    **GENERATORS,
    **DETECTION,
}
"""Every method by name: the comparison, the five systems, the baselines."""

SHOWN_EPOCHS = 20
"""Epochs of the objective that a method's page shows."""


class MethodInfo(BaseModel):
    """What is published about a preset.

    Attributes:
        formula: its objective with the default options, line by line.
        pieces: what the objective is made of.
        kinds: the kinds of networks that it trains.
    """

    name: str
    title: str
    paper: str
    summary: str
    formula: list[str]
    options_schema: dict[str, Any]
    defaults: dict[str, Any]
    needs: list[str]
    kinds: list[NetworkKind]
    pieces: list[PieceNote]
    reconstruction: str


class UnknownMethod(LookupError):
    """No preset has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no method {name!r}; {suggestion(name, PRESETS)}")


def methods() -> list[MethodInfo]:
    """Every preset."""
    return [method_info(name) for name in PRESETS]


def method_info(name: str) -> MethodInfo:
    """The preset called ``name``.

    Raises:
        UnknownMethod: with the nearest names.
    """
    if name not in PRESETS:
        raise UnknownMethod(name)
    preset = PRESETS[name]
    objective = expand_preset(name, {}, SHOWN_EPOCHS)
    return MethodInfo(
        name=name,
        title=preset.title,
        paper=preset.paper,
        summary=preset.summary,
        formula=formula(objective),
        options_schema=preset.options.model_json_schema(),
        defaults=preset.options().model_dump(mode="json"),
        needs=["teacher"] if preset.teacher else [],
        kinds=list(preset.kinds),
        pieces=pieces(objective),
        reconstruction=preset.reconstruction,
    )


def expand_preset(name: str, options: dict[str, Any], epochs: int) -> MethodSpec:
    """The objective that a preset stands for.

    Raises:
        SpecError: unknown name, options that do not fit, or too few epochs; pointers start at ``/method``.
    """
    if name not in PRESETS:
        problem = Problem(pointer="/method", code="unknown_method", message=str(UnknownMethod(name)))
        raise SpecError([problem])
    preset = PRESETS[name]
    if epochs < preset.min_epochs:
        message = f"method {name!r} has {preset.min_epochs} stages and needs as many epochs (got {epochs})"
        raise SpecError([Problem(pointer="/training/epochs", code="too_few_epochs", message=message)])
    try:
        validated = preset.options.model_validate(options)
    except ValidationError as error:
        found = problems_of(error, list(preset.options.model_fields))
        raise SpecError([p.model_copy(update={"pointer": pointer("method") + p.pointer}) for p in found]) from None
    try:
        expanded = preset.expand(validated, epochs)
    except ValidationError as error:
        message = f"method {name!r} cannot share {epochs} epochs so: {problems_of(error)[0].message}"
        raise SpecError([Problem(pointer="/method", code="invalid_value", message=message)]) from None
    return expanded if isinstance(expanded, MethodSpec) else MethodSpec(stages=expanded)
