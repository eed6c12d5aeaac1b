"""Where a network is looked at by default: its blocks, its middle, its classifier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import nn


@dataclass(frozen=True)
class Landmarks:
    """Module paths that methods use when a job names none.

    Attributes:
        features: block-level paths from input to output, for layer matching.
        classifier: path of the layer that makes the logits; its input is the penultimate feature.
        middle: path of the default hint and guided layer.
        aliases: further names of points that are in every block, such as ``queries``, and those points.
    """

    features: tuple[str, ...]
    classifier: str
    middle: str
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def landmarks(model: nn.Module) -> Landmarks:
    """The landmarks that the network declares, or else those found by `find_landmarks`."""
    declared = getattr(model, "landmarks", None)
    return declared if isinstance(declared, Landmarks) else find_landmarks(model)


def features(model: nn.Module) -> tuple[str, ...]:
    """Block-level module paths of ``model``, from input to output."""
    return landmarks(model).features


def stage_landmarks(blocks: list[int], classifier: str = "head", preactivations: str | None = None) -> Landmarks:
    """Landmarks of a network with ``stages.i.blocks.j``; the middle is the end of the middle stage.

    ``preactivations`` is where in a block its result is not yet activated, as the end of a point.
    """
    paths = tuple(f"stages.{i}.blocks.{j}" for i, count in enumerate(blocks) for j in range(count))
    at = (len(blocks) - 1) // 2
    aliases = {} if preactivations is None else {"preactivations": tuple(path + preactivations for path in paths)}
    return Landmarks(paths, classifier, f"stages.{at}.blocks.{blocks[at] - 1}", aliases)


_OPENED = {
    "Encoder",
    "MaxVit",
    "MaxVitBlock",
    "ConvNeXtStage",
    "EdgeNeXtStage",
    "FastVitStage",
    "IntermediateLayerGetter",
    "MetaFormerStage",
    "RegStage",
}
"""Classes with a forward of their own whose sub-blocks, and not they themselves, are the blocks of the network."""
_ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish)


def find_landmarks(model: nn.Module) -> Landmarks:
    """Landmarks of a convolutional or transformer classifier that declares none, by its module tree.

    Blocks are the composite modules that plain containers hold; in a container of mere layers (VGG, AlexNet) every
    activation is the end of a block. The classifier is the last layer with weights.

    Raises:
        ValueError: when the network has no layer that could be its classifier.
    """
    weighted = [path for path, module in model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    if not weighted:
        raise ValueError(f"{type(model).__name__} has no linear or convolution layer to be its classifier")
    classifier = weighted[-1]
    head = classifier.split(".")[0]
    blocks = [path for path in _blocks(model) if path.split(".")[0] != head] or [classifier]
    return Landmarks(tuple(blocks), classifier, blocks[(len(blocks) - 1) // 2])


def _blocks(model: nn.Module) -> Iterator[str]:
    for name, child in model.named_children():
        if not _is_leaf(child):
            yield from _within(name, child)


def _within(path: str, module: nn.Module) -> Iterator[str]:
    if not _is_container(module):
        if any(True for _ in module.parameters()):
            yield path
        return
    for name, child in module.named_children():
        if isinstance(child, _ACTIVATIONS):
            yield f"{path}.{name}"
        elif not _is_leaf(child):
            yield from _within(f"{path}.{name}", child)


def _is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None


def _is_container(module: nn.Module) -> bool:
    """Whether the module only strings its children together, so that they are what a reader calls blocks."""
    if type(module) in (nn.Sequential, nn.ModuleList) or type(module).__name__ in _OPENED:
        return True
    return isinstance(module, nn.Sequential) and not any(_is_leaf(child) for child in module.children())
