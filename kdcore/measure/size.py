"""What a network costs to hold and to run: parameters, and multiply-adds counted from a real forward pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from kdcore.measure.predict import device_of, evaluating


def parameters(module: nn.Module) -> int:
    """Number of parameters, shared ones once; buffers such as BatchNorm's statistics are not parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def macs(module: nn.Module, input_shape: Sequence[int]) -> int:
    """Multiply-adds of convolutions, linear layers and attention for one input of ``input_shape`` (no batch axis).

    Counted by PyTorch on one forward pass of zeros in eval mode: a layer that runs twice counts twice.
    """
    # An input that wants a gradient keeps attention off its fused layer, and the plain backend keeps its two
    # products off a processor's own kernel: the counter sees neither.
    example = torch.zeros(1, *input_shape, device=device_of(module), requires_grad=True)
    plainly = sdpa_kernel(SDPBackend.MATH)
    with evaluating(module), torch.enable_grad(), plainly, FlopCounterMode(display=False) as counter:
        module(example)
    return int(counter.get_total_flops()) // 2
