"""Stated disturbances of raw inputs, each at three severities: what a camera, a sensor or a writer might do to them.

Of pictures noise, blur, contrast and brightness as Hendrycks and Dietterich (2019) have them: the published figures of
CIFAR-10-C up to 64 pixels a side, of ImageNet-C above. Brightness is added to all channels here, not to the value of
HSV. Shift, occlusion and everything that is done to series, tables and tokens is ours. All draws come from the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.seeds import generator
from kdcore.spec.tasks import InputKind

SEVERITIES: tuple[Literal[1, 3, 5], ...] = (1, 3, 5)
SMALL = 64
"""Pixels a side up to which a picture is small."""

NOISE = {True: (0.04, 0.08, 0.10), False: (0.08, 0.18, 0.38)}
BLUR = {True: (0.4, 0.7, 1.0), False: (1.0, 3.0, 6.0)}
CONTRAST = {True: (0.75, 0.4, 0.15), False: (0.4, 0.2, 0.05)}
BRIGHTNESS = {True: (0.05, 0.15, 0.3), False: (0.1, 0.3, 0.5)}
OCCLUSION = (1 / 16, 1 / 8, 1 / 4)
SHIFT = (1 / 16, 1 / 8, 3 / 16)
SENSOR_NOISE = (0.1, 0.3, 0.5)
GAIN = (1.1, 1.3, 1.5)
MISSING = (0.0, 0.25, 0.5)
TOKENS = (0.05, 0.15, 0.3)

Change = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Disturbance:
    """One corruption at one severity; ``change`` takes raw inputs [N, ...] and gives others of shape and type alike."""

    name: str
    severity: int
    setting: str
    change: Change

    def __call__(self, inputs: Tensor, seed: int) -> Tensor:
        """The same inputs, disturbed; the same bits for the same seed."""
        return self.change(inputs, generator(seed, "corruption", self.name, self.severity))


@dataclass(frozen=True)
class Given:
    """What is known of the inputs.

    Attributes:
        kind, shape: of one input.
        mean, std: by channel of series and tables; not used of others.
        special: ids of special tokens by name.
        places: whether targets say where something is, so that a picture must not be shifted.
    """

    kind: InputKind
    shape: Sequence[int]
    mean: Sequence[float] = ()
    std: Sequence[float] = ()
    special: Mapping[str, int] | None = None
    places: bool = False


def disturbances(given: Given) -> list[Disturbance]:
    """Every disturbance that such inputs can have; none for tokens without an id for what is unknown."""
    found = {"image": _of_pictures, "series": _of_channels, "table": _of_channels, "tokens": _of_tokens}[given.kind]
    return list(found(given))


def _graded(
    name: str, settings: Sequence[float], said: Callable[[float], str], make: Callable[[float], Change]
) -> Iterator[Disturbance]:
    for severity, setting in zip(SEVERITIES, settings, strict=True):
        yield Disturbance(name, severity, said(setting), make(setting))


def _of_pictures(given: Given) -> Iterator[Disturbance]:
    height, width = given.shape[-2:]
    small = max(height, width) <= SMALL
    yield from _graded("gaussian_noise", NOISE[small], lambda s: f"σ = {s:g} of the range", _noise)
    yield from _graded("gaussian_blur", BLUR[small], lambda s: f"σ = {s:g} pixels", _blur)
    yield from _graded("contrast", CONTRAST[small], lambda s: f"contrast × {s:g}", _contrast)
    yield from _graded("brightness", BRIGHTNESS[small], lambda s: f"+ {s:g} of the range", _brightness)
    yield from _graded("occlusion", OCCLUSION, lambda s: f"a grey patch on 1/{1 / s:g} of the picture", _occlusion)
    if not given.places:
        side = max(height, width)
        yield from _graded("shift", [ceil(s * side) for s in SHIFT], lambda s: f"up to {s:g} pixels", _shift)


def _painted(values: Callable[[Tensor, torch.Generator], Tensor]) -> Change:
    """A change of pictures on the scale 0 to 1, brought back to uint8."""

    def change(inputs: Tensor, drawn: torch.Generator) -> Tensor:
        return (values(inputs.float() / 255, drawn).clamp(0, 1) * 255).round().to(torch.uint8)

    return change


def _noise(sigma: float) -> Change:
    return _painted(lambda x, drawn: x + sigma * torch.randn(x.shape, generator=drawn))


def _contrast(factor: float) -> Change:
    def values(x: Tensor, _: torch.Generator) -> Tensor:
        mean = x.mean((-2, -1), keepdim=True)
        return (x - mean) * factor + mean

    return _painted(values)


def _brightness(summand: float) -> Change:
    return _painted(lambda x, _: x + summand)


def _blur(sigma: float) -> Change:
    def values(x: Tensor, _: torch.Generator) -> Tensor:
        reach = ceil(4 * sigma)
        kernel = torch.exp(-((torch.arange(-reach, reach + 1) / sigma) ** 2) / 2)
        kernel = (kernel / kernel.sum()).view(1, 1, -1)
        for axis in (-1, -2):
            rows = x.transpose(axis, -1)
            flat = F.pad(rows.reshape(-1, 1, rows.shape[-1]), (reach, reach), mode="replicate")
            x = F.conv1d(flat, kernel).view(rows.shape).transpose(axis, -1)
        return x

    return _painted(values)


def _occlusion(share: float) -> Change:
    def values(x: Tensor, drawn: torch.Generator) -> Tensor:
        height, width = x.shape[-2:]
        tall, wide = (max(1, round(side * share**0.5)) for side in (height, width))
        down, across = _where(height, tall, drawn, len(x)), _where(width, wide, drawn, len(x))
        return torch.where((down[:, :, None] & across[:, None])[:, None], torch.full_like(x, 0.5), x)

    return _painted(values)


def _where(side: int, long: int, drawn: torch.Generator, count: int) -> Tensor:
    """A stretch of ``long`` of ``side`` pixels at a place of its own for each picture: bool [N, side]."""
    start = torch.randint(side - long + 1, (count, 1), generator=drawn)
    place = torch.arange(side)
    return (place >= start) & (place < start + long)


def _shift(pixels: float) -> Change:
    """One of eight directions for each picture; the edge is repeated."""

    def change(inputs: Tensor, drawn: torch.Generator) -> Tensor:
        steps = torch.tensor([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]) * int(pixels)
        by = steps[torch.randint(len(steps), (len(inputs),), generator=drawn)]
        down, across = (
            (torch.arange(side) + by[:, axis : axis + 1]).clamp(0, side - 1)
            for axis, side in enumerate(inputs.shape[-2:])
        )
        which = torch.arange(len(inputs))[:, None, None]
        return inputs.movedim(1, -1)[which, down[:, :, None], across[:, None]].movedim(-1, 1)

    return change


def _of_channels(given: Given) -> Iterator[Disturbance]:
    tail = [1] * (len(given.shape) - 1)
    mean, std = (torch.tensor(tuple(side), dtype=torch.float32).view(1, -1, *tail) for side in (given.mean, given.std))

    def noise(share: float) -> Change:
        return lambda x, drawn: x + share * std * torch.randn(x.shape, generator=drawn)

    def gain(factor: float) -> Change:
        return lambda x, _: mean + factor * (x - mean)

    def missing(count: float) -> Change:
        def change(x: Tensor, drawn: torch.Generator) -> Tensor:
            ranks = torch.rand(x.shape[:2], generator=drawn).argsort(1).argsort(1)
            return torch.where((ranks < count).view(*x.shape[:2], *tail), mean.expand_as(x), x)

        return change

    channels = given.shape[0]
    yield from _graded("noise", SENSOR_NOISE, lambda s: f"σ = {s:g} standard deviations of the channel", noise)
    yield from _graded("gain", GAIN, lambda s: f"deviation from the channel's mean × {s:g}", gain)
    if channels > 1:
        counts = [min(channels - 1, max(1, ceil(share * channels))) for share in MISSING]
        said = "{:g} of " + f"{channels} channels at their mean"
        yield from _graded("missing_channel", counts, said.format, missing)


def _of_tokens(given: Given) -> Iterator[Disturbance]:
    special = given.special or {}
    unknown = special.get("unknown", special.get("mask"))
    if unknown is None:
        return

    def replace(share: float) -> Change:
        def change(ids: Tensor, drawn: torch.Generator) -> Tensor:
            plain = ~torch.isin(ids, torch.tensor(sorted(special.values()), dtype=ids.dtype))
            hit = (torch.rand(ids.shape, generator=drawn) < share) & plain
            return torch.where(hit, torch.full_like(ids, unknown), ids)

        return change

    name = "unknown" if "unknown" in special else "mask"
    yield from _graded("replaced_tokens", TOKENS, lambda s: f"{s:.0%} of the tokens become {name}", replace)
