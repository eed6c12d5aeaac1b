"""Convolutions of few channels, whose gradient oneDNN must not be asked for with channels last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

FEW = 16
"""Input channels below which it happens: a vector of floats, 8 with AVX2 (as measured) and 16 with AVX-512."""


def narrow(network: nn.Module) -> Iterator[nn.Conv2d]:
    """1x1 convolutions with a stride over few channels.

    For the gradient of their weights oneDNN 3.12 (PyTorch 2.14) writes behind its buffers where pictures lie with
    channels last: the process dies of a damaged heap, or goes on with it.
    """
    for module in network.modules():
        if not isinstance(module, nn.Conv2d) or set(module.kernel_size) != {1} or max(module.stride) == 1:
            continue
        if module.in_channels // module.groups < FEW:
            yield module


def contiguous_where_narrow(network: nn.Module) -> nn.Module:
    """The same network; such convolutions see their input contiguous from now on, whatever the others do.

    A kernel of one pixel is contiguous in both ways, and its strides say which one is meant: they are made anew.
    """
    for module in narrow(network):
        weight = module.weight.data
        module.weight.data = torch.empty(weight.shape, dtype=weight.dtype, device=weight.device).copy_(weight)
        if _contiguous not in module._forward_pre_hooks.values():
            module.register_forward_pre_hook(_contiguous)
    return network


def _contiguous(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(one.contiguous() for one in inputs)
