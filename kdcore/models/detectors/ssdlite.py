"""SSDlite: six maps of a MobileNetV3, each with depthwise heads over default boxes (Sandler et al. 2018)."""

from __future__ import annotations

from functools import partial

import torchvision.models as zoo
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.ssdlite import SSDLiteHead, _mobilenet_extractor, _normal_init
from torchvision.ops import box_iou

from kdcore.models.detectors.base import PER_PICTURE, Detector

STRIDES = (16, 32, 64, 128, 256, 512)
SCORE, OVERLAP, CANDIDATES = 0.001, 0.55, 300
"""torchvision's own for SSDlite."""


class SSDLiteDetector(Detector, SSD):  # type: ignore[misc]  # torchvision has no types
    """torchvision's SSDlite as a network of one tensor: [B, A, K + 5], column 0 background.

    Built as ``ssdlite320_mobilenet_v3_large`` is without weights, on either MobileNetV3 and for pictures of any size.

    Args:
        name: ``mobilenet_v3_large`` or ``mobilenet_v3_small``.
        num_classes: K, without background.
    """

    box_code = "scaled offsets"
    background = 1

    def __init__(self, name: str, num_classes: int) -> None:
        norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)
        trunk = zoo.get_model(name, weights=None, norm_layer=norm, reduced_tail=True)
        _normal_init(trunk)
        backbone = _mobilenet_extractor(trunk, 6, norm)
        generator = DefaultBoxGenerator([[2, 3] for _ in STRIDES], min_ratio=0.2, max_ratio=0.95)
        channels = [stage[-1].out_channels for stage in (*backbone.features, *backbone.extra)]
        count = num_classes + self.background
        SSD.__init__(
            self,
            backbone,
            generator,
            (320, 320),
            count,
            head=SSDLiteHead(channels, generator.num_anchors_per_location(), count, norm),
            score_thresh=SCORE,
            nms_thresh=OVERLAP,
            topk_candidates=CANDIDATES,
            detections_per_img=PER_PICTURE,
        )
        self.finish(num_classes, STRIDES)

    def matched_losses(
        self, targets: list[dict[str, Tensor]], named: dict[str, Tensor], anchors: list[Tensor]
    ) -> dict[str, Tensor]:
        matched = [self._matched(one["boxes"], boxes) for one, boxes in zip(targets, anchors, strict=True)]
        losses: dict[str, Tensor] = self.compute_loss(targets, named, anchors, matched)
        return losses

    def _matched(self, boxes: Tensor, anchors: Tensor) -> Tensor:
        """Which box each anchor answers for, -1 for none; torchvision does this inside its forward pass."""
        if not len(boxes):
            return anchors.new_full((len(anchors),), -1).long()
        matched: Tensor = self.proposal_matcher(box_iou(boxes, anchors))
        return matched

    def decoded(self, named: dict[str, Tensor], anchors: Tensor) -> list[dict[str, Tensor]]:
        count = len(named["cls_logits"])
        found: list[dict[str, Tensor]] = self.postprocess_detections(named, [anchors] * count, [self.picture] * count)
        return found
