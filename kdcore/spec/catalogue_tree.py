"""One network's record read at given sizes: its layers with their shapes, and what they count together."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kdcore.spec.catalogue_records import Record
from kdcore.spec.catalogue_sizes import Sizes, evaluate

Shape = tuple[int, ...]
ATTENTION = "@"
"""Cost of a module that multiplies its [tokens, width] inputs twice: queries with keys, weights with values.

With an expression behind it, that of a module that makes so many products and holds no parameters."""


@dataclass(frozen=True)
class LayerInfo:
    """A module whose output can be captured: it puts out one tensor.

    Attributes:
        path: as in ``named_modules()``.
        kind: name of the module's class.
        shape: of its output, without the batch.
        input_shape: of its first argument, without the batch; None when that is no tensor.
        later: ``(input_shape, shape)`` of the module's second and further calls in one forward pass.
    """

    path: str
    kind: str
    shape: Shape
    input_shape: Shape | None = None
    later: tuple[tuple[Shape | None, Shape], ...] = ()


class Tree:
    """A network's record read at given sizes."""

    def __init__(self, network: Record, repeats: int, sizes: Sizes) -> None:
        self._network, self._repeats, self._sizes = network, repeats, sizes
        self._shapes = [
            tuple(evaluate(side, sizes) for side in shape.split(",")) if shape else () for shape in network["shapes"]
        ]

        self._nodes = list(self._walk("", network["root"]))

    def layers(self) -> tuple[LayerInfo, ...]:
        """Every module that puts out one tensor, parents before children."""
        return tuple(layer for path, node in self._nodes if path and (layer := self._layer(path, node)))

    def output(self) -> Shape:
        """Of the network itself; empty where that is not one tensor."""
        calls = [shape for _, shape in self._calls(self._nodes[0][1]) if shape is not None]
        return calls[0] if calls else ()

    def features(self) -> tuple[str, ...]:
        """Block-level paths; in a family of many depths they are stored as ``stages.*.blocks.*``."""
        return tuple(path for glob in self._network["features"] for path in self._matching(glob))

    def aliases(self) -> dict[str, tuple[str, ...]]:
        """Points by the names that the network has for them; stored as ``features`` are, with ``@in`` at the end."""
        stored: Mapping[str, list[str]] = self._network.get("aliases", {})
        return {name: tuple(point for glob in globs for point in self._points(glob)) for name, globs in stored.items()}

    def middle(self) -> str:
        """Path of the middle block; ``$`` stands for a stage's last one, ``%`` for the middle one of all."""
        middle = str(self._network["middle"]).replace("$", str(self._repeats - 1))
        return middle.replace("%", str((self._repeats - 1) // 2))

    def counts(self) -> tuple[int, int, bool]:
        """Parameters, multiply-accumulates of one sample, and whether the latter are exact."""
        counts = [self._counts(node) for _, node in self._nodes]
        extra, exact = self._extra_macs()
        return sum(own for own, _ in counts), sum(macs for _, macs in counts) + extra, exact

    def _walk(self, path: str, index: int) -> Iterator[tuple[str, list[Any]]]:
        node = self._network["nodes"][index]
        yield path, node
        for child, at in self._children(path, node[3]):
            yield from self._walk(f"{path}.{child}" if path else child, at)

    def _children(self, path: str, children: Mapping[str, int]) -> list[tuple[str, int]]:
        """A stage is stored with two blocks; the second stands for all further ones."""
        if not self._repeats or path.rpartition(".")[2] != "blocks":
            return list(children.items())
        return [(str(i), children[str(min(i, 1))]) for i in range(self._repeats)]

    def _calls(self, node: list[Any]) -> list[tuple[Shape | None, Shape | None]]:
        return [(self._shapes[a] if a >= 0 else None, self._shapes[b] if b >= 0 else None) for a, b in node[2]]

    def _layer(self, path: str, node: list[Any]) -> LayerInfo | None:
        calls = [(a, b) for a, b in self._calls(node) if b is not None]
        if not calls:
            return None
        return LayerInfo(path, node[0], calls[0][1], calls[0][0], tuple(calls[1:]))

    def _counts(self, node: list[Any]) -> tuple[int, int]:
        """Parameters that the module itself holds and multiply-accumulates that it makes."""
        cost = node[1]
        calls = [(a, b) for a, b in self._calls(node) if a is not None and b is not None]
        if cost == ATTENTION:
            return 0, sum(2 * tokens**2 * width for (tokens, width), _ in calls)
        if isinstance(cost, str) and cost.startswith(ATTENTION):
            return 0, evaluate(cost.removeprefix(ATTENTION), self._sizes)
        if isinstance(cost, str):
            return evaluate(cost, self._sizes), 0
        area, groups, bias, axis = cost
        inputs, outputs = calls[0][0][axis], calls[0][1][axis]
        fan_in = inputs // groups * area
        return outputs * (fan_in + bias), sum(fan_in * math.prod(b) for _, b in calls)

    def _extra_macs(self) -> tuple[int, bool]:
        """Attention products, tabulated by picture size; between table entries scaled by the number of pixels."""
        table: Mapping[str, int] = self._network.get("extra_macs", {})
        if not table:
            return 0, True
        height, width = self._sizes.height, self._sizes.width
        if height == width and str(height) in table:
            return table[str(height)], True
        closest = min(table, key=lambda side: abs(int(side) ** 2 - height * width))
        return round(table[closest] * height * width / int(closest) ** 2), False

    def _points(self, glob: str) -> list[str]:
        path, at, side = glob.partition("@")
        return [f"{found}{at}{side}" for found in self._matching(path)]

    def _matching(self, glob: str) -> list[str]:
        """Paths of ``glob``, in which ``*`` stands for one part of a path."""
        if "*" not in glob:
            return [glob]
        wanted = re.compile(re.escape(glob).replace(r"\*", r"[^.]+"))
        return [path for path, _ in self._nodes if wanted.fullmatch(path)]
