"""BatchNorm folded into the convolution before it, for networks that only speak: the same answers with less work."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

TOLERANCE = 1e-4
"""Largest difference of a folded network's outputs, relative to their largest value."""

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def folded(network: nn.Module, sample: Tensor, keep: Collection[str] = ()) -> tuple[nn.Module, int]:
    """A copy of a network in evaluation mode with its BatchNorm layers folded away, and how many were.

    Module paths stay, a folded layer becomes ``Identity``: what leaves it is what left it before, while the
    convolution in front of it now puts that out, too. The network itself is not touched. It is given back as it is
    where the graph cannot be traced, or where the copy's answers differ by more than ``TOLERANCE``.

    Args:
        network: frozen, in evaluation mode.
        sample: inputs to compare the answers on.
        keep: module paths that are looked at and must stay as they are.
    """
    pairs = [pair for pair in _pairs(network) if not set(pair) & set(keep)]
    if not pairs:
        return network, 0
    copied = copy.deepcopy(network)
    for convolution, norm in pairs:
        fused = fuse_conv_bn_eval(copied.get_submodule(convolution), copied.get_submodule(norm))  # type: ignore[type-var, arg-type]
        _put(copied, convolution, fused)
        _put(copied, norm, nn.Identity())
    return (copied, len(pairs)) if _agree(network, copied, sample) else (network, 0)


def _pairs(network: nn.Module) -> Iterator[tuple[str, str]]:
    """Paths of a convolution and the BatchNorm that is the only one to read it; both are called once."""
    try:
        graph = fx.symbolic_trace(network).graph
    except Exception:  # whatever a network's own code raises when it is traced with symbols
        return
    modules = dict(network.named_modules())
    calls = [str(node.target) for node in graph.nodes if node.op == "call_module"]
    for node in graph.nodes:
        if node.op != "call_module" or not isinstance(modules[str(node.target)], NORMS) or not node.args:
            continue
        before = node.args[0]
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) != 1:
            continue
        pair = str(before.target), str(node.target)
        if isinstance(modules[pair[0]], CONVOLUTIONS) and all(calls.count(path) == 1 for path in pair):
            yield pair


def _put(network: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, module)


@torch.no_grad()
def _agree(one: nn.Module, other: nn.Module, sample: Tensor) -> bool:
    expected, found = one(sample), other(sample)
    return bool((expected - found).abs().max() <= TOLERANCE * expected.abs().max().clamp(min=1e-6))
