"""The student as a safetensors file that says in its header how to build the network it belongs to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn


def header(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Metadata as model files hold it: text by name, JSON where a value is no text."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}


def export_safetensors(module: nn.Module, path: Path, metadata: Mapping[str, Any]) -> None:
    """Write all weights and buffers to ``path``, whole or not at all.

    ``metadata`` needs ``architecture`` and ``num_classes`` (and ``options``) for ``load_safetensors`` to rebuild the
    network; for a path through it also ``input_shape`` and ``path`` (see ``described_path``). Weights that layers
    share are written once for each, so that any reader finds every name.
    """
    from safetensors.torch import save_file

    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in module.state_dict().items()}
    part = path.with_name(f".{path.name}.part")
    save_file(state, part, metadata={"format": "pt", **header(metadata)})
    os.replace(part, path)


def load_safetensors(path: Path) -> nn.Module:
    """Rebuild the network that the file's header names, with the file's weights, in eval mode."""
    from safetensors import safe_open

    from kdcore import models

    with safe_open(str(path), framework="pt") as file:
        found: dict[str, str] = file.metadata() or {}
    missing = {"architecture", "num_classes"} - set(found)
    if missing:
        raise ValueError(f"{path.name} does not say its {' and '.join(sorted(missing))}; export it with them")
    module = _built(found)
    if "path" in found:
        module = _along(json.loads(found["path"]), module, json.loads(found["input_shape"]))
    models.load(module, path)
    return module.eval()


def described_path(path: Mapping[str, Any], borrowed: Mapping[str, Any] | None) -> dict[str, Any]:
    """What rebuilds a delivered path, JSON-ready.

    Args:
        path: ``kind``, ``options``, ``at`` and ``classifier``, as in a plan.
        borrowed: ``architecture``, ``num_classes`` and ``options`` of the network that it takes a part from.
    """
    own = {name: path[name] for name in ("kind", "options", "at", "classifier")}
    return {**own, "borrowed": None if borrowed is None else dict(borrowed)}


def _built(found: Mapping[str, Any]) -> nn.Module:
    from kdcore import models

    options = found.get("options", {})
    return models.build(
        found["architecture"],
        int(found["num_classes"]),
        **(json.loads(options) if isinstance(options, str) else options),
    )


def _along(path: Mapping[str, Any], of: nn.Module, input_shape: list[int]) -> nn.Module:
    """The path through ``of``, to be filled with weights."""
    from kdcore.objective import paths

    further = {} if path["borrowed"] is None else {"borrowed": _built(path["borrowed"])}
    sample = torch.zeros(2, *input_shape)
    return paths.build(
        path["kind"], of, path["options"], at=path["at"], classifier=path["classifier"], sample=sample, **further
    )
