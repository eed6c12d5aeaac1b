"""Drift: how far given features lie from reference features, in units of what chance alone gives.

The unit is ours: the distance that 95 % of samples drawn from the reference itself, as large as the given one, stay
below. So 1 is the edge of chance whatever the network, its width and the number of examples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from kdcore.measure.documents import Drift, Figures
from kdcore.measure.shift import kernel, mmd_of, scaled, shift, wasserstein
from kdcore.seeds import generator

DRAWS = 40
"""Samples of the reference that the floor is drawn from."""
LEVEL = 0.95


def drift(
    reference: Tensor, given: Tensor, *, space: str = "features", permutations: int = 500, seed: int = 0
) -> Drift:
    """The shift between rows ``reference`` [N, D] and ``given`` [M, D], its floor, and their ratio.

    Raises:
        ValueError: as `kdcore.measure.shift.shift` says.
    """
    found = shift(reference, given, space=space, permutations=permutations, seed=seed)
    floor = _floor(reference, len(given), seed)
    return Drift(
        space=found["space"],
        width=found["width"],
        reference=len(reference),
        examples=found["examples"],
        distances=Figures(w2=found["w2"], mmd=found["mmd"]),
        floor=floor,
        ratio=Figures(w2=_ratio(found["w2"], floor["w2"]), mmd=_ratio(found["mmd"], floor["mmd"])),
        p_value=found["p_value"],
    )


def _ratio(distance: float, floor: float) -> float:
    """MMD without bias may be below 0, which is nearer than near."""
    return max(0.0, distance) / max(floor, 1e-12)


def _floor(reference: Tensor, count: int, seed: int) -> Figures:
    """What most samples of ``count`` rows, at most half, keep below against the rest of the reference."""
    own, _ = scaled(reference, reference)
    firsts = torch.stack(list(_samples(len(own), count, seed)))
    apart = [wasserstein(own[first], own[~first]) for first in firsts]
    means = mmd_of(kernel(own), firsts.to(own.dtype))
    return Figures(w2=_most(torch.tensor(apart)), mmd=_most(means))


def _samples(rows: int, count: int, seed: int) -> Iterator[Tensor]:
    """Which rows are in each sample, bool [N]."""
    drawn, size = generator(seed, "drift", "floor"), max(2, min(count, rows // 2))
    for _ in range(DRAWS):
        first = torch.zeros(rows, dtype=torch.bool)
        first[torch.randperm(rows, generator=drawn)[:size]] = True
        yield first


def _most(values: Tensor) -> float:
    return float(values.sort().values[math.ceil(LEVEL * len(values)) - 1])
