"""Several traces of one network as a tree of shared nodes, its sizes written as expressions."""

from __future__ import annotations

import json
import math
from typing import Any

from torch import nn

from kdcore.models.attention import Attention
from kdcore.models.remembering import RememberingAttention, TiedHead
from kdcore.models.symbols import Fitter
from kdcore.models.trace import Shape, Trace
from kdcore.spec.catalogue_sizes import multiplied
from kdcore.spec.catalogue_tree import ATTENTION


class Nodes:
    """The distinct shapes and nodes of a network; blocks that are alike are one node.

    A node is ``[kind, cost, calls, children]``. Its cost is ``[kernel area, groups, bias, axis of the channels]`` for a
    convolution or linear layer, ``@`` for the products of attention, ``@`` and an expression for a module without
    parameters that makes so many products, else the parameters that the module itself holds. A call is a pair of places
    in ``shapes``, input and output, -1 for what is not one tensor.

    Args:
        whole: whether a module's own parameters are one expression, or a sum over its tensors of products of their
            sizes, which also tells what an embedding holds.

    Raises:
        Undecided: when the traces allow several expressions.
        NoExpression: when they allow none.
    """

    def __init__(self, traces: list[dict[str, Trace]], fitter: Fitter, whole: bool = True) -> None:
        self._traces = traces
        self._whole = whole
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
        node = json.dumps([seen[0].kind, self._cost(path, seen), self._calls(seen), children])
        return self._nodes.setdefault(node, len(self._nodes))

    def _products(self, path: str) -> str:
        """Queries with keys and weights with values, for the scores [H, L, M] and queries [L, E] that were seen."""
        scores, queries = ([trace[f"{path}.{name}"] for trace in self._traces] for name in ("scores", "query"))
        return multiplied("2", *self._sides(scores, 1)[1:], self._sides(queries, 1)[-1])

    def _sides(self, seen: list[Trace], side: int) -> list[str]:
        """The expressions of a module's first input (0) or output (1)."""
        shapes = [entry.calls[0][side] or () for entry in seen]
        return [self._fitter.expression(values) for values in zip(*shapes, strict=True)]

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

    def _cost(self, path: str, seen: list[Trace]) -> Any:
        layer = seen[0].module
        if seen[0].calls and None not in seen[0].calls[0]:
            if isinstance(layer, nn.Conv1d | nn.Conv2d):
                area = math.prod(layer.kernel_size)
                return [area, layer.groups, int(layer.bias is not None), 0]
            if isinstance(layer, nn.Linear):
                return [1, 1, int(layer.bias is not None), -1]
            if isinstance(layer, Attention):
                return ATTENTION
            if isinstance(layer, RememberingAttention):
                return ATTENTION + self._products(path)
            if isinstance(layer, TiedHead):
                shapes = [self._sides(seen, side) for side in (0, 1)]
                return ATTENTION + multiplied(*shapes[1], shapes[0][-1])
        if self._whole:
            return self._fitter.expression([entry.parameters for entry in seen])
        tensors = zip(*(entry.module.parameters(recurse=False) for entry in seen), strict=True)
        return "+".join(self._fitter.product([tuple(one.shape) for one in tensor]) for tensor in tensors) or "0"
