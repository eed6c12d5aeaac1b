"""Features under boxes, each from the level that suits its size: torchvision's RoI align, as one operator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision.ops.poolers import LevelMapper

RESOLUTION, SAMPLES = 7, 2
"""Bins of a box in either direction, and samples of a bin in either direction; torchvision's."""


def pooled(levels: Sequence[Tensor], strides: Sequence[int], boxes: Tensor) -> Tensor:
    """Features under boxes [B, P, 4] in pixels: [B, P, C * 49], as ``MultiScaleRoIAlign`` finds them.

    Lin et al. 2017 (FPN), equation 1, by torchvision's ``LevelMapper``.

    Args:
        levels: [B, C, h, w] each, from fine to coarse.
        strides: of the levels.
        boxes: corners; no gradient reaches them.
    """
    batch, count = boxes.shape[:2]
    picture = torch.arange(batch, device=boxes.device, dtype=boxes.dtype)[:, None, None].expand(-1, count, 1)
    rois = torch.cat([picture, boxes], 2).flatten(0, 1)
    chosen = LevelMapper(round(math.log2(strides[0])), round(math.log2(strides[-1])))([boxes.flatten(0, 1)])
    found: Tensor = pool([level.to(boxes.dtype) for level in levels], rois, chosen, list(strides))
    return found.view(batch, count, -1)


@torch.library.custom_op("kdcore::pool", mutates_args=())
def pool(levels: Sequence[Tensor], rois: Tensor, chosen: Tensor, strides: Sequence[int]) -> Tensor:
    """Bins [R, C, 7, 7] of rois [R, 5] (picture, corners), each in the level that ``chosen`` [R] says.

    An operator of its own, since how many boxes a level has is known to no one who traces the network.
    """
    found = rois.new_zeros(len(rois), levels[0].shape[1], RESOLUTION, RESOLUTION)
    for at, (level, stride) in enumerate(zip(levels, strides, strict=True)):
        which = (chosen == at).nonzero()[:, 0]
        asked = (1 / stride, RESOLUTION, RESOLUTION, SAMPLES, False)
        found[which] = torch.ops.torchvision.roi_align(level, rois[which], *asked)
    return found


@pool.register_fake
def _(levels: Sequence[Tensor], rois: Tensor, chosen: Tensor, strides: Sequence[int]) -> Tensor:
    return rois.new_empty(rois.shape[0], levels[0].shape[1], RESOLUTION, RESOLUTION)


@torch.library.custom_op("kdcore::pool_backward", mutates_args=())
def pool_backward(
    gradient: Tensor, levels: Sequence[Tensor], rois: Tensor, chosen: Tensor, strides: Sequence[int]
) -> list[Tensor]:
    """Gradients of the levels, as sums of products in a fixed order, since torchvision's on a GPU has none.

    Bins are bilinear in rows and columns apart, so each picture's gradient is one product. Boxes that no loss looked at
    cost nothing.
    """
    wanted, found = gradient.flatten(1).any(1), []
    for at, (level, stride) in enumerate(zip(levels, strides, strict=True)):
        height, width = level.shape[2:]
        parts = []
        for picture in range(level.shape[0]):
            which = ((chosen == at) & wanted & (rois[:, 0] == picture)).nonzero()[:, 0]
            boxes = rois[which] / stride
            rows = _shares(boxes[:, 2], boxes[:, 4], height).flatten(0, 1)
            columns = _shares(boxes[:, 1], boxes[:, 3], width)
            across = torch.einsum("rcpq,rqx->rpcx", gradient[which], columns).flatten(0, 1)
            parts.append(torch.einsum("ky,kcx->cyx", rows, across))
        found.append(torch.stack(parts))
    return found


def _shares(low: Tensor, high: Tensor, size: int) -> Tensor:
    """What each of ``size`` places adds to each bin from ``low`` to ``high`` [R]: [R, 7, size], as RoI align has it."""
    step = (high - low).clamp(min=1) / (RESOLUTION * SAMPLES)
    samples = low[:, None] + (torch.arange(RESOLUTION * SAMPLES, device=low.device) + 0.5) * step[:, None]
    within = (samples >= -1) & (samples <= size)
    far = (samples.clamp(0, size - 1)[..., None] - torch.arange(size, device=low.device)).abs()
    shares = (1 - far).clamp(min=0) * within[..., None]
    bins: Tensor = shares.view(-1, RESOLUTION, SAMPLES, size).mean(2)
    return bins


@pool_backward.register_fake
def _(gradient: Tensor, levels: Sequence[Tensor], rois: Tensor, chosen: Tensor, strides: Sequence[int]) -> list[Tensor]:
    return [torch.empty_like(level) for level in levels]


def _remember(ctx: Any, inputs: Any, output: Tensor) -> None:
    levels, rois, chosen, ctx.strides = inputs
    ctx.save_for_backward(rois, chosen, *levels)


def _back(ctx: Any, gradient: Tensor) -> tuple[list[Tensor], None, None, None]:
    rois, chosen, *levels = ctx.saved_tensors
    return pool_backward(gradient, levels, rois, chosen, ctx.strides), None, None, None


pool.register_autograd(_back, setup_context=_remember)
