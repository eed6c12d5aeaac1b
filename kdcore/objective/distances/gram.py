"""The flow between layers: how the channels of one go along with those of the next."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.maps import as_maps, to_smaller
from kdcore.objective.shared import once
from kdcore.spec.rooms.piece import NoOptions


class Flow(Distance):
    """``Σ_l mean (S_l S_{l+1}' / n - T_l T_{l+1}' / n)²`` over pairs of consecutive layers, n positions.

    Yim et al. 2017 (FSP), equations 1 and 2, with the means of RepDistiller; of two layers the larger map is averaged
    to the smaller one's size. Joint: two layers [B, C, H, W] or more, of equal channels on both sides and any sizes.
    """

    joint: ClassVar[bool] = True

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure_all(
        self, students: Sequence[Tensor], teachers: Sequence[Tensor], target: Tensor | None, context: Context
    ) -> Tensor:
        if len(students) < 2 or len(students) != len(teachers):
            raise ValueError(
                f"fsp needs two layers or more, as many of both networks (got {len(students)} and {len(teachers)})"
            )
        flows = zip(_flows(students, context), _flows(teachers, context), strict=True)
        return torch.stack([(s - same_shape(s, t, "fsp")).square().mean() for s, t in flows]).sum()


def _flows(layers: Sequence[Tensor], context: Context) -> list[Tensor]:
    pairs = [to_smaller(as_maps(first, "fsp"), as_maps(second, "fsp"), context) for first, second in pairwise(layers)]
    return [once(context, _flow, first, second) for first, second in pairs]


def _flow(first: Tensor, second: Tensor) -> Tensor:
    """[B, C second, C first], averaged over positions."""
    return second.flatten(2) @ first.flatten(2).transpose(1, 2) / first[0, 0].numel()


CLASSES: Classes = {"fsp": Flow}
