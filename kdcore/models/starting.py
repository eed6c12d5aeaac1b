"""A network that begins with weights of another task: all of them but a classifier of another size."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from kdcore.models.landmarks import landmarks
from kdcore.models.weights import WeightsError, read


def start(network: nn.Module, path: Path) -> list[str]:
    """Load ``path`` into ``network``; names of the classifier's tensors that keep their initial values.

    Raises:
        FileNotFoundError: no such file.
        WeightsError: an unreadable file, or tensors beside the classifier that do not fit.
    """
    state, own = read(path), network.state_dict()
    head = landmarks(network).classifier + "."
    other = [name for name in own if name.startswith(head) and own[name].shape != _shape(state, name)]
    fresh = [name for name in own if name.startswith(head)] if other else []
    for name in fresh:
        state[name] = own[name]
    unfit = [name for name in {**own, **state} if name not in own or own[name].shape != _shape(state, name)]
    if unfit:
        raise WeightsError(f"{path} does not fit {type(network).__name__}: {unfit[0]!r} and {len(unfit) - 1} more")
    network.load_state_dict(state)
    return fresh


def _shape(state: dict[str, torch.Tensor], name: str) -> torch.Size | None:
    return state[name].shape if name in state else None
