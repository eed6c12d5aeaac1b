"""Inputs as a brought network knows them, where it was trained on other figures than the dataset's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Renormalise:
    """A hook before the forward pass: from inputs normalised by ``(mean, std)`` to those by a network's own.

    ``x * s / s' + (m - m') / s'`` by channel. It is no module, so that paths inside the network and its weights stay
    as they are.
    """

    def __init__(
        self, mean: Sequence[float], std: Sequence[float], own_mean: Sequence[float], own_std: Sequence[float]
    ) -> None:
        self.factor = torch.tensor([s / o for s, o in zip(std, own_std, strict=True)])
        self.summand = torch.tensor([(m - n) / o for m, n, o in zip(mean, own_mean, own_std, strict=True)])

    def __call__(self, _module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        inputs: Tensor = args[0]
        shape = (1, -1, *[1] * (inputs.ndim - 2))
        factor, summand = (one.to(inputs).view(shape) for one in (self.factor, self.summand))
        return (inputs * factor + summand, *args[1:])


def renormalised(
    network: nn.Module,
    mean: Sequence[float],
    std: Sequence[float],
    own_mean: Sequence[float],
    own_std: Sequence[float],
) -> nn.Module:
    """The same network, given what it knows whenever it is given inputs normalised by ``mean`` and ``std``.

    Raises:
        ValueError: another number of channels.
    """
    if not len(mean) == len(own_mean) == len(own_std):
        raise ValueError(f"its inputs were normalised over {len(own_mean)} channels, the dataset has {len(mean)}")
    if tuple(mean) != tuple(own_mean) or tuple(std) != tuple(own_std):
        network.register_forward_pre_hook(Renormalise(mean, std, own_mean, own_std))
    return network
