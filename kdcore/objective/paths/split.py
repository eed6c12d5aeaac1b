"""A network cut in three at its last block and its classifier, without hooks, so that each part can be exported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor, fx, nn

from kdcore.models.landmarks import landmarks
from kdcore.objective.paths.places import layouts

Parts = tuple[nn.Module, nn.Module, nn.Module]


@dataclass(frozen=True)
class Split:
    """Parts of one network, which share its weights: ``head(pool(body(images)))`` is what the network says.

    Attributes:
        body: images to the last block's map [B, C, H, W].
        pool: that map to the penultimate feature.
        head: the classifier, and what comes behind it.
        feature: the map of the sample, without gradient.
    """

    body: nn.Module
    pool: nn.Module
    head: nn.Module
    feature: Tensor


def split(network: nn.Module, sample: Tensor) -> Split:
    """Cut a convolutional network.

    Its forward pass is traced in evaluation mode down to the last block and the classifier, whose containers are
    opened; all other modules stay whole, and can be captured in the parts by their old names.

    Raises:
        ValueError: the forward pass cannot be traced or cut there, or the last block gives no map.
    """
    was_training = network.training
    try:
        parts = _parts(network.eval())
        with torch.no_grad():
            return Split(*parts, _checked(network, parts, sample))
    except Exception as error:  # a forward pass that is traced may fail in any way
        known = "networks whose classifier reads one map can, such as resnet, wrn and torchvision's convolutional ones"
        name = type(network).__name__
        raise ValueError(f"{name} cannot be cut between its last block and its classifier ({error}): {known}") from None
    finally:
        network.train(was_training)


def _checked(network: nn.Module, parts: Parts, sample: Tensor) -> Tensor:
    """The map of the sample, once the parts are known to say what the whole says."""
    body, pool, head = parts
    marks = landmarks(network)
    (layout,) = layouts(network, marks.features[-1:], marks.classifier, sample)
    if layout.kind != "maps":
        raise ValueError("its last block gives no map [B, C, H, W]")
    feature: Tensor = body(sample)
    if not torch.allclose(head(pool(feature)), network(sample), atol=1e-4):
        raise ValueError("its parts say something else than the whole")
    return feature


class _Tracer(fx.Tracer):
    """Traces through ``opened`` modules only."""

    def __init__(self, opened: set[str]) -> None:
        super().__init__()
        self.opened = opened

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name not in self.opened


def _above(path: str) -> Iterator[str]:
    """Paths of the modules that hold ``path``."""
    return accumulate(path.split(".")[:-1], lambda above, own: f"{above}.{own}")


def _parts(network: nn.Module) -> Parts:
    marks = landmarks(network)
    block, classifier = marks.features[-1], marks.classifier
    nodes = list(_Tracer({*_above(block), *_above(classifier)}).trace(network).nodes)
    cut, last = (_call(nodes, path) for path in (block, classifier))
    penultimate, said = _only(last), _only(nodes[-1])
    body, pool = _part(network, nodes, nodes[0], cut), _part(network, nodes, cut, penultimate)
    head = network.get_submodule(classifier) if last is said else _part(network, nodes, penultimate, said)
    return body, pool, head


def _only(node: fx.Node) -> fx.Node:
    """The one value that enters a node."""
    (value,) = node.all_input_nodes
    return value


def _call(nodes: list[fx.Node], path: str) -> fx.Node:
    """The last call of the module at ``path``."""
    calls = [node for node in nodes if node.op == "call_module" and node.target == path]
    if not calls:
        raise ValueError(f"its forward pass never calls {path!r}")
    return calls[-1]


def _part(network: nn.Module, nodes: list[fx.Node], begin: fx.Node, end: fx.Node) -> fx.GraphModule:
    """What leads from one value to another; nothing else may enter but weights."""
    between = nodes[nodes.index(begin) + 1 : nodes.index(end) + 1]
    wanted = {end}
    for node in reversed(between):
        if node in wanted:
            wanted.update(node.all_input_nodes)
    part = fx.Graph()
    copies = {begin: part.placeholder("x")}
    weights = [node for node in nodes if node.op == "get_attr" and node in wanted and node not in between]
    for node in [*weights, *(node for node in between if node in wanted)]:
        copies[node] = part.node_copy(node, lambda known: copies[known])
    part.output(copies[end])
    return fx.GraphModule(network, part)
