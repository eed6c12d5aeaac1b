"""Optimisers and learning-rate schedules; the rate is a pure function of the step, so there is no scheduler to save."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from kdcore.spec.job import LearningRateSchedule, Optimizer

STEP_DROPS = (5 / 8, 3 / 4, 7 / 8)
"""Where the ``step`` schedule divides by ten: 150, 180 and 210 of 240 epochs, the protocol of CRD and mdistiller."""


def build(options: Optimizer, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser over ``parameters``."""
    if options.name == "adamw":
        return torch.optim.AdamW(parameters, lr=options.lr, weight_decay=options.weight_decay)
    nesterov = options.nesterov and options.momentum > 0
    return torch.optim.SGD(
        parameters, lr=options.lr, momentum=options.momentum, nesterov=nesterov, weight_decay=options.weight_decay
    )


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
    """Set the learning rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = rate
