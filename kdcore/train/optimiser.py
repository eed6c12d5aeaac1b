"""Optimisers over groups of parameters, each group with a learning rate of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from kdcore.errors import EngineError
from kdcore.spec.training import Optimizer

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)
FUSED_ON = ("cpu", "cuda")
"""Devices with one kernel for all of SGD's or AdamW's step.

On a CPU it takes a third to a sixth of the time of PyTorch's loop over tensors (``bench/optimisers.py``). RMSProp and
Adafactor have none, and keep PyTorch's own choice: its list form is quicker on a CPU for networks below some millions
of weights, slower above, and by little.
"""


@dataclass(frozen=True)
class Group:
    """Parameters with a learning rate of their own.

    Attributes:
        rate: factor on the learning rate.
        decay: whether weight decay pulls on them.
    """

    parameters: list[nn.Parameter]
    rate: float = 1.0
    decay: bool = True


def build(options: Optimizer, groups: Iterable[Group], *, kept_elsewhere: float | None = None) -> torch.optim.Optimizer:
    """The optimiser over ``groups``.

    Args:
        kept_elsewhere: the momentum that the gradients hold already. The optimiser then has none, and its weight decay
            is as strong as one that passes through such a momentum.

    Raises:
        EngineError: ``invalid_data`` when there is no parameter.
    """
    listed = _listed(options, groups, options.weight_decay / (1 - (kept_elsewhere or 0.0)))
    momentum = options.momentum or 0.0
    if options.name == "adamw":
        assert options.betas is not None  # filled in by the spec
        return torch.optim.AdamW(listed, lr=options.lr, betas=options.betas, fused=_fused(listed))
    if options.name == "adafactor":
        return torch.optim.Adafactor(listed, lr=options.lr)
    if options.name == "rmsprop":
        assert options.alpha is not None  # filled in by the spec
        return torch.optim.RMSprop(listed, lr=options.lr, alpha=options.alpha, momentum=momentum)
    kept = momentum if kept_elsewhere is None else 0.0
    nesterov = bool(options.nesterov) and kept > 0
    return torch.optim.SGD(listed, lr=options.lr, momentum=kept, nesterov=nesterov, fused=_fused(listed))


def _listed(options: Optimizer, groups: Iterable[Group], decay: float) -> list[dict[str, Any]]:
    """PyTorch's groups: one for each learning rate with and without weight decay, since each costs calls of its own."""
    alike: dict[tuple[float, float], list[nn.Parameter]] = {}
    for group in groups:
        for parameter in group.parameters:
            pulled = group.decay and (options.decay_norms or parameter.dim() > 1)
            alike.setdefault((group.rate, decay if pulled else 0.0), []).append(parameter)
    if not alike:
        message = "nothing learns: take layers out of training.freeze, or raise the stage's layer_rates"
        raise EngineError("invalid_data", message, "/training/freeze")
    return [{"params": found, "scale": rate, "weight_decay": pull} for (rate, pull), found in alike.items()]


def _fused(listed: Iterable[dict[str, Any]]) -> bool:
    parameters = [parameter for group in listed for parameter in group["params"]]
    return all(parameter.device.type in FUSED_ON and parameter.is_floating_point() for parameter in parameters)


def kernels(network: nn.Module, trained: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """The trained weights of convolutions and linear layers: rows of incoming weights, one for each unit."""
    wanted = {id(parameter) for parameter in trained}
    layers = (module for module in network.modules() if isinstance(module, LAYERS))
    weights = [layer.weight for layer in layers]
    return [weight for weight in weights if isinstance(weight, nn.Parameter) and id(weight) in wanted]


@torch.no_grad()
def limit(weights: Iterable[nn.Parameter], most: float) -> None:
    """Scale down every unit's incoming weights to an L2 norm of at most ``most`` (FitNets; Srebro, Shraibman 2005)."""
    for weight in weights:
        weight.copy_(torch.renorm(weight, p=2, dim=0, maxnorm=most))


def lay_out_gradients(optimizer: torch.optim.Optimizer) -> None:
    """Give every gradient its parameter's layout in memory: fused kernels read both by place, whatever their strides.

    PyTorch's own ``fused`` steps on a CPU are silently wrong otherwise (a gradient that comes out of a QR decomposition
    is a transposed one; that of a weight in channels_last may be contiguous).
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is not None and gradient.stride() != parameter.stride():
                parameter.grad = torch.empty_like(parameter).copy_(gradient)


def begin_momentum(optimizer: torch.optim.Optimizer) -> None:
    """Give SGD's momentum a start where a gradient comes later than others: fused kernels want all buffers or none.

    From zero the first step of a momentum is the gradient itself, as PyTorch's plain loop has it.
    """
    if not isinstance(optimizer, torch.optim.SGD):
        return
    for group in optimizer.param_groups:
        moved = [p for p in group["params"] if p.grad is not None] if group["momentum"] else []
        without = [p for p in moved if optimizer.state[p].get("momentum_buffer") is None]
        if len(without) < len(moved):
            for parameter in without:
                optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every parameter group, each by its own factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]
