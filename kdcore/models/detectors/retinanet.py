"""RetinaNet: focal loss over anchors of three sizes and three shapes at each place of a pyramid (Lin et al. 2017)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.retinanet import RetinaNet, RetinaNetHead

from kdcore.models.detectors.base import CANDIDATES, PER_PICTURE, SCORE, Detector

RATIOS = (0.5, 1.0, 2.0)
"""Height by width of the anchors at a place."""


class RetinaNetDetector(Detector, RetinaNet):  # type: ignore[misc]  # torchvision has no types
    """torchvision's RetinaNet as a network of one tensor: [B, A, K + 4], a sigmoid for each class.

    Args:
        backbone: pictures to a dict of levels, with ``out_channels``.
        num_classes: K, without background.
        strides: of the levels.
        anchor_scale: side of a level's smallest anchor in strides; torchvision's is 4.
        normalised: whether the head has group norm, as torchvision's second version and as training from scratch needs.
    """

    box_code = "offsets"

    def __init__(
        self, backbone: nn.Module, num_classes: int, strides: Sequence[int], anchor_scale: float, *, normalised: bool
    ) -> None:
        sides = [stride * anchor_scale for stride in strides]
        sizes = tuple((side, int(side * 2 ** (1 / 3)), int(side * 2 ** (2 / 3))) for side in sides)
        generator = AnchorGenerator(sizes, (RATIOS,) * len(sizes))
        (per_place,) = set(generator.num_anchors_per_location())
        norm = group_norm if normalised else None
        RetinaNet.__init__(
            self,
            backbone,
            num_classes,
            anchor_generator=generator,
            head=RetinaNetHead(backbone.out_channels, per_place, num_classes, norm_layer=norm),
            score_thresh=SCORE,
            topk_candidates=CANDIDATES,
            detections_per_img=PER_PICTURE,
        )
        self.finish(num_classes, strides)

    def matched_losses(
        self, targets: list[dict[str, Tensor]], named: dict[str, Tensor], anchors: list[Tensor]
    ) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = self.compute_loss(targets, named, anchors)
        return losses


def group_norm(channels: int) -> nn.Module:
    """Group norm with at most 8 groups, whatever the width."""
    return nn.GroupNorm(math.gcd(8, channels), channels)
