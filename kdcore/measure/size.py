"""What a network costs to hold and to run: parameters, and multiply-adds counted from a real forward pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from kdcore.measure.example import example
from kdcore.measure.predict import device_of, evaluating
from kdcore.spec.tasks import InputKind


def parameters(module: nn.Module) -> int:
    """Number of parameters, shared ones once; buffers such as BatchNorm's statistics are not parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def macs(module: nn.Module, input_shape: Sequence[int], kind: InputKind = "image") -> int:
    """Multiply-adds of convolutions, linear layers and attention for one input of ``input_shape`` (no batch axis).

    Counted by PyTorch on one forward pass in eval mode: a layer that runs twice counts twice.
    """
    # An input that wants a gradient keeps attention off its fused layer, and the plain backend keeps its two
    # products off a processor's own kernel: the counter sees neither.
    given = example(input_shape, kind).to(device_of(module))
    if given.is_floating_point():
        given.requires_grad_()
    plainly = sdpa_kernel(SDPBackend.MATH)
    with evaluating(module), torch.enable_grad(), plainly, FlopCounterMode(display=False) as counter:
        module(given)
    return int(counter.get_total_flops()) // 2
