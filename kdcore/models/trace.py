"""One forward pass of a network on the meta device: what every module takes in and puts out, at no cost in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from kdcore.spec.tasks import InputKind

Shape = tuple[int, ...]
BATCH = 3
"""A tensor whose first size is another one does not hold one row per sample, and is no feature."""


@dataclass
class Trace:
    """A module as it was seen: its class, its own parameters, and the shapes of its calls without the batch."""

    module: nn.Module
    parameters: int
    calls: list[tuple[Shape | None, Shape | None]] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return type(self.module).__name__


class _EmptyOnMeta(TorchFunctionMode):
    """Weights without memory; other tensors stay real, for builders that compute with them (RegNet's widths)."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        placed = {"device": "meta"} if func is torch.empty else {}
        return func(*args, **{**(kwargs or {}), **placed})


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """The network that ``build`` makes, without memory for its weights."""
    with torch.random.fork_rng(devices=[]), _EmptyOnMeta():
        return build().to("meta")


def trace(model: nn.Module, input_shape: Shape, dtype: torch.dtype = torch.float32) -> dict[str, Trace]:
    """Every module of ``model`` by path, as one pass over a batch of ``input_shape`` samples saw it."""
    seen = {
        path: Trace(module, sum(p.numel() for p in module.parameters(recurse=False)))
        for path, module in model.named_modules()
    }
    handles = [entry.module.register_forward_hook(_recorder(entry)) for entry in seen.values()]
    try:
        forward(model, input_shape, BATCH, dtype)
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _recorder(entry: Trace) -> Callable[[nn.Module, Any, Any], None]:
    def record(_module: nn.Module, args: Any, output: Any) -> None:
        entry.calls.append((_sample_shape(args[0] if args else None), _sample_shape(output)))

    return record


def _sample_shape(value: Any) -> Shape | None:
    rows = isinstance(value, Tensor) and value.dim() > 1 and value.shape[0] == BATCH
    return tuple(value.shape[1:]) if rows else None


def forward(model: nn.Module, input_shape: Shape, batch: int = 1, dtype: torch.dtype = torch.float32) -> Tensor:
    """The output of ``model`` in evaluation mode; gradients stay on, or attention would take its fused path unseen."""
    device = next(model.parameters()).device
    output: Tensor = model.eval()(torch.zeros(batch, *input_shape, device=device, dtype=dtype))
    return output


def dtype_of(kind: InputKind) -> torch.dtype:
    """What numbers of this kind of input are."""
    return torch.long if kind == "tokens" else torch.float32


def count_macs(model: nn.Module, input_shape: Shape, dtype: torch.dtype = torch.float32) -> int:
    """Multiply-accumulates of one sample: convolutions, linear layers and matrix products, as PyTorch counts them."""
    with FlopCounterMode(display=False) as counter:
        forward(model, input_shape, dtype=dtype)
    return int(counter.get_total_flops()) // 2
