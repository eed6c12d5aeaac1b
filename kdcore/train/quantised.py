"""Quantisation-aware training: a network that answers as its int8 file will, for as long as a stage lives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

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

OPERATORS: Mapping[Any, str] = {
    torch.add: "add",
    Tensor.add: "add",
    torch.matmul: "matmul",
    Tensor.matmul: "matmul",
}
"""What networks do with two activations: shortcuts and attention. Sums made in place stay float."""


@dataclass
class Quantised:
    """The ranges of a network that is rounded where the export (`kdcore.export.int8`) rounds it.

    That is: the weights and inputs of convolutions and linear layers, both sides of additions and products of two
    activations, and the outputs of the network. BatchNorm and ReLU are part of the layer before them. Layer norms,
    activation functions and embeddings stay float here, and come out as the rounded input of the next layer.

    Attributes:
        ranges: by module path of a layer, by place in the forward pass of an operator, and of the outputs.
    """

    ranges: dict[str, Range] = field(default_factory=lambda: defaultdict(Range))

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
        self.ranges.clear()
        for name, ends in state.items():
            self.ranges[name].ends = ends.to(device)

    def seen(self, name: str, values: Tensor) -> Tensor:
        """The values on their grid. A range follows training steps alone, which are the passes with gradients."""
        own = self.ranges[name]
        if torch.is_grad_enabled():
            own.look(values)
        return rounded(values, own.of(values))


@dataclass(frozen=True, eq=False)
class _Layer:
    """The forward pass of a layer with rounded weights and inputs."""

    name: str
    module: nn.Module
    found: Quantised

    def __call__(self, inputs: Tensor) -> Tensor:
        weight = self.module.weight
        assert isinstance(weight, Tensor)
        answer = LAYERS[type(self.module).forward]
        return answer(self.module, self.found.seen(self.name, inputs), rounded_weight(weight))


@dataclass(frozen=True, eq=False)
class _Whole:
    """The forward pass of the whole network, with rounded operators between its layers and rounded outputs."""

    plain: Forward
    found: Quantised

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with _Between(self.found):
            outputs = self.plain(*args, **kwargs)
        rounds = isinstance(outputs, Tensor) and outputs.is_floating_point()
        return self.found.seen(OUTPUT, outputs) if rounds else outputs


class _Between(TorchFunctionMode):
    """Operators on two activations, each known by its place in the forward pass, which is the same in every pass."""

    def __init__(self, found: Quantised) -> None:
        super().__init__()
        self.found, self.calls = found, 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kind = OPERATORS.get(func)
        if kind is not None and len(args) == 2 and all(map(_numbers, args)):
            self.calls += 1
            args = self._rounded(f"{kind}#{self.calls}", *args)
        return func(*args, **(kwargs or {}))

    def _rounded(self, name: str, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """Both on their grids, where training has found both to be activations: a mask is none, nor an embedding."""
        sides = {f"{name}@0": one, f"{name}@1": other}
        if name.startswith("add") and one.shape != other.shape:
            return one, other
        learning = one.requires_grad and other.requires_grad
        if not learning and not all(side in self.found.ranges for side in sides):
            return one, other
        first, second = (self.found.seen(side, values) for side, values in sides.items())
        return first, second


def _numbers(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


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
    found = Quantised()
    with ExitStack() as stack:
        for name, module in layers.items():
            stack.enter_context(_answering(module, _Layer(name, module, found)))
        stack.enter_context(_answering(network, _Whole(network.forward, found)))
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
