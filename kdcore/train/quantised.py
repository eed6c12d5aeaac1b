"""Quantisation-aware training: a network that computes in the forward pass as its int8 file will, while a stage lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.errors import EngineError
from kdcore.train.rounding import Range, rounded, rounded_weight

OUTPUT = "@out"
"""The name under which the network's own output has its range."""

Forward = Callable[..., Any]


def _convolved(module: Any, inputs: Tensor, weight: Tensor) -> Tensor:
    convolved: Tensor = module._conv_forward(inputs, weight, module.bias)
    return convolved


def _linear(module: Any, inputs: Tensor, weight: Tensor) -> Tensor:
    return F.linear(inputs, weight, module.bias)


LAYERS: Mapping[Forward, Callable[[nn.Module, Tensor, Tensor], Tensor]] = {
    nn.Conv1d.forward: _convolved,
    nn.Conv2d.forward: _convolved,
    nn.Linear.forward: _linear,
}
"""By forward pass how a layer answers with other weights; subclasses that answer in a way of their own stay float."""


@dataclass
class Quantised:
    """The ranges of a network whose layers are rounded.

    The export (`kdcore.export.int8`) rounds the weights and the inputs of every convolution and linear layer, and the
    outputs of the network; BatchNorm and ReLU are part of the layer before them. It also rounds both sides of additions
    and of products of activations (attention), which stay float here: they come out as the rounded input of the next
    layer.

    Attributes:
        ranges: by module path of the layers, and of the outputs.
    """

    ranges: dict[str, Range] = field(default_factory=dict)

    def forget(self) -> None:
        """A step begins, perhaps anew."""
        for one in self.ranges.values():
            one.forget()

    def advance(self) -> None:
        """A step is taken: the ranges follow what it saw."""
        for one in self.ranges.values():
            one.advance()

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint needs."""
        return {name: one.ends for name, one in self.ranges.items() if one.ends is not None}

    def restore(self, state: Mapping[str, Tensor], device: torch.device | str) -> None:
        """Go on from a checkpoint."""
        for name, one in self.ranges.items():
            one.forget()
            one.ends = state[name].to(device) if name in state else None


@dataclass(frozen=True, eq=False)
class _Layer:
    """The forward pass of a layer with rounded weights and inputs."""

    module: nn.Module
    range: Range

    def __call__(self, inputs: Tensor) -> Tensor:
        weight = self.module.weight
        assert isinstance(weight, Tensor)
        return LAYERS[type(self.module).forward](self.module, _seen(inputs, self.range), rounded_weight(weight))


@dataclass(frozen=True, eq=False)
class _Whole:
    """The forward pass of the whole network with rounded outputs."""

    plain: Forward
    range: Range

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        outputs = self.plain(*args, **kwargs)
        rounds = isinstance(outputs, Tensor) and outputs.is_floating_point()
        return _seen(outputs, self.range) if rounds else outputs


def _seen(values: Tensor, range: Range) -> Tensor:
    """The values on their grid. A range follows training steps alone, which are the passes with gradients."""
    if torch.is_grad_enabled():
        range.look(values)
    return rounded(values, range.of(values))


@contextmanager
def quantised(network: nn.Module) -> Iterator[Quantised]:
    """A stretch in which ``network`` answers as its int8 file will; its weights stay float, and learn.

    Only forward passes are exchanged: parameters, names and hooks are those of the plain network, as it is again in the
    end. Hooks on a layer's input see it before it is rounded.

    Raises:
        EngineError: ``layer_not_found`` where the network has no such layer.
    """
    layers = {name: module for name, module in network.named_modules() if type(module).forward in LAYERS}
    if not layers:
        message = "the student has no convolution or linear layer that could be int8: leave training.quantise out"
        raise EngineError("layer_not_found", message, "/training/quantise")
    found = Quantised({name: Range() for name in layers})
    whole = found.ranges.setdefault(OUTPUT, Range())
    with ExitStack() as stack:
        for name, module in layers.items():
            stack.enter_context(_answering(module, _Layer(module, found.ranges[name])))
        stack.enter_context(_answering(network, _Whole(network.forward, whole)))
        yield found


@contextmanager
def _answering(module: nn.Module, forward: Forward) -> Iterator[None]:
    """A stretch in which a module has another forward pass."""
    before = vars(module).get("forward")
    module.forward = forward
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before
