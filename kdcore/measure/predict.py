"""Logits of a network on a set of inputs, leaving the network as it was found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def evaluating(module: nn.Module) -> Iterator[nn.Module]:
    """Eval mode inside the block; afterwards every submodule has its own mode again.

    Submodules are restored one by one, because a frozen BatchNorm inside a training network must stay frozen.
    """
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield module
    finally:
        for part, training in modes:
            part.training = training


def device_of(module: nn.Module) -> torch.device:
    """Where the network's first parameter or buffer lives; the CPU for a network without any."""
    for tensor in (*module.parameters(), *module.buffers()):
        return tensor.device
    return torch.device("cpu")


def predict(
    model: nn.Module, images: Tensor, *, batch_size: int = 512, device: torch.device | str | None = None
) -> Tensor:
    """Logits [N, K] in float32 on the CPU for inputs [N, ...]; ``device`` defaults to the network's own.

    No gradients are recorded (``no_grad``, not ``inference_mode``: the result may enter a loss later).
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; give 1 or more")
    where = torch.device(device) if device is not None else device_of(model)
    with evaluating(model), torch.no_grad():
        return torch.cat([_logits(model, batch.to(where)) for batch in torch.split(images, batch_size)])


def _logits(model: nn.Module, batch: Tensor) -> Tensor:
    output = model(batch)
    if not isinstance(output, Tensor):
        raise TypeError(f"the network gave a {type(output).__name__}; a tensor of logits was expected")
    return output.float().cpu()
