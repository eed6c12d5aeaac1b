"""What a job can be about: a task says what is answered, which loss learns it, and by which figure it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

TaskName = Literal["classification", "multilabel", "regression", "detection", "segmentation", "generation"]
InputKind = Literal["image", "series", "table", "tokens"]


UNLABELLED = -100
"""Whole-number target that counts nowhere: a label that the learner may not know, a token or pixel that is ignored.
It is what PyTorch calls ``ignore_index`` by default."""


@dataclass(frozen=True)
class MetricInfo:
    """A figure that networks are judged by.

    Attributes:
        name: as results and metric records spell it.
        title: for people.
        unit: ``%`` for shares of one, else the unit behind the number, or nothing.
        higher_is_better: its direction.
    """

    name: str
    title: str
    unit: Literal["%", ""] = "%"
    higher_is_better: bool = True


@dataclass(frozen=True)
class TaskInfo:
    """A task without torch: what the validator, the planner and the pages need.

    Attributes:
        name, title: as specs and pages call it.
        inputs: kinds of input that it can have.
        label_loss: the distance that an objective's task loss becomes.
        output_loss: the distance that a comparison of two networks' outputs becomes.
        metric: the figure that decides: best epoch, verdict, guard.
        metrics: all of its figures, the deciding one first.
        answers_classes: whether an output is one class among several, as methods on class probabilities need it.
        by_class: what is measured of each class, or of each target value.
    """

    name: TaskName
    title: str
    inputs: tuple[InputKind, ...]
    label_loss: str
    output_loss: str
    metrics: tuple[MetricInfo, ...]
    answers_classes: bool = False
    by_class: str = "recall"

    @property
    def metric(self) -> MetricInfo:
        """The figure that decides."""
        return self.metrics[0]


_TABLE = [
    TaskInfo(
        "classification", "Classification", ("image", "series", "table", "tokens"), "cross_entropy", "kl",
        (
            MetricInfo("accuracy", "accuracy"),
            MetricInfo("balanced_accuracy", "mean recall of the classes"),
            MetricInfo("f1_macro", "mean F1 of the classes"),
            MetricInfo("f1_positive", "F1 of the second of two classes"),
            MetricInfo("matthews", "Matthews correlation", ""),
        ),
        answers_classes=True,
    ),
    TaskInfo(
        "multilabel", "Classification with several labels", ("image", "series", "table", "tokens"),
        "binary_cross_entropy", "binary_kl",
        (
            MetricInfo("f1_micro", "F1 over all labels"),
            MetricInfo("f1_macro", "mean F1 of the labels"),
            MetricInfo("exact_match", "examples with every label right"),
            MetricInfo("label_accuracy", "labels right"),
        ),
        by_class="F1",
    ),
    TaskInfo(
        "regression", "Regression", ("image", "series", "table", "tokens"), "squared_error", "squared_difference",
        (
            MetricInfo("rmse", "root mean squared error", "", higher_is_better=False),
            MetricInfo("mae", "mean absolute error", "", higher_is_better=False),
            MetricInfo("r2", "explained variance R²", ""),
            MetricInfo("pearson", "Pearson correlation", ""),
            MetricInfo("spearman", "Spearman rank correlation", ""),
        ),
        by_class="R²",
    ),
    TaskInfo(
        "detection", "Object detection", ("image",), "detection", "detection_kl",
        (
            MetricInfo("map", "mAP 50-95"),
            MetricInfo("map_50", "mAP at IoU 0.5"),
            MetricInfo("map_75", "mAP at IoU 0.75"),
        ),
        by_class="average precision",
    ),
    TaskInfo(
        "segmentation", "Semantic segmentation", ("image",), "pixel_cross_entropy", "pixel_kl",
        (
            MetricInfo("miou", "mean IoU of the classes"),
            MetricInfo("pixel_accuracy", "pixels right"),
        ),
        by_class="IoU",
    ),
    TaskInfo(
        "generation", "Text generation", ("tokens",), "cross_entropy", "kl",
        (
            MetricInfo("token_accuracy", "next tokens right"),
            MetricInfo("perplexity", "perplexity", "", higher_is_better=False),
            MetricInfo("bleu", "BLEU"),
            MetricInfo("chrf", "chrF"),
            MetricInfo("rouge_l", "ROUGE-L"),
        ),
    ),
]  # fmt: skip

TASKS: Mapping[str, TaskInfo] = {task.name: task for task in _TABLE}


def task_info(name: str) -> TaskInfo:
    """The task called ``name``; names are validated where they come in."""
    return TASKS[name]
