"""torchvision's classifiers, built without weights, for any number of input channels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
import torchvision.models as zoo
from torch import nn

from kdcore.models.family import IN_CHANNELS, Family, Prototype, image_size

PREFIX = "torchvision/"
_FIXED: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception": {"aux_logits": False, "init_weights": True},
}
"""Arguments by torchvision module: a network with auxiliary heads would put out more than one tensor."""


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Every image classifier that the installed torchvision has, as ``torchvision/<name>``."""
    return tuple(PREFIX + name for name in sorted(zoo.list_models(module=zoo)))


def module_of(name: str) -> str:
    """The torchvision module that defines ``name``, such as ``resnet``; one family of networks each."""
    builder = zoo.get_model_builder(name.removeprefix(PREFIX))
    return str(builder.__module__).rpartition(".")[2]


def build_vision(name: str, num_classes: int, *, in_channels: int = 3, **options: Any) -> nn.Module:
    """The network ``torchvision/<name>`` with random weights; ``options`` go to its builder."""
    fixed = _FIXED.get(module_of(name), {})
    model: nn.Module = zoo.get_model(
        name.removeprefix(PREFIX), weights=None, num_classes=num_classes, **fixed, **options
    )
    if in_channels != 3:
        adapt_input(model, in_channels)
    return model


def adapt_input(model: nn.Module, channels: int) -> None:
    """Let the first convolution read ``channels`` maps: its kernels repeated in turn and scaled to the same response.

    Raises:
        ValueError: when the network has no convolution that reads three channels.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.in_channels == 3:
            with torch.no_grad():
                repeated = module.weight[:, [i % 3 for i in range(channels)]] * (3 / channels)
            module.weight = nn.Parameter(repeated)
            module.in_channels = channels
            return
    raise ValueError(f"{type(model).__name__} has no convolution of three input channels; in_channels must be 3")


def _vision(module: str, patch: str, names: tuple[str, ...]) -> Family:
    """The family of one torchvision module; ``patch`` is a vision transformer's, empty elsewhere."""
    options: dict[str, Any] = {"in_channels": IN_CHANNELS}
    sizes = {"maxvit": {"square": 1, "exactly": 224}}.get(module, {})
    if patch:
        options["image_size"] = image_size(224, int(patch), int(patch))
        sizes = {"square": 1, "multiple": int(patch)}
    return Family(
        name="/".join(filter(None, ("torchvision", module, patch))),
        description="torchvision's {name} with random weights",
        options=options,
        names=names,
        owns=names.__contains__,
        build=build_vision,
        prototypes=tuple(Prototype(name, name) for name in names),
        reference=(1000, (3, 224, 224)),
        sizes=sizes,
    )


def _families() -> Iterator[Family]:
    """One family for each torchvision module; vision transformers one for each patch, which limits the input size."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names():
        module = module_of(name)
        patch = name.rpartition("_")[2] if module == "vision_transformer" else ""
        groups.setdefault((module, patch), []).append(name)
    for (module, patch), group in groups.items():
        yield _vision(module, patch, tuple(group))


FAMILIES = tuple(_families())
