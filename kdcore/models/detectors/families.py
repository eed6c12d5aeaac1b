"""The detectors that jobs can name, as families of the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from kdcore.models.detectors.backbones import (
    FINER_STRIDES,
    RESNET_STRIDES,
    TINY_STRIDES,
    TinyBackbone,
    finer_pyramid,
    resnet_pyramid,
)
from kdcore.models.detectors.base import Detector
from kdcore.models.detectors.fasterrcnn import FasterRCNNDetector
from kdcore.models.detectors.fcos import FCOSDetector
from kdcore.models.detectors.retinanet import RetinaNetDetector
from kdcore.models.detectors.ssdlite import SSDLiteDetector
from kdcore.models.family import IN_CHANNELS, WIDTH, Family, Prototype
from kdcore.models.landmarks import Landmarks
from kdcore.models.vision import adapt_input
from kdcore.spec.catalogue_sizes import scaled

PREFIX = "detection/"
RESNETS = ("resnet18", "resnet34", "resnet50")
MOBILE = ("mobilenet_v3_small", "mobilenet_v3_large")
SCALES = {"retinanet": (4.0, 2.0), "fasterrcnn": (8.0, 3.0)}
"""Sides of the smallest anchor of a level, in strides: torchvision's for ResNets, and ours for small pictures."""

PROPOSALS, HIDDEN = (300, 100), (1024, 256)
"""Proposals of a picture, 300 as Ren et al. 2015 have it, and width of their head: for ResNets, and for ``tiny``."""

ANSWERING = {"class_maps": "head.classification_head.cls_logits", "box_maps": "head.regression_head.bbox_reg"}
PROPOSING = {"class_maps": "rpn.head.cls_logits", "box_maps": "rpn.head.bbox_pred"}
"""Layers of the heads that look at whole levels; of two stages those of the first."""


def _scale_option(default: float) -> dict[str, Any]:
    """The option of detectors with anchors; it changes no weight."""
    return {
        "type": "number",
        "default": default,
        "minimum": 0.5,
        "maximum": 16,
        "description": "side of a level's smallest anchor, in strides of the level; smaller for smaller objects",
    }


def _families() -> Iterator[Family]:
    """RetinaNet, FCOS and Faster R-CNN on ResNets and on a small backbone of any width, and SSDlite on MobileNetV3."""
    for head in ("retinanet", "fcos", "fasterrcnn"):
        large, little = ({"anchor_scale": _scale_option(one)} for one in SCALES[head]) if head in SCALES else ({}, {})
        yield _family(head, [f"{head}-{name}" for name in RESNETS], large, "{name} with a feature pyramid")
        small = "{name}: a small backbone of any width with a pyramid, for pictures of some hundred pixels"
        yield _family(f"{head}-tiny", [f"{head}-tiny"], {"width": WIDTH, **little}, small, (3, 128, 128))
    yield _family("ssdlite", [f"ssdlite-{name}" for name in MOBILE], {}, "{name} on six maps")


def _family(
    name: str,
    names: list[str],
    options: dict[str, Any],
    description: str,
    reference: tuple[int, int, int] = (3, 320, 320),
) -> Family:
    full = tuple(PREFIX + one for one in names)
    return Family(
        name=PREFIX + name,
        description=f"detector {description}, with random weights",
        options={"in_channels": IN_CHANNELS, **options},
        names=full,
        owns=full.__contains__,
        build=build_detector,
        prototypes=tuple(Prototype(one, one) for one in full),
        reference=(20, reference),
        tasks=("detection",),
    )


def build_detector(
    name: str, num_classes: int, *, in_channels: int = 3, width: float = 1.0, anchor_scale: float | None = None
) -> Detector:
    """The detector ``name`` for ``num_classes`` classes without background; the options of its family count."""
    head, _, trunk = name.removeprefix(PREFIX).partition("-")
    if head == "ssdlite":
        detector: Detector = SSDLiteDetector(trunk, num_classes)
        detector.landmarks = _mobile_landmarks(detector)
    elif trunk == "tiny":
        return _tiny(head, num_classes, in_channels, width, anchor_scale)
    else:
        detector = _on_resnet(head, trunk, num_classes, anchor_scale)
    if in_channels != 3:
        adapt_input(detector, in_channels)
    return detector


def _on_resnet(head: str, trunk: str, num_classes: int, anchor_scale: float | None) -> Detector:
    if head == "fasterrcnn":
        scale = anchor_scale or SCALES[head][0]
        detector: Detector = FasterRCNNDetector(
            finer_pyramid(trunk), num_classes, FINER_STRIDES, scale,
            count=PROPOSALS[0], hidden=HIDDEN[0], pooled_levels=4,
        )  # fmt: skip
        detector.landmarks = _resnet_landmarks(detector.backbone, 4, ["pool"], PROPOSING)
        return detector
    backbone, scale = resnet_pyramid(trunk), anchor_scale or SCALES["retinanet"][0]
    detector = _headed(head, backbone, num_classes, RESNET_STRIDES, scale, own_norm=False)
    detector.landmarks = _resnet_landmarks(backbone, 3, ["p6", "p7"], ANSWERING)
    return detector


def _headed(
    head: str, backbone: nn.Module, num_classes: int, strides: Sequence[int], scale: float, *, own_norm: bool
) -> Detector:
    if head == "retinanet":
        return RetinaNetDetector(backbone, num_classes, strides, scale, normalised=own_norm)
    return FCOSDetector(backbone, num_classes, strides, own_norm=own_norm)


def _tiny(head: str, num_classes: int, in_channels: int, width: float, anchor_scale: float | None) -> Detector:
    backbone, two_stages = TinyBackbone(in_channels, width), head == "fasterrcnn"
    scale, levels = anchor_scale or SCALES["fasterrcnn" if two_stages else "retinanet"][1], len(TINY_STRIDES)
    if two_stages:
        detector: Detector = FasterRCNNDetector(
            backbone, num_classes, TINY_STRIDES, scale,
            count=PROPOSALS[1], hidden=scaled(HIDDEN[1], width), pooled_levels=levels,
        )  # fmt: skip
    else:
        detector = _headed(head, backbone, num_classes, TINY_STRIDES, scale, own_norm=True)
    blocks = tuple(f"backbone.stages.{i}" for i in range(levels))
    pyramid = [f"backbone.fpn.layer_blocks.{i}" for i in range(levels)]
    detector.landmarks = _landmarks(blocks, pyramid, PROPOSING if two_stages else ANSWERING)
    return detector


def _resnet_landmarks(backbone: nn.Module, own: int, extra: Sequence[str], heads: Mapping[str, str]) -> Landmarks:
    """Of a ResNet whose pyramid has its ``own`` levels and ``extra`` ones beyond them."""
    layers = [f"layer{i}" for i in range(1, 5)]
    blocks = tuple(
        f"backbone.body.{layer}.{i}"
        for layer in layers
        for i in range(len(list(backbone.get_submodule(f"body.{layer}").children())))
    )
    levels = [
        *(f"backbone.fpn.layer_blocks.{i}" for i in range(own)),
        *(f"backbone.fpn.extra_blocks.{name}" for name in extra),
    ]
    return _landmarks(blocks, levels, heads)


def _landmarks(blocks: tuple[str, ...], levels: list[str], heads: Mapping[str, str]) -> Landmarks:
    """Of a detector whose heads run over the levels one after the other."""
    calls = ["", *(f"#{i}" for i in range(1, len(levels)))]
    return Landmarks(
        features=blocks,
        classifier="raw",
        middle=blocks[(len(blocks) - 1) // 2],
        aliases={
            "fpn": tuple(levels),
            **{name: tuple(f"{layer}{call}" for call in calls) for name, layer in heads.items()},
        },
    )


def _mobile_landmarks(detector: nn.Module) -> Landmarks:
    """Of SSDlite, each of whose six maps has heads of its own; its ``fpn`` are those maps."""
    first, second = (
        [
            f"backbone.features.{part}.{name}"
            for name, _ in detector.get_submodule(f"backbone.features.{part}").named_children()
        ]
        for part in (0, 1)
    )
    extra = [f"backbone.extra.{i}" for i in range(4)]
    blocks = (*first, *second, *extra)
    heads = {"class_maps": "classification", "box_maps": "regression"}
    return Landmarks(
        features=blocks,
        classifier="raw",
        middle=blocks[(len(blocks) - 1) // 2],
        aliases={
            "fpn": ("backbone.features.0", "backbone.features.1", *extra),
            **{name: tuple(f"head.{kind}_head.module_list.{i}" for i in range(6)) for name, kind in heads.items()},
        },
    )


FAMILIES = tuple(_families())
