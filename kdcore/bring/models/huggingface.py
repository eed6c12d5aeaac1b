"""A folder of transformers becomes weights of ours: configuration and safetensors are read, code in it never is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import kdcore.models as models
from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.models.files import refused, seal
from kdcore.bring.models.tensors import read_tensors
from kdcore.bring.models.weights import WEIGHTS, build_fresh, described, fit
from kdcore.bring.source import open_source
from kdcore.bring.steps import Steps
from kdcore.bring.tree import Tree
from kdcore.models import huggingface, huggingface_generation
from kdcore.models.huggingface import NotOurs
from kdcore.spec.bringing.models import HuggingFaceModel, WeightsModel
from kdcore.spec.cards import InputCard, ModelCard

CONFIG = "config.json"
CONFIG_BYTES = 2**20
TOKENIZER = (
    "tokenizer.json",
    "vocab.txt",
    "merges.txt",
    "vocab.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
SCRATCH = ".scratch"
FRESH = ("head.", "pooler.")
"""What a folder without a classifier lacks."""
FROM_DATA = ("length", "source_length", "separator")
"""Options that the dataset decides."""
TRIAL_LENGTH = 16
KINDS = (*huggingface.LAYOUTS, *huggingface_generation.READERS)


def bring_huggingface(source: Path, options: HuggingFaceModel, out: Path, caps: Caps, steps: Steps) -> ModelCard:
    """Write ``weights.safetensors`` with our names, the tokenizer's files, and the card.

    Raises:
        EngineError: ``invalid_data``: remote code, an unknown model type or variant, or tensors that do not fit.
    """
    scratch = out / SCRATCH
    try:
        tree = open_source(source, scratch, caps, Findings(), steps)
        config = _config(tree)
        state = _state(tree, caps)
        architecture, own, weights = _ours(config, state)
        card = _card(options, config, architecture, own, weights, tree, out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return seal(out, card)


def _config(tree: Tree) -> dict[str, Any]:
    if CONFIG not in tree.names:
        raise refused(CONFIG, f"is not among what was brought ({', '.join(list(tree.names)[:5])})")
    path = tree.path(CONFIG)
    if path.stat().st_size > CONFIG_BYTES:
        raise refused(CONFIG, f"has more than {CONFIG_BYTES} bytes")
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise refused(CONFIG, f"is no JSON ({str(error)[:100]})") from None
    if not isinstance(config, dict):
        raise refused(CONFIG, "is no JSON object")
    if "auto_map" in config or config.get("trust_remote_code"):
        raise refused(CONFIG, "asks for code of its own (auto_map), and no code of anybody's is run")
    kind = config.get("model_type")
    if kind not in KINDS:
        raise refused(CONFIG, f"model_type {kind!r} is none of those that we have networks for: {', '.join(KINDS)}")
    return config


def _state(tree: Tree, caps: Caps) -> dict[str, Tensor]:
    """The tensors of all safetensors files of the folder together."""
    names = [name for name in tree.names if name.endswith(".safetensors") and "/" not in name]
    if not names:
        other = next((name for name in tree.names if name.endswith((".bin", ".pt", ".h5", ".msgpack"))), None)
        told = f", only {other}" if other else ""
        raise refused("the folder", f"has no safetensors{told}: save it with save_pretrained(safe_serialization=True)")
    state: dict[str, Tensor] = {}
    if sum(tree.path(name).stat().st_size for name in names) > caps.model_bytes:
        raise refused("the folder", f"has more than the {caps.model_bytes} bytes of weights that are allowed")
    for name in sorted(names):
        found, _ = read_tensors(tree.path(name), caps)
        twice = set(found) & set(state)
        if twice:
            raise refused(name, f"has tensor {sorted(twice)[0]!r}, which another file has, too")
        state |= found
    return state


def _ours(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    reader = huggingface if config["model_type"] in huggingface.LAYOUTS else huggingface_generation
    try:
        architecture, own, weights = reader.to_ours(config, state)
    except NotOurs as error:
        raise refused(CONFIG, str(error)) from None
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        raise refused(CONFIG, f"lacks an entry, or has one that cannot be ({type(error).__name__}: {error})") from None
    if "head_width" in own:  # T5's heads need not share its width: the family says that by their width together
        own["attention_width"] = own.pop("head_width") * own["heads"]
    return architecture, own, weights


def _card(
    options: HuggingFaceModel,
    config: Mapping[str, Any],
    architecture: str,
    own: dict[str, Any],
    weights: Mapping[str, Tensor],
    tree: Tree,
    out: Path,
) -> dict[str, Any]:
    generates = config["model_type"] in huggingface_generation.READERS
    task = "generation" if generates else options.task
    outputs = int(own["vocabulary"]) if generates else _outputs(options, weights)
    classes = () if generates else options.classes or _labels(config, outputs)
    trial = {**own, **_trial_input(own, generates)}
    network = build_fresh(architecture, outputs, trial)
    as_weights = WeightsModel(name=options.name, architecture=architecture, strict=options.strict)
    tied = {name: weights.get(name, value) for name, value in _tied(network, weights).items()}
    fitted = fit(network, {**weights, **tied}, as_weights, "the folder", fresh=FRESH)
    out.mkdir(parents=True, exist_ok=True)
    models.save(fitted.network, out / WEIGHTS)
    kept = [name for name in TOKENIZER if name in tree.names and _sound(tree.path(name))]
    for name in kept:
        shutil.copyfile(tree.path(name), out / name)
    known = options.model_copy(update={"task": task, "classes": classes})
    return {
        "name": options.name,
        "kind": "weights",
        "architecture": architecture,
        "options": {name: value for name, value in own.items() if name not in FROM_DATA},
        "num_outputs": outputs,
        "parameters": sum(parameter.numel() for parameter in fitted.network.parameters()),
        "report": {**fitted.report, "tokenizer": kept, "steps": [f"{config['model_type']} as {architecture}"]},
        **described(known, None if generates else outputs),
        "input": options.input or _input(own, kept),
    }


def _outputs(options: HuggingFaceModel, weights: Mapping[str, Tensor]) -> int:
    if options.classes:
        return len(options.classes)
    if "head.weight" in weights:
        return int(weights["head.weight"].shape[0])
    raise refused("the folder", "has no classifier: name the 'classes' that it is to learn, with strict: false")


def _labels(config: Mapping[str, Any], outputs: int) -> tuple[str, ...]:
    """Names of the classes, where the configuration has one for each."""
    told = config.get("id2label")
    if not isinstance(told, Mapping) or set(map(str, told)) != set(map(str, range(outputs))):
        return ()
    names = {str(number): str(name)[:200] for number, name in told.items()}
    return tuple(names[str(number)] for number in range(outputs))


def _trial_input(own: Mapping[str, Any], generates: bool) -> dict[str, Any]:
    """Lengths with which a network can be built; the job's dataset says others."""
    longest = int(own.get("max_length", TRIAL_LENGTH))
    return {"length": min(TRIAL_LENGTH, longest)} | (
        {"source_length": 1} if generates and "max_length" not in own else {}
    )


def _tied(network: torch.nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that a network has under two names, where the file has one of them."""
    by_place: dict[int, list[str]] = {}
    for name, value in network.state_dict().items():
        by_place.setdefault(value.data_ptr(), []).append(name)
    found: dict[str, Tensor] = {}
    for names in by_place.values():
        there = [name for name in names if name in weights]
        found |= {name: weights[there[0]] for name in names if there and name not in weights}
    return found


def _input(own: Mapping[str, Any], kept: list[str]) -> InputCard:
    special = {"padding": int(own["padding"])} if own.get("padding") is not None else {}
    return InputCard(
        kind="tokens",
        shape=(int(own.get("max_length", 512)),),
        vocabulary=int(own["vocabulary"]),
        special=special,
        tokenizer="tokenizer.json" if "tokenizer.json" in kept else None,
    )


def _sound(path: Path) -> bool:
    """Whether a tokenizer's file is what its name says, and of a usable size."""
    if path.stat().st_size > 2**26:
        return False
    try:
        text = path.read_text(encoding="utf-8")
        return path.suffix != ".json" or isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
