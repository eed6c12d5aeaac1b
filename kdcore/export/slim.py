"""A graph without what only its writer needed: constants that are there twice, and long names between operators."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any


def slim(path: Path) -> None:
    """Rewrite the ONNX file at ``path`` with each constant once and short names inside; inputs and outputs keep theirs.

    Quantisation writes three operators where there was one, each with names made of the names around it, and a zero for
    every channel: of a small network that is a third of the file.
    """
    import onnx

    model = onnx.load(str(path))
    if any(attribute.HasField("g") for node in model.graph.node for attribute in node.attribute):
        return  # a branch sees the names around it
    same = _merge(model.graph)
    kept = {end.name for end in (*model.graph.input, *model.graph.output)}
    short = _Names(kept)
    for tensor in model.graph.initializer:
        tensor.name = short.of(tensor.name)
    for node in model.graph.node:
        node.name = ""
        node.input[:] = [short.of(same.get(name, name)) for name in node.input]
        node.output[:] = [short.of(name) for name in node.output]
    onnx.save(model, str(path))


class _Names:
    """Short names, given as they are asked for; those in ``kept`` stay, and so does the empty one."""

    def __init__(self, kept: set[str]) -> None:
        self._given = {name: name for name in (*kept, "")}
        self._numbers = (f"v{number}" for number in count() if f"v{number}" not in kept)

    def of(self, name: str) -> str:
        if name not in self._given:
            self._given[name] = next(self._numbers)
        return self._given[name]


def _merge(graph: Any) -> dict[str, str]:
    """Drop initializers that another one equals; returns whom each of them equals."""
    first: dict[bytes, str] = {}
    same: dict[str, str] = {}
    kept = []
    for tensor in graph.initializer:
        name, tensor.name = tensor.name, ""
        content = tensor.SerializeToString(deterministic=True)
        tensor.name = name
        same[name] = first.setdefault(content, name)
        if same[name] == name:
            kept.append(tensor)
    graph.ClearField("initializer")
    graph.initializer.extend(kept)
    return same
