"""Families of our own classifiers of pictures."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from kdcore.models import fitnet, resnet, vit, wrn
from kdcore.models.family import IN_CHANNELS, WIDTH, Family, Prototype, image_size
from kdcore.spec.catalogue_options import Schema
from kdcore.spec.catalogue_sizes import PATCHES

MAX_DEPTH = 200
MAX_WIDEN = 16

BATCH_NORM = {
    "type": "boolean",
    "default": False,
    "description": "batch norm before each maxout; the paper's networks have none",
}


def _depth(pattern: str, name: str, plus: int) -> int | None:
    """Blocks of a stage when ``name`` is of ``pattern`` and its depth is one of the family's."""
    found = re.fullmatch(pattern, name)
    blocks, rest = divmod(int(found[1]) - plus, 6) if found else (0, 1)
    return blocks if found and rest == 0 and blocks >= 1 and int(found[1]) <= MAX_DEPTH else None


def _resnet(suffix: str, channels: tuple[int, ...], listed: tuple[int, ...], description: str) -> Family:
    pattern = rf"resnet([1-9][0-9]{{0,2}}){suffix}"

    def build(name: str, num_classes: int, **options: Any) -> nn.Module:
        return resnet.ResNet(_depth(pattern, name, 2) or 1, channels, num_classes, **options)

    shortcut = {
        "type": "string",
        "default": "projection",
        "enum": ["projection", "pad"],
        "description": "where shapes change: 1x1 convolution, or zero padding (option A of He et al.)",
    }
    depth = {"times": 6, "plus": 2, "max": MAX_DEPTH}
    return Family(
        name=f"resnet{suffix}",
        description=description,
        options={"in_channels": IN_CHANNELS, "width": WIDTH, "shortcut": shortcut},
        names=tuple(f"resnet{count}{suffix}" for count in listed),
        owns=lambda name: _depth(pattern, name, 2) is not None,
        build=build,
        prototypes=tuple(
            Prototype(f"resnet*{suffix}", f"resnet14{suffix}", depth, {"shortcut": kind})
            for kind in ("projection", "pad")
        ),
        pattern=f"resnet<depth>{suffix} for any depth 6n+2 up to {MAX_DEPTH}",
    )


_WRN = r"wrn-([1-9][0-9]{0,2})-([1-9][0-9]?)"


def _owns_wrn(name: str) -> bool:
    found = re.fullmatch(_WRN, name)
    return _depth(_WRN, name, 4) is not None and found is not None and int(found[2]) <= MAX_WIDEN


def _build_wrn(name: str, num_classes: int, **options: Any) -> nn.Module:
    _, _, widen = name.split("-")
    return wrn.WideResNet(_depth(_WRN, name, 4) or 1, int(widen), num_classes, **options)


WIDE_RESNETS = Family(
    name="wrn",
    description="Wide ResNet {name} with pre-activation blocks for small pictures (Zagoruyko and Komodakis 2016)",
    options={"in_channels": IN_CHANNELS, "width": WIDTH},
    names=("wrn-16-1", "wrn-16-2", "wrn-16-4", "wrn-28-2", "wrn-28-4", "wrn-28-10", "wrn-40-1", "wrn-40-2", "wrn-40-4"),
    owns=_owns_wrn,
    build=_build_wrn,
    prototypes=tuple(
        Prototype(f"wrn-*-{widen}", f"wrn-16-{widen}", {"times": 6, "plus": 4, "max": MAX_DEPTH})
        for widen in range(1, MAX_WIDEN + 1)
    ),
    pattern=f"wrn-<depth>-<widen> for any depth 6n+4 up to {MAX_DEPTH} and widen up to {MAX_WIDEN}",
)


_VIT = r"vit-([1-9][0-9]?)"
MAX_VIT_DEPTH = 48


def _owns_vit(name: str) -> bool:
    found = re.fullmatch(_VIT, name)
    return found is not None and int(found[1]) <= MAX_VIT_DEPTH


def _build_vit(name: str, num_classes: int, **options: Any) -> nn.Module:
    return vit.VisionTransformer(int(name.partition("-")[2]), num_classes, **options)


HEADS = {
    "type": "integer",
    "default": 3,
    "enum": [1, 2, 3, 4, 6, 12],
    "description": "attention heads of each block, at any width",
}
PATCH = {
    "type": "integer",
    "enum": list(PATCHES),
    "description": "side of a patch; when left out, what cuts the dataset's pictures into about 8 x 8",
}
VIT_WIDTH = {**WIDTH, "description": "multiplier of the 192 hidden channels: 12 * max(1, round(16 * width))"}

VISION_TRANSFORMERS = Family(
    name="vit",
    description="Vision transformer {name} for small square pictures: 192 channels, 3 heads (Dosovitskiy et al. 2021)",
    options={
        "in_channels": IN_CHANNELS,
        "image_size": image_size(32, 1, 2),
        "patch": PATCH,
        "width": VIT_WIDTH,
        "heads": HEADS,
    },
    names=("vit-2", "vit-3", "vit-4", "vit-6", "vit-8", "vit-12"),
    owns=_owns_vit,
    build=_build_vit,
    prototypes=tuple(
        Prototype(
            "vit-*",
            "vit-2",
            {"times": 1, "plus": 0, "max": MAX_VIT_DEPTH},
            {"patch": patch},
            {"multiple": patch},
        )
        for patch in PATCHES
    ),
    sizes={"square": 1},
    pattern=f"vit-<depth> for any depth up to {MAX_VIT_DEPTH}",
)


def _build_fitnet(name: str, num_classes: int, **options: Any) -> nn.Module:
    return fitnet.FitNet(fitnet.STUDENTS[name], num_classes, **options)


def _build_teacher(_name: str, num_classes: int, **options: Any) -> nn.Module:
    return fitnet.MaxoutTeacher(num_classes, **options)


def _maxout(name: str, description: str, names: tuple[str, ...], build: Any, options: Schema) -> Family:
    """A family with ``batch_norm``; ``options`` are its further ones."""
    return Family(
        name=name,
        description=description,
        options={"in_channels": IN_CHANNELS, "width": WIDTH, "batch_norm": BATCH_NORM, **options},
        names=names,
        owns=names.__contains__,
        build=build,
        prototypes=tuple(Prototype(one, one, when={"batch_norm": norm}) for one in names for norm in (False, True)),
        sizes={"square": 1} if "image_size" in options else {},
    )


FAMILIES = (
    _resnet("", resnet.NARROW, (8, 14, 20, 26, 32, 44, 56, 110), "CIFAR-style {name}: 16, 32 and 64 channels"),
    _resnet("x4", resnet.WIDE, (8, 14, 20, 26, 32), "CIFAR-style {name}: 64, 128 and 256 channels"),
    WIDE_RESNETS,
    VISION_TRANSFORMERS,
    _maxout("fitnet", "thin deep student {name} of FitNets", tuple(fitnet.STUDENTS), _build_fitnet, {}),
    _maxout(
        "maxout",
        "maxout teacher of FitNets: 96, 192 and 192 maps",
        ("maxout-teacher",),
        _build_teacher,
        {"image_size": image_size(32, 1, 12)},
    ),
)
