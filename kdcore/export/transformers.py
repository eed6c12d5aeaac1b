"""The student as a folder of Hugging Face's transformers: configuration, weights under its names, tokenizer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from kdcore.export.errors import ExportError
from kdcore.models.huggingface import NotOurs, to_huggingface
from kdcore.models.texts import BUILDING, NAMED, READING
from kdcore.spec.catalogue_options import checked_options

TOKENIZER = "tokenizer.json"
PROBLEMS = {
    "classification": "single_label_classification",
    "multilabel": "multi_label_classification",
    "regression": "regression",
}
"""What transformers calls a task."""
ROLES = {
    "unknown": "unk_token",
    "separator": "sep_token",
    "padding": "pad_token",
    "begin": "cls_token",
    "mask": "mask_token",
}
"""Special tokens by their names on both sides."""


def export_huggingface(
    module: nn.Module,
    folder: Path,
    description: Mapping[str, Any],
    *,
    tokenizer: Path | None = None,
    special: Mapping[str, int] | None = None,
) -> None:
    """Write ``folder`` for ``AutoModelForSequenceClassification.from_pretrained``.

    Args:
        module: a text encoder of ours.
        description: as `kdcore.export.delivery.Delivery` has it.
        tokenizer: ``tokenizer.json`` that the data was cut into tokens with.
        special: ids of special tokens by our names.

    Raises:
        ExportError: transformers has no such network.
    """
    from safetensors.torch import save_file

    architecture, options = _as_family(str(description["architecture"]), description.get("options", {}))
    state = {name: tensor.detach().cpu() for name, tensor in module.state_dict().items()}
    try:
        config, weights = to_huggingface(architecture, options, state, description.get("classes", ()))
    except (NotOurs, KeyError) as error:
        raise ExportError(f"transformers has no such network: {error}") from error
    known = {"sep_token_id": options.get("separator"), "problem_type": PROBLEMS.get(str(description.get("task")))}
    config |= {name: value for name, value in known.items() if value is not None}
    folder.mkdir()
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
    weights = {name: tensor.contiguous().clone() for name, tensor in weights.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    if tokenizer is not None:
        _write_tokenizer(tokenizer, folder, special or {}, int(options["max_length"]))


def _as_family(architecture: str, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """An encoder as the family of any size has it, every option with its value."""
    layers, fixed = NAMED.get(architecture, (None, {}))
    name = architecture if layers is None else f"bert-{layers}"
    options = checked_options(name, {**READING, **BUILDING}, {**fixed, **given})
    options["intermediate"] = options["intermediate"] or 4 * options["hidden"]
    options["max_length"] = options["max_length"] or options["length"]
    return name, options


def _write_tokenizer(source: Path, folder: Path, special: Mapping[str, int], longest: int) -> None:
    from tokenizers import Tokenizer

    shutil.copyfile(source, folder / TOKENIZER)
    read = Tokenizer.from_file(str(source))
    words = {theirs: read.id_to_token(special[ours]) for ours, theirs in ROLES.items() if ours in special}
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": longest,
        **{role: word for role, word in words.items() if word is not None},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
