"""A selection of timm's classifiers by name, CNN and transformer, built without weights for any input channels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from kdcore.models.family import IN_CHANNELS, Family, Prototype, image_size
from kdcore.models.landmarks import Landmarks, find_landmarks

PREFIX = "timm/"

ANY_SIZE: Mapping[str, Sequence[str]] = {
    "resnet": ("resnet10t", "resnet14t", "resnet18", "resnet18d", "resnet26", "resnet34", "resnet50"),
    "mobilenet": (
        "mobilenetv2_035",
        "mobilenetv2_050",
        "mobilenetv2_100",
        "mobilenetv3_small_050",
        "mobilenetv3_small_075",
        "mobilenetv3_small_100",
        "mobilenetv3_large_100",
        "mobilenetv4_conv_small",
        "lcnet_050",
        "lcnet_075",
        "lcnet_100",
    ),
    "efficientnet": (
        "efficientnet_lite0",
        "efficientnet_b0",
        "efficientnetv2_rw_t",
        "tf_efficientnetv2_b0",
        "mnasnet_small",
        "tinynet_c",
        "tinynet_d",
        "tinynet_e",
    ),
    "ghostnet": ("ghostnet_050", "ghostnet_100"),
    "convnext": (
        "convnext_atto",
        "convnext_femto",
        "convnext_pico",
        "convnext_nano",
        "convnext_tiny",
        "convnextv2_atto",
        "convnextv2_femto",
    ),
    "regnet": ("regnetx_002", "regnetx_004", "regnetx_008", "regnety_002", "regnety_004", "regnety_008"),
    "repvgg": ("repvgg_a0", "repvgg_a1", "repvgg_b0"),
    "poolformer": ("poolformer_s12", "poolformerv2_s12"),
    "fastvit": ("fastvit_t8", "fastvit_t12"),
    "edgenext": ("edgenext_xx_small", "edgenext_x_small"),
    "mobilevit": ("mobilevit_xxs", "mobilevit_xs", "mobilevit_s"),
}
"""Networks that take pictures of many sizes, by the family that lists show."""

ONE_SIZE: Mapping[tuple[str, int], Sequence[str]] = {
    ("vision_transformer", 16): (
        "vit_tiny_patch16_224",
        "vit_small_patch16_224",
        "deit_tiny_patch16_224",
        "deit_small_patch16_224",
        "deit3_small_patch16_224",
    ),
    ("vision_transformer", 32): ("vit_small_patch32_224",),
    ("mixer", 16): ("mixer_s16_224",),
    ("mixer", 32): ("mixer_s32_224",),
}
"""Networks whose weights depend on the size of the picture, by family and patch."""

_BODY = re.compile(r"(blocks|stages|layers?\d*|s\d)\b(?!.*downsample)")
"""Paths of blocks: stems, closing layers and what only comes down to the next resolution are none."""


def build_timm(name: str, num_classes: int, *, in_channels: int = 3, image_size: int | None = None) -> nn.Module:
    """The network ``timm/<name>`` with random weights from torch's global generator, and its landmarks."""
    import timm

    sizes: dict[str, Any] = {} if image_size is None else {"img_size": image_size}
    model: nn.Module = timm.create_model(
        name.removeprefix(PREFIX), pretrained=False, num_classes=num_classes, in_chans=in_channels, **sizes
    )
    found = find_landmarks(model)
    blocks = tuple(path for path in found.features if _BODY.match(path))
    # timm's networks have no such attribute, and nn.Module's are typed as tensors and modules.
    model.landmarks = Landmarks(blocks, found.classifier, blocks[(len(blocks) - 1) // 2])  # type: ignore[assignment]
    return model


def _family(kind: str, names: Sequence[str], patch: int | None = None) -> Family:
    """The family of one kind of networks; ``patch`` is a transformer's."""
    listed = tuple(PREFIX + name for name in names)
    options: dict[str, Any] = {"in_channels": IN_CHANNELS}
    if patch is not None:
        options["image_size"] = image_size(224, patch, patch)
    return Family(
        name=PREFIX + kind + (f"/{patch}" if patch else ""),
        description="timm's {name} with random weights",
        options=options,
        names=listed,
        owns=listed.__contains__,
        build=build_timm,
        prototypes=tuple(Prototype(name, name) for name in listed),
        reference=(1000, (3, 224, 224)),
        sizes={} if patch is None else {"square": 1, "multiple": patch},
    )


FAMILIES = (
    *(_family(kind, names) for kind, names in ANY_SIZE.items()),
    *(_family(kind, names, patch) for (kind, patch), names in ONE_SIZE.items()),
)
