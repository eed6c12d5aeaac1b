"""How right a network is, how sure of itself, and how close to its teacher: figures from logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.measure.intervals import Interval, bootstrap_interval


class ClassRecall(TypedDict):
    """One class: the share of its test examples that was recognised (None when it has none)."""

    index: int
    name: str
    examples: int
    recall: float | None


@dataclass(frozen=True)
class Quality:
    """What a network's logits on the test split say; teacher figures are None for the teacher itself."""

    accuracy: float
    interval: Interval
    loss: float
    calibration_error: float
    per_class: list[ClassRecall]
    agreement_with_teacher: float | None = None
    divergence_from_teacher: float | None = None


def quality(
    logits: Tensor,
    labels: Tensor,
    *,
    teacher_logits: Tensor | None = None,
    class_names: Sequence[str] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Quality:
    """All figures of one network from logits [N, K] and labels [N]."""
    return Quality(
        accuracy=accuracy(logits, labels),
        interval=bootstrap_interval(correct(logits, labels).numpy(), confidence=confidence, seed=seed),
        loss=float(F.cross_entropy(logits.double(), labels)),
        calibration_error=calibration_error(logits, labels),
        per_class=per_class_recall(logits, labels, class_names),
        agreement_with_teacher=None if teacher_logits is None else agreement(teacher_logits, logits),
        divergence_from_teacher=None if teacher_logits is None else divergence(teacher_logits, logits),
    )


def correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Right or wrong for each example: bool [N] from logits [N, K] and labels [N]."""
    if len(logits) != len(labels) or not len(labels):
        raise ValueError(f"{len(logits)} rows of logits for {len(labels)} labels; give one row for each label")
    return logits.argmax(dim=1) == labels


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of examples whose largest logit is the label's."""
    return float(correct(logits, labels).double().mean())


def per_class_recall(logits: Tensor, labels: Tensor, class_names: Sequence[str] | None = None) -> list[ClassRecall]:
    """Recall of every class in the order of the logits; None where the test split has no example of it."""
    right, classes = correct(logits, labels), logits.shape[1]
    names = list(class_names) if class_names is not None else [str(index) for index in range(classes)]
    if len(names) != classes:
        raise ValueError(f"{len(names)} class names for {classes} classes; give one for each")
    counts = torch.bincount(labels, minlength=classes).tolist()
    hits = torch.bincount(labels[right], minlength=classes).tolist()
    return [
        ClassRecall(index=i, name=names[i], examples=counts[i], recall=hits[i] / counts[i] if counts[i] else None)
        for i in range(classes)
    ]


def agreement(teacher_logits: Tensor, student_logits: Tensor) -> float:
    """Share of examples on which both networks choose the same class, right or wrong."""
    return float((teacher_logits.argmax(1) == student_logits.argmax(1)).double().mean())


def divergence(teacher_logits: Tensor, student_logits: Tensor) -> float:
    """Mean KL(teacher || student) in nats at temperature 1, computed in the log domain."""
    teacher = F.log_softmax(teacher_logits.double(), dim=1)
    student = F.log_softmax(student_logits.double(), dim=1)
    return float(F.kl_div(student, teacher, reduction="batchmean", log_target=True))


def calibration_error(logits: Tensor, labels: Tensor, *, bins: int = 15) -> float:
    """Expected calibration error: mean gap between confidence and accuracy over equal-width bins.

    Guo et al. (2017), equation 3: bins (i/M, (i+1)/M], each weighted by its share of the examples.
    """
    confidence = F.softmax(logits.double(), dim=1).amax(dim=1)
    gap = confidence - correct(logits, labels).double()
    bin_of = (confidence * bins).ceil().long().clamp(1, bins) - 1
    sums = torch.zeros(bins, dtype=torch.float64).index_add_(0, bin_of, gap)
    return float(sums.abs().sum() / len(labels))


def gap_closed(teacher: float, alone: float, student: float) -> float | None:
    """Share of the way from the student alone to the teacher; None where the teacher is not ahead."""
    return (student - alone) / (teacher - alone) if teacher > alone else None
