"""A moving average of the weights: Polyak's idea with a memory that fades, as EfficientNet and Mean Teacher use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.spec.training import Average as Options


class Average:
    """The average of a network's weights and running statistics over the optimiser's steps.

    After step ``t`` it keeps ``min(decay, (1 + t) / (10 + t))`` of itself and takes the rest from the network, the rule
    of TensorFlow's ExponentialMovingAverage; so the untrained start is soon forgotten. BatchNorm's means and variances
    are averaged like weights, since the last ones belong to the last weights and not to the average (EfficientNet, Tan
    and Le 2019, arXiv 1905.11946, trains so); counters are copied. What never moves is kept to the bit.

    Args:
        network: the average begins as it is now. All its parameters and buffers are held once more, on its device.
        options: of the training.
    """

    def __init__(self, network: nn.Module, options: Options) -> None:
        self.options, self.steps = options, 0
        self._weights = {name: value.clone() for name, value in network.state_dict().items()}

    @property
    def decay(self) -> float:
        """What the next update keeps of the average."""
        step = self.steps + 1
        return min(self.options.decay, (1 + step) / (10 + step))

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the network as it is after an optimiser step; nothing waits for the device."""
        now, kept = network.state_dict(), self.decay
        moving = [name for name, value in self._weights.items() if value.is_floating_point()]
        torch._foreach_lerp_([self._weights[name] for name in moving], [now[name] for name in moving], 1 - kept)
        for name, value in self._weights.items():
            if not value.is_floating_point():
                value.copy_(now[name])
        self.steps += 1

    def weights(self) -> dict[str, Tensor]:
        """The average, to be loaded into the network; a copy."""
        return {name: value.clone() for name, value in self._weights.items()}

    @contextmanager
    def swapped(self, network: nn.Module) -> Iterator[None]:
        """A stretch in which the network is the average; its own weights come back to the bit, whatever happens."""
        own = {name: value.clone() for name, value in network.state_dict().items()}
        _write(network, self._weights)
        try:
            yield
        finally:
            _write(network, own)

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"steps": self.steps, "weights": self._weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.steps = state["steps"]
        for name, value in self._weights.items():
            value.copy_(state["weights"][name])


@torch.no_grad()
def _write(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    for name, value in network.state_dict().items():
        value.copy_(weights[name])
