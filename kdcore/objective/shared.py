"""What several terms of one forward pass derive from the same tensors is computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar, TypeVarTuple

import torch
from torch import Tensor

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SHARED = "shared"
"""Entry of the context that holds what this pass has computed."""


class Shared:
    """Results of one forward pass, by the function that made them and by what it was given.

    A tensor counts as itself, whatever it holds: the same numbers with and without their graph are two. So are results
    found with and without gradient. Who asks first therefore decides nothing, and the gradient is that of the sum of
    the terms; only ask for functions that change and draw nothing.
    """

    def __init__(self) -> None:
        self._found: dict[Hashable, Any] = {}

    def once(self, compute: Callable[[*Ts], T], *given: *Ts) -> T:
        """``compute(*given)``, from the first time that this pass asked for it."""
        key = (compute, torch.is_grad_enabled(), *map(_identity, given))
        if key not in self._found:
            self._found[key] = compute(*given)
        found: T = self._found[key]
        return found


class _Itself:
    """A tensor as a key: equal to itself alone. The key holds it, so that no later tensor can take its place."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.tensor is other.tensor

    def __hash__(self) -> int:
        return id(self.tensor)


def _identity(given: object) -> Hashable:
    """Tensors by themselves, lists of them one by one, options by their value."""
    if isinstance(given, Tensor):
        return _Itself(given)
    return tuple(map(_identity, given)) if isinstance(given, list | tuple) else given


def sharing(context: Mapping[str, Any]) -> dict[str, Any]:
    """The context of one forward pass whose terms share what they compute; what is shared goes with it."""
    return {**context, SHARED: Shared()}


def once(context: Mapping[str, Any] | None, compute: Callable[[*Ts], T], *given: *Ts) -> T:
    """``compute(*given)``, computed once in a pass that shares; anew for a distance that is called on its own.

    Args:
        context: of the distance.
        compute: a function of a module, or a module, whose result follows from what it is given: neither a closure,
            which would be another one each time, nor one with state or randomness of its own.
        given: tensors, lists of tensors and plain values.
    """
    shared = None if context is None else context.get(SHARED)
    if shared is None:
        return compute(*given)
    assert isinstance(shared, Shared)
    return shared.once(compute, *given)
