"""Families of our own networks for rows of a table."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from kdcore.models.family import WIDTH, Family, Prototype, follows
from kdcore.models.mlp import Perceptron

MAX_DEPTH = 64
_MLP = r"mlp-([1-9][0-9]?)"


def _owns(name: str) -> bool:
    found = re.fullmatch(_MLP, name)
    return found is not None and int(found[1]) <= MAX_DEPTH


def _build(name: str, num_classes: int, **options: Any) -> nn.Module:
    return Perceptron(int(name.partition("-")[2]), num_classes, **options)


PERCEPTRONS = Family(
    name="mlp",
    description="multilayer perceptron {name}: 256 channels a layer, batch norm, ReLU",
    options={
        "features": follows(16, "columns of the table", 1_000_000),
        "width": WIDTH,
        "residual": {
            "type": "boolean",
            "default": False,
            "description": "whether every layer but the first adds to its input",
        },
    },
    names=("mlp-1", "mlp-2", "mlp-3", "mlp-4", "mlp-8"),
    owns=_owns,
    build=_build,
    prototypes=(Prototype("mlp-*", "mlp-2", {"times": 1, "plus": 0, "max": MAX_DEPTH}),),
    reference=(2, (16,)),
    pattern=f"mlp-<depth> for any depth up to {MAX_DEPTH}",
    input="table",
)

FAMILIES = (PERCEPTRONS,)
