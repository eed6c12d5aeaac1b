"""Proof that distillation added nothing to the student: its ONNX graph against that of a plain student."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from torch import nn


class Overhead(TypedDict):
    """What a trained student's graph has beyond a plain one's; ready for JSON.

    Keys:
        identical: the same operators, each as often, and as many parameters.
        operators: how often the trained student uses each operator.
        added, removed: operators that it has more of, and fewer of, than the plain one.
        parameters: ``student`` and ``plain``.
    """

    identical: bool
    operators: dict[str, int]
    added: dict[str, int]
    removed: dict[str, int]
    parameters: dict[str, int]


@dataclass(frozen=True)
class _Graph:
    operators: Counter[str]
    parameters: int


def overhead(student: Path, plain: Path) -> Overhead:
    """Compare the files of a trained student and of a plain one of the same architecture.

    The exporter folds BatchNorm into convolutions and leaves additions of zero out, so the plain student should hold
    trained weights, too: those of the student trained alone, or the student's own loaded into a fresh network.
    Parameters are counted as the operators read them, with the bias that a convolution or product may have, even
    where it was left out for being zero.
    """
    trained, reference = _read(student), _read(plain)
    added = trained.operators - reference.operators
    removed = reference.operators - trained.operators
    return Overhead(
        identical=not added and not removed and trained.parameters == reference.parameters,
        operators=_sorted(trained.operators),
        added=_sorted(added),
        removed=_sorted(removed),
        parameters={"student": trained.parameters, "plain": reference.parameters},
    )


def built_alike(student: nn.Module, plain: nn.Module) -> bool:
    """Whether two networks are made of the same layers under the same names, of the same sizes, and compute by nothing
    else: no hooks, no forward pass that was put in the place of a layer's own."""
    return repr(student) == repr(plain) and _sizes(student) == _sizes(plain) and _is_plain(student) and _is_plain(plain)


def _sizes(network: nn.Module) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {name: (type(found).__name__, tuple(found.shape)) for name, found in network.state_dict().items()}


def _is_plain(network: nn.Module) -> bool:
    return not any(
        "forward" in vars(module) or module._forward_hooks or module._forward_pre_hooks for module in network.modules()
    )


def _sorted(operators: Counter[str]) -> dict[str, int]:
    return dict(sorted(operators.items()))


def _read(path: Path) -> _Graph:
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    shapes: dict[str, tuple[int, ...]] = {
        tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer if tensor.data_type in _floats()
    }
    nodes = [*_nodes(model.graph), *(node for function in model.functions for node in _nodes(function))]
    operators = Counter(f"{node.domain}::{node.op_type}" if node.domain else node.op_type for node in nodes)
    return _Graph(operators, sum(_parameters(node, shapes) for node in nodes))


def _floats() -> set[int]:
    import onnx

    kinds = onnx.TensorProto
    return {kinds.FLOAT, kinds.FLOAT16, kinds.BFLOAT16, kinds.DOUBLE}


def _nodes(graph: Any) -> Iterator[Any]:
    """The nodes of a graph and of the graphs inside them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _parameters(node: Any, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Numbers that a node reads from the file, the zeros of a bias that was left out among them."""
    read = sum(math.prod(shapes[name]) for name in node.input if name in shapes)
    if node.op_type not in _BIASED or (len(node.input) > 2 and node.input[2]) or node.input[1] not in shapes:
        return read
    options = {attribute.name: attribute.i for attribute in node.attribute}
    return read + _BIASED[node.op_type](shapes[node.input[1]], options)


_BIASED: Mapping[str, Callable[[tuple[int, ...], dict[str, int]], int]] = {
    "Conv": lambda weight, options: weight[0],
    "ConvTranspose": lambda weight, options: weight[1] * options.get("group", 1),
    "Gemm": lambda weight, options: weight[0 if options.get("transB") else 1],
}
"""Operators with a bias for each output as their third input, and how many outputs their weight tells."""
