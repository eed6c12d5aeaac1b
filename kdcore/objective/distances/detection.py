"""Distances on a detector's raw outputs: its own loss with labelled boxes, and another detector's outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.decoupled import rows_kl
from kdcore.objective.distances.detection_focal import Focal
from kdcore.objective.distances.temperature import Temperature
from kdcore.spec.rooms.detection import DetectionDivergenceOptions
from kdcore.spec.rooms.piece import NoOptions

if TYPE_CHECKING:
    from kdcore.models.detectors import Columns, Detector

FAINT = 1e-12
"""Weight of a picture in which no anchor counts."""


class Detection(Distance):
    """A detector's training losses with the labelled boxes, summed, as torchvision computes them.

    Shapes: student [B, A, columns] of the context's ``student_network``, target [B, M, 5] as in
    `kdcore.models.detectors.Detector.losses`.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"target", "student_network"})

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert target is not None
        detector: Detector = context["student_network"]
        check_outputs(student, detector, "detection")
        check_boxes(target, "detection")
        return torch.stack(list(detector.losses(student, target).values())).sum()


class DetectionDivergence(Distance):
    """``mean_b Σ_a w_a (T² KL_a + boxes · smoothL1_a) / Σ_a w_a`` over anchors a with the teacher's weight ``w_a``.

    ``w_a`` is the teacher's largest probability of a class (background is none), so that the few anchors on objects
    count and the many others hardly do (ours; Chen et al. 2017, section 3.2, weigh background by a constant). ``KL_a``
    is that of the softmax, or the sum of the classes' binary ones, and of centreness where there is one. Smooth L1 is
    summed over the four numbers of a box.

    Shapes: both [B, A, columns] of detectors with the same anchors.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"student_network", "teacher_network"})

    def __init__(self, options: DetectionDivergenceOptions) -> None:
        super().__init__()
        self.temperature = Temperature(options.temperature)
        self.boxes = options.boxes

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        own, other = context["student_network"], context["teacher_network"]
        if own.layout() != other.layout():
            raise ValueError(
                "detection_kl compares detectors with the same kind of head and the same anchors: choose a teacher "
                "that has them, or compare features with a term on points fpn"
            )
        check_outputs(student, own, "detection_kl")
        followed = same_shape(student, teacher, "detection_kl")
        columns, temperature = own.columns, self.temperature.at(context)
        gap = self.boxes * F.smooth_l1_loss(
            student[..., columns.boxes], followed[..., columns.boxes], reduction="none"
        ).sum(-1)
        gap = gap + _divergence(student, followed, columns, temperature) * temperature**2
        weight = foreground(followed[..., columns.classes], columns)
        return ((weight * gap).sum(1) / weight.sum(1).clamp(min=FAINT)).mean()


def foreground(logits: Tensor, columns: Columns) -> Tensor:
    """The largest probability of a class at each anchor: [B, A] from class logits [B, A, N]."""
    if columns.scoring == "softmax":
        return logits.softmax(-1)[..., 1:].amax(-1)
    return logits.sigmoid().amax(-1)


def _divergence(student: Tensor, teacher: Tensor, columns: Columns, temperature: float | Tensor) -> Tensor:
    """Of the softened classes, and centreness, at each anchor: [B, A]."""
    s, t = student / temperature, teacher / temperature
    own, followed = s[..., columns.classes], t[..., columns.classes]
    if columns.scoring == "softmax":
        return rows_kl(own.log_softmax(-1), followed.log_softmax(-1))
    found = binary_kl(own, followed).sum(-1)
    if columns.centreness is not None:
        found = found + binary_kl(s[..., columns.centreness], t[..., columns.centreness])
    return found


def binary_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """KL of two Bernoulli distributions from their logits, element by element."""
    probability = teacher.sigmoid()
    yes = F.logsigmoid(teacher) - F.logsigmoid(student)
    no = F.logsigmoid(-teacher) - F.logsigmoid(-student)
    return probability * yes + (1 - probability) * no


def check_outputs(outputs: Tensor, detector: Detector, name: str) -> None:
    """Whether these can be the detector's outputs.

    Raises:
        ValueError: with both shapes.
    """
    rows, columns = detector.answer_shape
    if outputs.ndim != 3 or outputs.shape[1:] != (rows, columns):
        raise ValueError(f"{name} reads a detector's raw outputs [B, {rows}, {columns}] (got {tuple(outputs.shape)})")


def check_boxes(target: Tensor, name: str) -> None:
    """Whether the targets are boxes.

    Raises:
        ValueError: with their shape.
    """
    if target.ndim != 3 or target.shape[2] != 5:
        raise ValueError(f"{name} reads boxes [B, M, 5]: class, x1, y1, x2, y2 (got {tuple(target.shape)})")


CLASSES: Classes = {"detection": Detection, "detection_kl": DetectionDivergence, "fgd": Focal}
