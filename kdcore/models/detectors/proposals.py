"""Proposals of a fixed number, by torchvision's filter: a shape that does not depend on the picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from torchvision.models.detection.rpn import RegionProposalNetwork

PER_LEVEL = 1000
"""Anchors of a level that are looked at, the surest first; torchvision's number outside training."""


@torch.library.custom_op("kdcore::proposals", mutates_args=())
def proposals(
    boxes: Tensor, objectness: Tensor, levels: Sequence[int], picture: Sequence[int], count: int, overlap: float
) -> Tensor:
    """The ``count`` surest boxes of each picture after non-maximum suppression level by level: [B, count, 4].

    Ren et al. 2015 (Faster R-CNN), section 3.3, by torchvision's code. One operator, so that whoever traces the network
    sees one shape.

    Args:
        boxes: [B, A, 4] corners in pixels, level by level.
        objectness: logits [B, A].
        levels: anchors of each level.
        picture: height and width.
        count: rows of the answer; rows of zeros fill up.
        overlap: from which the less sure of two boxes goes.
    """
    chosen = _filter(count, overlap)
    shapes = [(picture[0], picture[1])] * len(boxes)
    found, _ = chosen.filter_proposals(boxes, objectness, shapes, list(levels))
    return torch.stack([torch.cat([one, one.new_zeros(count - len(one), 4)]) for one in found])


@proposals.register_fake
def _(
    boxes: Tensor, objectness: Tensor, levels: Sequence[int], picture: Sequence[int], count: int, overlap: float
) -> Tensor:
    return boxes.new_empty(boxes.shape[0], count, 4)


@cache
def _filter(count: int, overlap: float) -> RegionProposalNetwork:
    """torchvision's proposal network without a head: its filter is a method."""
    most, kept = ({"training": number, "testing": number} for number in (PER_LEVEL, count))
    return RegionProposalNetwork(None, None, 0.7, 0.3, 1, 0.5, most, kept, overlap)
