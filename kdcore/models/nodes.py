"""Several traces of one network as a tree of shared nodes, its sizes written as expressions."""

from __future__ import annotations

import json
from typing import Any

from torch import nn

from kdcore.models.attention import Attention
from kdcore.models.symbols import Fitter
from kdcore.models.trace import Shape, Trace
from kdcore.spec.catalogue_tree import ATTENTION


class Nodes:
    """The distinct shapes and nodes of a network; blocks that are alike are one node.

    A node is ``[kind, cost, calls, children]``. Its cost is ``[kernel area, groups, bias, axis of the channels]`` for a
    convolution or linear layer, ``@`` for the products of attention, else the parameters that the module itself
    holds. A call is a pair of places in ``shapes``, input and output, -1 for what is not one tensor.

    Raises:
        Undecided: when the traces allow several expressions.
        NoExpression: when they allow none.
    """

    def __init__(self, traces: list[dict[str, Trace]], fitter: Fitter) -> None:
        self._traces = traces
        self._fitter = fitter
        self._shapes: dict[str, int] = {}
        self._nodes: dict[str, int] = {}
        self.root = self._add("")

    @property
    def shapes(self) -> list[str]:
        """Each shape as expressions, joined by commas."""
        return list(self._shapes)

    @property
    def nodes(self) -> list[Any]:
        """Each node, children before parents."""
        return [json.loads(node) for node in self._nodes]

    def _add(self, path: str) -> int:
        seen = [trace[path] for trace in self._traces]
        names = [name for name, _ in seen[0].module.named_children()]
        children = {name: self._add(f"{path}.{name}".lstrip(".")) for name in names}
        node = json.dumps([seen[0].kind, self._cost(seen), self._calls(seen), children])
        return self._nodes.setdefault(node, len(self._nodes))

    def _calls(self, seen: list[Trace]) -> list[list[int]]:
        """The calls of a module, which must be as many in every trace."""
        return [
            [self._shape([one[side] for one in call]) for side in (0, 1)]
            for call in zip(*(entry.calls for entry in seen), strict=True)
        ]

    def _shape(self, shapes: list[Shape | None]) -> int:
        known = [shape for shape in shapes if shape is not None]
        if len(known) < len(shapes):
            return -1
        text = ",".join(self._fitter.expression(sides) for sides in zip(*known, strict=True))
        return self._shapes.setdefault(text, len(self._shapes))

    def _cost(self, seen: list[Trace]) -> Any:
        layer = seen[0].module
        if seen[0].calls and None not in seen[0].calls[0]:
            if isinstance(layer, nn.Conv2d):
                area = layer.kernel_size[0] * layer.kernel_size[1]
                return [area, layer.groups, int(layer.bias is not None), 0]
            if isinstance(layer, nn.Linear):
                return [1, 1, int(layer.bias is not None), -1]
            if isinstance(layer, Attention):
                return ATTENTION
        return self._fitter.expression([entry.parameters for entry in seen])
