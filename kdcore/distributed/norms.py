"""BatchNorm over the pictures of all processes, on CPUs as on GPUs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from kdcore.distributed.group import Group
from kdcore.errors import EngineError


@contextmanager
def synchronised(network: nn.Module, group: Group) -> Iterator[None]:
    """A stretch in which the BatchNorm layers of a network take their statistics from the batch of all processes.

    Only in training mode; running statistics move alike in every process. The modules stay what they are, and so do
    their names and the state dict: each layer has a forward pass of its own until the stretch ends. Layers that are
    synchronised already, because two networks share them, are left so. Adapters of an objective that sees the
    gathered batch need none of it.

    Raises:
        EngineError: ``invalid_data`` for a kind of BatchNorm with a forward pass that is not PyTorch's plain one.
    """
    layers = [] if group.size == 1 else [*_plain(network)]
    for layer in layers:
        layer.forward = Synchronised(layer, group)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _plain(network: nn.Module) -> Iterator[_BatchNorm]:
    for path, layer in network.named_modules():
        if not isinstance(layer, _BatchNorm) or isinstance(vars(layer).get("forward"), Synchronised):
            continue
        if type(layer).forward is not _BatchNorm.forward:
            message = f"layer {path!r}, a {type(layer).__name__}, cannot be shared by processes: take one process"
            raise EngineError("invalid_data", message, "/resources/processes")
        yield layer


@dataclass(frozen=True, eq=False)
class Synchronised:
    """The forward pass of one layer."""

    layer: _BatchNorm
    group: Group

    def __call__(self, x: Tensor) -> Tensor:
        """[B / size, C, ...] normalised by the statistics of [B, C, ...]; as the layer itself in evaluation mode."""
        layer = self.layer
        if not layer.training:
            return _BatchNorm.forward(layer, x)
        layer._check_input_dim(x)  # type: ignore[no-untyped-call]
        mean, var, count = statistics(x.detach(), self.group)
        if layer.track_running_stats and layer.running_mean is not None:
            _follow(layer, mean, var * (count / (count - 1)))
        normalised: Tensor = _Normalised.apply(x, layer.weight, layer.bias, mean, var, count, layer.eps, self.group)
        return normalised


@torch.no_grad()
def statistics(x: Tensor, group: Group) -> tuple[Tensor, Tensor, int]:
    """Mean and variance (correction 0) of each channel over all processes, and over how many values.

    Each process's moments are put together by the formula of Chan, Golub and LeVeque (1979), which loses no digits
    where the mean is large.
    """
    var, mean = torch.var_mean(_precise(x), [d for d in range(x.ndim) if d != 1], correction=0)
    own = torch.cat([mean.double(), var.double(), mean.new_tensor([x.numel() // x.shape[1]]).double()])
    rows = group.rows(own)
    means, variances = rows[:, :-1].chunk(2, dim=1)
    counts = rows[:, -1:]
    shares = counts / counts.sum()
    middle = (shares * means).sum(0)
    spread = (shares * (variances + (means - middle).square())).sum(0)
    return middle.to(mean), spread.to(mean), int(counts.sum())


@torch.no_grad()
def _follow(layer: _BatchNorm, mean: Tensor, var: Tensor) -> None:
    """Move the running statistics, as `torch.nn.BatchNorm2d` does it."""
    assert layer.running_mean is not None
    assert layer.running_var is not None
    share = layer.momentum
    if layer.num_batches_tracked is not None:
        layer.num_batches_tracked.add_(1)
        share = 1 / float(layer.num_batches_tracked) if share is None else share
    layer.running_mean.lerp_(mean.to(layer.running_mean), share or 0.0)
    layer.running_var.lerp_(var.to(layer.running_var), share or 0.0)


class _Normalised(torch.autograd.Function):
    """``(x - mean) / sqrt(var + eps) * weight + bias``, where mean and var are those of all processes' x."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        var: Tensor,
        count: int,
        eps: float,
        group: Group,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, bias, mean, var)
        ctx.count, ctx.eps, ctx.group = count, eps, group
        return F.batch_norm(x, mean, var, weight, bias, False, 0.0, eps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        """With ``z = (x - mean) s`` and ``s = 1 / sqrt(var + eps)``: ``w s (dy - mean(dy) - z mean(dy z))``.

        The means are over all processes; weight and bias get this one's own part of their gradients.
        """
        x, weight, bias, mean, var = ctx.saved_tensors
        _, to_weight, to_bias = torch.ops.aten.native_batch_norm_backward(
            slope, x, weight, mean, var, None, None, False, ctx.eps, [False, True, True]
        )
        mean_dy, mean_dy_z = ctx.group.sum(torch.stack([to_bias, to_weight])) / ctx.count
        s = (var + ctx.eps).rsqrt()
        scale = s if weight is None else s * weight
        bend = scale * s * mean_dy_z
        shape = [1, -1] + [1] * (x.ndim - 2)
        back = torch.addcmul((bend * mean - scale * mean_dy).view(shape), _precise(x), -bend.view(shape))
        back.addcmul_(_precise(slope), scale.view(shape))
        own = None if weight is None else to_weight, None if bias is None else to_bias
        return back.to(x.dtype), *own, None, None, None, None, None


def _precise(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
