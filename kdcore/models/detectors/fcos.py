"""FCOS: each place of a pyramid says class, distances to the sides of its box, and centreness (Tian et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOS, FCOSClassificationHead, FCOSHead, FCOSRegressionHead

from kdcore.models.detectors.base import CANDIDATES, PER_PICTURE, SCORE, Detector
from kdcore.models.detectors.retinanet import group_norm

CONVOLUTIONS = 4


class FCOSDetector(Detector, FCOS):  # type: ignore[misc]  # torchvision has no types
    """torchvision's FCOS as a network of one tensor: [B, A, K + 5], the last column centreness.

    Args:
        backbone: pictures to a dict of levels, with ``out_channels``.
        num_classes: K, without background.
        strides: of the levels.
        own_norm: whether the head has group norm of fewer groups than torchvision's 32, for channels that 32 does not
            divide.
    """

    box_code = "distances"
    has_centreness = True

    def __init__(self, backbone: Any, num_classes: int, strides: Sequence[int], *, own_norm: bool) -> None:
        generator = AnchorGenerator(tuple((stride,) for stride in strides), ((1.0,),) * len(strides))
        FCOS.__init__(
            self,
            backbone,
            num_classes,
            anchor_generator=generator,
            head=_own_head(backbone.out_channels, num_classes) if own_norm else None,
            score_thresh=SCORE,
            topk_candidates=CANDIDATES,
            detections_per_img=PER_PICTURE,
        )
        self.finish(num_classes, strides)

    def matched_losses(
        self, targets: list[dict[str, Tensor]], named: dict[str, Tensor], anchors: list[Tensor]
    ) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = self.compute_loss(targets, named, anchors, self.levels())
        return losses


def _own_head(channels: int, num_classes: int) -> FCOSHead:
    """torchvision's head, which has no argument for its norm, put together with another."""
    head = FCOSHead(32, 1, num_classes, 0)
    head.classification_head = FCOSClassificationHead(channels, 1, num_classes, CONVOLUTIONS, norm_layer=group_norm)
    head.regression_head = FCOSRegressionHead(channels, 1, CONVOLUTIONS, norm_layer=group_norm)
    return head
