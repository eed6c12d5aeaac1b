"""Faster R-CNN: anchors propose boxes, and a second head looks at what is in each of them (Ren et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FasterRCNN, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.roi_heads import fastrcnn_loss
from torchvision.models.detection.rpn import concat_box_prediction_layers

from kdcore.models.detectors.base import PER_PICTURE, SCORE, Columns, Detector
from kdcore.models.detectors.pooling import RESOLUTION, pooled
from kdcore.models.detectors.proposals import proposals
from kdcore.models.detectors.retinanet import RATIOS

SAMPLED = 128
"""Proposals of a picture that the second head's loss looks at, a quarter of them on objects if there are as many."""


class ScoredBoxes(nn.Module):
    """Scores and boxes of both stages as one list of rows."""

    def forward(self, outputs: dict[str, tuple[Tensor, Tensor]]) -> Tensor:
        """From pairs [B, R] and [B, R, 4] to one tensor [B, sum of R, 5]."""
        return torch.cat([torch.cat([score[..., None], box], 2) for score, box in outputs.values()], 1)


class FasterRCNNDetector(Detector, FasterRCNN):  # type: ignore[misc]  # torchvision has no types
    """torchvision's Faster R-CNN as a network of one tensor: [B, A + P (K + 1) + P, 5], a number and a box in each row.

    A rows of anchors: logit of an object, and regression of the anchor. P (K + 1) rows, proposal by proposal and within
    it background and then class by class: logit, and regression of the proposal for that class. P rows of proposals: 1
    and the corners in pixels, or zeros where there were fewer.

    The losses are torchvision's but for one thing: it adds the labelled boxes to the proposals of a training step, and
    here the second head has answered before the boxes are known.

    Args:
        backbone: pictures to a dict of levels, with ``out_channels``.
        num_classes: K, without background.
        strides: of the levels.
        anchor_scale: side of a level's anchor in strides; torchvision's is 8.
        count: P, the same in training and outside it.
        hidden: width of the second head.
        pooled_levels: from how many levels, the finest first, the second head takes its features.
    """

    rpn: Any
    roi_heads: Any
    box_code = "offsets"
    background = 1

    def __init__(
        self,
        backbone: nn.Module,
        num_classes: int,
        strides: Sequence[int],
        anchor_scale: float,
        *,
        count: int,
        hidden: int,
        pooled_levels: int,
    ) -> None:
        channels: Any = backbone.out_channels
        FasterRCNN.__init__(
            self,
            backbone,
            rpn_anchor_generator=AnchorGenerator(
                tuple((stride * anchor_scale,) for stride in strides), (RATIOS,) * len(strides)
            ),
            box_head=TwoMLPHead(channels * RESOLUTION**2, hidden),
            box_predictor=FastRCNNPredictor(hidden, num_classes + self.background),
            box_score_thresh=SCORE,
            box_detections_per_img=PER_PICTURE,
            box_batch_size_per_image=SAMPLED,
        )
        self.finish(num_classes, strides)
        self.raw = ScoredBoxes()
        self.count, self.pooled_strides = count, tuple(strides)[:pooled_levels]

    @property
    def anchor_generator(self) -> Any:
        """Of the first stage."""
        return self.rpn.anchor_generator

    @property
    def answer_shape(self) -> tuple[int, int]:
        return sum(self.levels()) + self.count * (self.num_classes + self.background + 1), 5

    @property
    def columns(self) -> Columns:
        """Of the rows of all three kinds."""
        return Columns("softmax", slice(0, 1), slice(1, 5), None)

    def forward(self, images: Tensor) -> Tensor:
        """Raw outputs of pictures [B, C, H, W]."""
        self.picture = (images.shape[2], images.shape[3])
        features = list(self.backbone(images).values())
        objectness, deltas = self._first(features)
        boxes = self._proposed(objectness, deltas)
        logits, regressions = self._second(features, boxes)
        there = (boxes[..., 2] > boxes[..., 0]).to(boxes.dtype)
        pairs = {"anchors": (objectness, deltas), "classes": (logits, regressions), "proposals": (there, boxes)}
        outputs: Tensor = self.raw(pairs)
        return outputs

    def _first(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits [B, A] and regressions [B, A, 4] of the anchors."""
        batch = features[0].shape[0]
        objectness, deltas = concat_box_prediction_layers(*self.rpn.head(features))
        return objectness.reshape(batch, -1).float(), deltas.reshape(batch, -1, 4).float()

    def _proposed(self, objectness: Tensor, deltas: Tensor) -> Tensor:
        """Proposals [B, P, 4], through which no gradient flows."""
        batch = deltas.shape[0]
        with torch.no_grad():
            anchors = self.anchors(deltas.device)[None].expand(batch, -1, -1)
            boxes = self.rpn.box_coder.decode_single(deltas.detach().flatten(0, 1), anchors.flatten(0, 1))
            found: Tensor = proposals(
                boxes.view(batch, -1, 4),
                objectness.detach(),
                self.levels(),
                list(self.picture),
                self.count,
                self.rpn.nms_thresh,
            )
        return found

    def _second(self, features: list[Tensor], boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, P (K + 1)] and regressions [B, P (K + 1), 4] of the proposals.

        torchvision's layers one by one, since its modules take no proposals by picture.
        """
        head, predictor = self.roi_heads.box_head, self.roi_heads.box_predictor
        seen = pooled(features[: len(self.pooled_strides)], self.pooled_strides, boxes)
        hidden = F.relu(head.fc7(F.relu(head.fc6(seen))))
        logits, regressions = predictor.cls_score(hidden), predictor.bbox_pred(hidden)
        return logits.flatten(1).float(), regressions.reshape(boxes.shape[0], -1, 4).float()

    def named(self, outputs: Tensor) -> dict[str, Tensor]:
        kinds = self.num_classes + self.background
        anchors, classes, found = outputs.split_with_sizes([sum(self.levels()), self.count * kinds, self.count], 1)
        return {
            "objectness": anchors[..., 0],
            "deltas": anchors[..., 1:],
            "logits": classes[..., 0].reshape(-1, self.count, kinds),
            "regressions": classes[..., 1:].reshape(-1, self.count, kinds * 4),
            "there": found[..., 0],
            "proposals": found[..., 1:],
        }

    def matched_losses(
        self, targets: list[dict[str, Tensor]], named: dict[str, Tensor], anchors: list[Tensor]
    ) -> dict[str, Tensor]:
        rpn = self.rpn
        labels, boxes = rpn.assign_targets_to_anchors(anchors, targets)
        wanted = rpn.box_coder.encode(boxes, anchors)
        objectness, box = rpn.compute_loss(named["objectness"], named["deltas"].flatten(0, 1), labels, wanted)
        return {"loss_objectness": objectness, "loss_rpn_box_reg": box, **self._second_losses(targets, named)}

    def _second_losses(self, targets: list[dict[str, Tensor]], named: dict[str, Tensor]) -> dict[str, Tensor]:
        """Of a sample of the proposals, by torchvision's matching and loss."""
        heads, there = self.roi_heads, named["there"] > 0
        found = [boxes[kept] for boxes, kept in zip(named["proposals"].detach(), there, strict=True)]
        boxes = [one["boxes"] for one in targets]
        matches, labels = heads.assign_targets_to_proposals(found, boxes, [one["labels"] for one in targets])
        sample = heads.subsample(labels)
        wanted = heads.box_coder.encode(
            [_chosen(one, at[s]) for one, at, s in zip(boxes, matches, sample, strict=True)],
            [one[s] for one, s in zip(found, sample, strict=True)],
        )
        logits, regressions = (
            torch.cat([rows[kept][s] for rows, kept, s in zip(named[name], there, sample, strict=True)])
            for name in ("logits", "regressions")
        )
        asked = [one[s] for one, s in zip(labels, sample, strict=True)]
        classifier, box = fastrcnn_loss(logits, regressions, asked, wanted)
        return {"loss_classifier": classifier, "loss_box_reg": box}

    def decoded(self, named: dict[str, Tensor], anchors: Tensor) -> list[dict[str, Tensor]]:
        there = named["there"] > 0
        found = [boxes[kept] for boxes, kept in zip(named["proposals"], there, strict=True)]
        parts = self.roi_heads.postprocess_detections(
            named["logits"][there], named["regressions"][there], found, [self.picture] * len(found)
        )
        return [{"boxes": b, "scores": s, "labels": k} for b, s, k in zip(*parts, strict=True)]

    def decoding(self) -> dict[str, Any]:
        """What a device needs to read the outputs, JSON-ready; `docs/detection.md` shows the lines that do."""
        heads, first = self.roi_heads, sum(self.levels())
        rows, kinds = self.answer_shape[0], self.num_classes + self.background
        return {
            "picture": list(self.picture),
            "scoring": "softmax",
            "stages": 2,
            "answers": [first, rows - self.count],
            "proposals": [rows - self.count, rows],
            "classes": [self.background, kinds],
            "box_code": self.box_code,
            "box_weights": list(heads.box_coder.weights),
            "score_thresh": heads.score_thresh,
            "nms_thresh": heads.nms_thresh,
            "detections_per_img": heads.detections_per_img,
        }

    def layout(self) -> tuple[Any, ...]:
        """None: rows of proposals mean another box in every picture and for every network.

        Raises:
            ValueError: always, with the remedy.
        """
        raise ValueError(
            "outputs of a Faster R-CNN cannot be compared row by row, since each network has proposals of its own: "
            "compare features with a term on points fpn"
        )


def _chosen(boxes: Tensor, at: Tensor) -> Tensor:
    """The box of each proposal; zeros where the picture has none."""
    return boxes[at] if len(boxes) else boxes.new_zeros(len(at), 4)
