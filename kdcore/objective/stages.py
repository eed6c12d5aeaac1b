"""When does each term act, and what does it train? Which parameters lie before a point, and ramps over a stage."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kdcore.objective.points import Capture
from kdcore.spec.objective import Ramp


def value_at(number: float | Ramp, epoch: float) -> float:
    """A weight at ``epoch`` of its stage, counted from 0; a ramp is constant before and after its span."""
    if not isinstance(number, Ramp):
        return float(number)
    assert number.over is not None, "the plan fills in every ramp's span"
    share = min(max((epoch - number.after) / number.over, 0.0), 1.0)
    return number.start + (number.to - number.start) * share


def parameters_upto(network: nn.Module, point: str | None, sample: Tensor) -> list[str]:
    """Names of the parameters that the output at ``point`` depends on, in the network's order.

    Found by asking autograd with one forward pass in evaluation mode, so no BatchNorm statistic changes and any
    control flow counts as it runs. None means all parameters.
    """
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    if point is None:
        return [name for name, _ in named]
    was_training = network.training
    network.eval()
    try:
        with torch.enable_grad(), Capture(network, [point]) as capture:
            feature = capture(sample)[point]
        gradients = torch.autograd.grad(feature.float().sum(), [p for _, p in named], allow_unused=True)
    finally:
        network.train(was_training)
    return [name for (name, _), gradient in zip(named, gradients, strict=True) if gradient is not None]
