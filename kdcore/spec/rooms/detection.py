"""Distances that know of boxes: a detector's own loss, its outputs beside another's, maps within and outside boxes."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.rooms.piece import NoOptions, Piece, Table
from kdcore.spec.rooms.temperature import TemperatureOption


class DetectionDivergenceOptions(Strict):
    """Softening of the classes, and what the ``boxes`` weigh beside them."""

    temperature: TemperatureOption = 1
    boxes: float = Field(default=1, ge=0)


class FocalOptions(Strict):
    """Weights of the five parts, and how sharp attention is; defaults of the authors' two-stage detectors.

    Attributes:
        alpha: of positions within boxes.
        beta: of positions outside all boxes.
        gamma: of the attention maps.
        relation: of the relations between positions (the paper's lambda).
        temperature: of the attention; small is sharp.
    """

    alpha: float = Field(default=1e-3, ge=0)
    beta: float = Field(default=5e-4, ge=0)
    gamma: float = Field(default=1e-3, ge=0)
    relation: float = Field(default=5e-6, ge=0)
    temperature: float = Field(default=0.5, gt=0, le=1000)


NETWORKS = ("student_network", "teacher_network")

DETECTION: Table = {
    "detection": Piece(
        NoOptions,
        "The detector's own loss: classes and boxes of the anchors that are matched to the labelled boxes.",
        "torchvision's RetinaNet, FCOS, SSD and Faster R-CNN",
        "labels",
        needs=("student_network",),
        batch_coupled=True,
        tasks=("detection",),
    ),
    "detection_kl": Piece(
        DetectionDivergenceOptions,
        "Divergence of the softened classes times T², and smooth L1 of the boxes, anchor by anchor, each weighed by "
        "the teacher's largest class probability.",
        "Chen et al. 2017 (NIPS 2017), sections 3.2 and 3.3, for one-stage heads and with these weights (ours)",
        "logits",
        needs=NETWORKS,
        tasks=("detection",),
    ),
    "fgd": Piece(
        FocalOptions,
        "Squared differences within and outside boxes under the teacher's attention, of the attention maps, and of "
        "what positions have to do with each other; summed and divided by the batch.",
        "Yang et al. 2022 (FGD, arXiv 2111.11837), section 3, as in its published code",
        "features",
        maps=True,
        needs=("student_network",),
        tasks=("detection",),
    ),
}
