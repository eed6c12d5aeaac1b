"""Weights that somebody brings for an architecture that we build: read, renamed, checked, written under our names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

import kdcore.models as models
from kdcore.bring.caps import Caps
from kdcore.bring.models.files import SOURCE, chosen, refused, seal
from kdcore.bring.models.names import HARMLESS, Match, match
from kdcore.bring.models.tensors import SAFE, TORCH, read_tensors
from kdcore.errors import EngineError
from kdcore.seeds import seeded
from kdcore.spec.bringing.models import WeightsModel
from kdcore.spec.cards import ModelCard
from kdcore.spec.catalogue import BadOption, InputTooSmall, UnknownArchitecture, architecture_info, describe

WEIGHTS = "weights.safetensors"
SHOWN = 5
TRIAL_OUTPUTS = 10
"""Of a network that is built to find out how many a file has."""


def bring_weights(source: Path, options: WeightsModel, out: Path, caps: Caps) -> ModelCard:
    """Write ``weights.safetensors`` with our names, and the card.

    Raises:
        EngineError: ``invalid_data``: an unsafe or damaged file, or tensors that do not fit the architecture.
    """
    path = chosen(source, options.file, {SAFE, *TORCH}, caps)
    if options.by_order and path.suffix.lower() == SAFE:
        message = "safetensors files keep no order of tensors: give 'rename' rules, or bring the PyTorch file"
        raise EngineError("invalid_data", message, "/by_order")
    state, sections = read_tensors(path, caps, options.section)
    built, build_options, outputs = _built(options, state)
    fitted = fit(built, state, options, path.name)
    if sections:
        fitted.match.steps.insert(0, f"took section {'.'.join(sections)!r}")
    out.mkdir(parents=True, exist_ok=True)
    models.save(fitted.network, out / WEIGHTS)
    return seal(
        out,
        {
            "name": options.name,
            "kind": "weights",
            "architecture": options.architecture,
            "options": build_options,
            "num_outputs": outputs,
            "parameters": sum(parameter.numel() for parameter in fitted.network.parameters()),
            "macs": _macs(options, build_options, outputs),
            "report": fitted.report,
            **described(options, outputs),
        },
    )


def described(options: Any, outputs: int | None) -> dict[str, Any]:
    """The fields of a card that its user states.

    Raises:
        EngineError: ``invalid_data``, when they say other things than the file.
    """
    if options.classes and outputs is not None and len(options.classes) != outputs:
        message = f"{len(options.classes)} names for {outputs} outputs: give one for each, in their order"
        raise EngineError("invalid_data", message, "/classes")
    if len(options.mean) != len(options.std):
        raise EngineError("invalid_data", f"{len(options.mean)} means and {len(options.std)} deviations", "/mean")
    return {
        "task": options.task,
        "input": options.input,
        "classes": options.classes,
        "mean": options.mean,
        "std": options.std,
        "licence": options.licence,
    }


@dataclass
class Fitted:
    """A network with brought weights, and how they came in."""

    network: nn.Module
    match: Match
    report: dict[str, Any]


def fit(
    network: nn.Module,
    state: Mapping[str, Tensor],
    options: WeightsModel,
    item: str,
    fresh: tuple[str, ...] | None = None,
) -> Fitted:
    """Load ``state`` into ``network``, whose present weights are those of a fresh one.

    Args:
        fresh: beginnings of names that may stay as they are unless ``strict``; the classifier's when left out.

    Raises:
        EngineError: ``invalid_data`` with what is missing, unexpected, or of another shape.
    """
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    matched = match(found, wanted, options.architecture, options.rename, by_order=options.by_order)
    heads = fresh or (models.landmarks(network).classifier + ".",)
    begun = [name for head in heads for name in _fresh(matched, head)] if not options.strict else []
    matched.missing = [name for name in matched.missing if name.rpartition(".")[2] not in HARMLESS]
    matched.unexpected = [name for name in matched.unexpected if name.rpartition(".")[2] not in HARMLESS]
    report = {"file": item, **matched.document(wanted, found), "reinitialised": begun}
    _refuse_misfits(report, options, len(wanted))
    loaded = network.state_dict()
    for ours, theirs in matched.pairs.items():
        loaded[ours] = state[theirs].reshape(wanted[ours]).to(loaded[ours].dtype)
    network.load_state_dict(loaded)
    return Fitted(network, matched, report)


def _fresh(matched: Match, head: str) -> list[str]:
    """Names of the classifier that keep their initial weights."""
    wrong = [name for name in (*matched.wrong_shape, *matched.missing) if name.startswith(head)]
    if wrong:  # half of a classifier is none: its bias goes with its weight
        own = [name for name in matched.pairs if name.startswith(head)]
        for name in own:
            del matched.pairs[name]
        wrong += own
    return sorted(wrong)


def _refuse_misfits(report: Mapping[str, Any], options: WeightsModel, of: int) -> None:
    fresh = report["reinitialised"]
    faults = [
        f"{row['name']!r} has shape {row['found']}, wanted {row['wanted']}"
        for row in report["wrong_shape"]
        if row["name"] not in fresh
    ]
    faults += [f"{row['name']!r} is missing{_near(row)}" for row in report["missing"] if row["name"] not in fresh]
    if options.strict:
        faults += [f"{row['name']!r} is unexpected" for row in report["unexpected"]]
    if faults:
        counts = f"{report['mapped']} of {of} tensors found"
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        remedy = "give rename rules, another architecture or options, or strict: false for a fresh classifier"
        shown = "; ".join(faults[:SHOWN])
        message = f"does not fit {options.architecture} ({counts}): {shown}{more}: {remedy}"
        raise refused(str(report["file"]), message)


def _near(row: Mapping[str, Any]) -> str:
    return f" (nearest: {row['nearest']!r})" if row["nearest"] else ""


def _built(options: WeightsModel, state: Mapping[str, Tensor]) -> tuple[nn.Module, dict[str, Any], int]:
    """The network with fresh weights, the options that it was built with, and its outputs."""
    chosen_options = build_options(options)
    outputs = options.outputs or len(options.classes) or _outputs_of(state, options, chosen_options)
    return build_fresh(options.architecture, outputs, chosen_options), chosen_options, outputs


def build_fresh(architecture: str, outputs: int, chosen_options: Mapping[str, Any]) -> nn.Module:
    """The network with initial weights that are always the same.

    Raises:
        EngineError: ``invalid_data`` for an option that it does not take.
    """
    try:
        with seeded(0, "brought", "initial weights"):
            return models.build(architecture, outputs, **chosen_options)
    except (BadOption, ValueError) as error:
        raise EngineError("invalid_data", str(error), "/options") from None


def _outputs_of(state: Mapping[str, Tensor], options: WeightsModel, chosen_options: Mapping[str, Any]) -> int:
    """Outputs of the classifier in a file: the rows of the tensor that takes its weights' place."""
    trial = build_fresh(options.architecture, TRIAL_OUTPUTS, chosen_options)
    wanted = {name: tuple(value.shape) for name, value in trial.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    matched = match(found, wanted, options.architecture, options.rename, by_order=options.by_order)
    ours = models.landmarks(trial).classifier + ".weight"
    theirs = {**matched.pairs, **matched.wrong_shape}.get(ours)
    if theirs is None or not found[theirs]:
        message = (
            "nothing in the file is the classifier's: say how many 'outputs' the network has, or give 'rename' rules"
        )
        raise EngineError("invalid_data", message, SOURCE)
    return found[theirs][0]


def build_options(options: WeightsModel) -> dict[str, Any]:
    """What the architecture is built with: the user's options, and what it takes from the input."""
    try:
        taken = architecture_info(options.architecture).options
    except UnknownArchitecture as error:
        raise EngineError("invalid_data", str(error), "/architecture") from None
    shape = options.input.shape if options.input is not None and options.input.kind == "image" else ()
    from_input = {"in_channels": shape[0], "image_size": shape[1]} if len(shape) == 3 else {}
    own = dict(options.options) if options.width is None else {**options.options, "width": options.width}
    return {**{name: value for name, value in from_input.items() if name in taken}, **own}


def _macs(options: WeightsModel, chosen_options: Mapping[str, Any], outputs: int) -> int | None:
    """Multiply-accumulates for one example, where the input is known and fits."""
    if options.input is None or options.input.kind != "image" or len(options.input.shape) != 3:
        return None
    channels, height, width = options.input.shape
    shape = (channels, height, width)
    try:
        return describe(options.architecture, num_classes=outputs, input_shape=shape, **chosen_options).macs
    except (InputTooSmall, BadOption) as error:
        raise EngineError("invalid_data", str(error), "/input") from None


__all__ = ["WEIGHTS", "bring_weights", "described", "fit"]
