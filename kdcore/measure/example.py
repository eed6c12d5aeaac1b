"""An input of any kind, where only its shape and type matter: for counting, tracing and timing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kdcore.spec.tasks import InputKind

NAMES: dict[InputKind, str] = {"image": "images", "series": "series", "table": "table", "tokens": "tokens"}
"""What an input is called in delivered files."""


def example(shape: Sequence[int], kind: InputKind = "image", batch: int = 1) -> Tensor:
    """Zeros [batch, *shape] in float32; of tokens ones in int64, because zero may be padding that nobody attends to."""
    if kind == "tokens":
        return torch.ones(batch, *shape, dtype=torch.int64)
    return torch.zeros(batch, *shape)
