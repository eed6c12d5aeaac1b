"""What kept outputs depend on: equal keys mean equal bits, and a manifest says in clear text what differs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

FORMAT = 1
"""Of the files; another one whenever an equal key would mean other bytes."""


@dataclass(frozen=True)
class Key:
    """Everything that decides the outputs, JSON-ready.

    Attributes:
        project: whose data it is; entries are never shared between projects.
        network: architecture and options.
        weights: fingerprint of the network as it speaks.
        inputs: digest of the pictures and their shape; mean and standard deviation are in ``recipe``.
        recipe: by which views and network inputs are made from the pictures, with their seed.
        numerics: device, precision, memory format, threads and the like, as pinned.
    """

    project: str
    network: Mapping[str, Any]
    weights: str
    inputs: Mapping[str, Any]
    recipe: Mapping[str, Any]
    numerics: Mapping[str, Any]

    def ingredients(self, layout: Mapping[str, Any]) -> dict[str, Any]:
        """The key in clear text, with what is kept in which form, and the versions of what computes it."""
        found = {**vars(self), "layout": layout, "versions": versions(), "format": FORMAT}
        return dict(json.loads(json.dumps(found, allow_nan=False)))  # as it will be read back: tuples are lists


def digest(ingredients: Mapping[str, Any]) -> str:
    """SHA-256 of the ingredients, whatever their order."""
    return hashlib.sha256(json.dumps(ingredients, sort_keys=True, allow_nan=False).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Of the libraries that decide what a network says."""
    return {"torch": torch.__version__, "torchvision": _version("torchvision"), "kdcore": _version("distillery")}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # not installed, or run from a checkout
        return "unknown"


def differences(found: Any, wanted: Any, path: str = "") -> Iterator[str]:
    """Every ingredient that differs, as a sentence."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for name in sorted({*found, *wanted}):
            yield from differences(found.get(name), wanted.get(name), f"{path}.{name}" if path else name)
    elif found != wanted:
        yield f"{path} is {_short(found)} instead of {_short(wanted)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
