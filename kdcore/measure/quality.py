"""How right a network is, how sure of itself, and how close to its teacher."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

import torch.nn.functional as F
from torch import Tensor

from kdcore.measure.documents import Reliability
from kdcore.measure.intervals import Interval


class ClassFigure(TypedDict):
    """One class (label, target value) on the test split: examples of it, and its figure; None where it has none."""

    index: int
    name: str
    examples: int
    value: float | None


@dataclass(frozen=True)
class Quality:
    """What a network's answers on the test split say.

    Attributes:
        score, interval: the task's deciding figure, and where it may lie for other examples.
        metrics: every figure of the task.
        loss: mean cross-entropy in nats; like ``calibration_error``, ``agreement_with_teacher`` and
            ``divergence_from_teacher`` only of answers that are classes, the last two not of the teacher itself.
        reliability: of the same answers.
        intervals: of every figure of the task; None where it has none.
        undefined: figures that are no number in some resamples, and in how many.
        per_class: the task's figure of each class.
    """

    score: float
    interval: Interval
    metrics: dict[str, float]
    per_class: list[ClassFigure]
    loss: float | None = None
    calibration_error: float | None = None
    reliability: Reliability | None = None
    intervals: dict[str, Interval | None] = field(default_factory=dict)
    undefined: dict[str, int] = field(default_factory=dict)
    agreement_with_teacher: float | None = None
    divergence_from_teacher: float | None = None


def correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Right or wrong for each example: bool [N] from logits [N, K] and labels [N]."""
    if len(logits) != len(labels) or not len(labels):
        raise ValueError(f"{len(logits)} rows of logits for {len(labels)} labels; give one row for each label")
    return logits.argmax(dim=1) == labels


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of examples whose largest logit is the label's."""
    return float(correct(logits, labels).double().mean())


def agreement(teacher_logits: Tensor, student_logits: Tensor) -> float:
    """Share of examples on which both networks choose the same class, right or wrong."""
    return float((teacher_logits.argmax(1) == student_logits.argmax(1)).double().mean())


def divergence(teacher_logits: Tensor, student_logits: Tensor) -> float:
    """Mean KL(teacher || student) in nats at temperature 1, computed in the log domain."""
    teacher = F.log_softmax(teacher_logits.double(), dim=1)
    student = F.log_softmax(student_logits.double(), dim=1)
    return float(F.kl_div(student, teacher, reduction="batchmean", log_target=True))


def gap_closed(teacher: float, alone: float, student: float) -> float | None:
    """Share of the way from the student alone to the teacher; None where the teacher is not ahead."""
    return (student - alone) / (teacher - alone) if teacher > alone else None
