"""Optimisers and learning-rate schedules; the rate is a pure function of the step, so there is no scheduler to save."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from kdcore.spec.training import LearningRateSchedule, Optimizer

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)
RMSPROP_DECAY = 0.9

STEP_DROPS = (5 / 8, 3 / 4, 7 / 8)
"""Where the ``step`` schedule divides by ten: 150, 180 and 210 of 240 epochs, the protocol of CRD and mdistiller."""


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
    """
    decay = options.weight_decay / (1 - (kept_elsewhere or 0.0))
    listed: list[dict[str, Any]] = [
        {"params": group.parameters, "scale": group.rate, "weight_decay": decay if group.decay else 0.0}
        for group in groups
        if group.parameters
    ]
    if options.name == "adamw":
        return torch.optim.AdamW(listed, lr=options.lr)
    if options.name == "rmsprop":
        return torch.optim.RMSprop(listed, lr=options.lr, alpha=RMSPROP_DECAY)
    kept = options.momentum if kept_elsewhere is None else 0.0
    return torch.optim.SGD(listed, lr=options.lr, momentum=kept, nesterov=options.nesterov and kept > 0)


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


def factor(schedule: LearningRateSchedule, step: int, steps: int, steps_per_epoch: int) -> float:
    """The factor on the learning rate for ``step`` of ``steps``, counted from 0 within a stage."""
    warmup = min(round(schedule.warmup_epochs * steps_per_epoch), steps // 2)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule.name == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))
    if schedule.name == "step":
        return float(0.1 ** sum(step >= drop * steps for drop in STEP_DROPS))
    return 1.0


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every parameter group, each by its own factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]
