"""Families of our own networks for series."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from torch import nn

from kdcore.models.conv1d import SignalResNet
from kdcore.models.family import IN_CHANNELS, WIDTH, Family, Prototype, follows
from kdcore.models.pictures import HEADS
from kdcore.models.series_transformer import SeriesTransformer
from kdcore.models.tcn import TemporalNet
from kdcore.spec.catalogue_sizes import SPANS

KERNELS = (3, 5, 7, 9)
MAX_DEPTH = 200
MAX_TCN_DEPTH = 16
MAX_TRANSFORMER_DEPTH = 48

REFERENCE = (6, (9, 128))
"""Classes and input of lists: windows of 128 steps of 9 sensors, as in the UCI data set of human activity."""

KERNEL = {
    "type": "integer",
    "default": 5,
    "enum": list(KERNELS),
    "description": "positions that a convolution sees",
}
SPAN = {
    "type": "integer",
    "enum": list(SPANS),
    "description": "steps that make a token; when left out, what cuts the dataset's series into about 16 tokens",
}


def _depth(prefix: str, name: str, times: int, plus: int, most: int) -> int | None:
    """Blocks of a stage when ``name`` is ``prefix`` and a depth that the family has."""
    found = re.fullmatch(re.escape(prefix) + "([1-9][0-9]{0,2})", name)
    blocks, rest = divmod(int(found[1]) - plus, times) if found else (0, 1)
    return blocks if found and rest == 0 and blocks >= 1 and int(found[1]) <= most else None


def _family(
    prefix: str, rule: tuple[int, int, int], listed: tuple[int, ...], build: Callable[..., nn.Module], **facts: Any
) -> Family:
    """A family whose names are ``prefix`` and a depth ``times * blocks + plus`` up to ``most``."""
    times, plus, most = rule
    whens: tuple[dict[str, Any], ...] = facts.pop("whens")
    depth = {"times": times, "plus": plus, "max": most}

    def built(name: str, num_classes: int, **options: Any) -> nn.Module:
        return build(_depth(prefix, name, *rule) or 1, num_classes=num_classes, **options)

    return Family(
        name=prefix.rstrip("-"),
        names=tuple(f"{prefix}{count}" for count in listed),
        owns=lambda name: _depth(prefix, name, *rule) is not None,
        build=built,
        prototypes=tuple(Prototype(f"{prefix}*", f"{prefix}{2 * times + plus}", depth, when) for when in whens),
        reference=REFERENCE,
        pattern=f"{prefix}<depth> for any depth {f'{times}n+{plus} ' if times > 1 else ''}up to {most}",
        input="series",
        **facts,
    )


_KERNELS = tuple({"kernel": kernel} for kernel in KERNELS)

FAMILIES = (
    _family(
        "resnet1d-", (6, 2, MAX_DEPTH), (8, 14, 20, 26, 32, 44), SignalResNet,
        description="residual network {name} along time: 32, 64 and 128 channels",
        options={"in_channels": IN_CHANNELS, "width": WIDTH, "kernel": KERNEL},
        whens=_KERNELS,
    ),
    _family(
        "tcn-", (1, 0, MAX_TCN_DEPTH), (2, 4, 6, 8), TemporalNet,
        description="temporal convolutional network {name}: 64 channels, dilations 1, 2, 4 ... (Bai et al. 2018)",
        options={"in_channels": IN_CHANNELS, "width": WIDTH, "kernel": KERNEL},
        whens=_KERNELS,
    ),
    _family(
        "series-transformer-", (1, 0, MAX_TRANSFORMER_DEPTH), (2, 3, 4, 6, 8), SeriesTransformer,
        description="transformer {name} whose tokens are patches of a series: 96 channels, 3 heads",
        options={
            "in_channels": IN_CHANNELS,
            "length": follows(128, "steps of a series", 1_000_000),
            "patch": SPAN,
            "width": {**WIDTH, "description": "multiplier of the 96 hidden channels: 12 * max(1, round(8 * width))"},
            "heads": HEADS,
        },
        whens=tuple({"patch": span} for span in SPANS),
    ),
)  # fmt: skip
