"""Datasets that exist as plans only, and answers judged by their tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from kdcore.measure.quality import Quality
from kdcore.spec.cards import InputCard, TargetCard
from kdcore.spec.dataset_plan import Counts, DatasetPlan
from kdcore.spec.job import Splits
from kdcore.tasks import Judged, Task, task_of
from kdcore.tasks.quality import quality


def dataset(classes: int | Sequence[str] = 10, shape: tuple[int, ...] = (1, 8, 8), **changes: Any) -> DatasetPlan:
    """A plan of a dataset: digits, unless it is told otherwise."""
    names = tuple(map(str, range(classes))) if isinstance(classes, int) else tuple(classes)
    fields: dict[str, Any] = {
        "name": "digits",
        "path": None,
        "input": InputCard(kind="image", shape=shape),
        "target": TargetCard(classes=names),
        "given": ("train",),
        "splits": Splits(),
        "limit": None,
        "counts": Counts(train=1294, validation=144, test=359),
    }
    return DatasetPlan(**(fields | changes))


def task(classes: int | Sequence[str] = 10, **changes: Any) -> Task:
    """The task of such a dataset."""
    return task_of(dataset(classes, **changes))


def judged(answers: Tensor, targets: Tensor, names: Sequence[str] | None = None) -> Judged:
    """Class logits [N, K], judged."""
    return task(answers.shape[1] if names is None else names).judged(answers, targets)


def qualified(
    answers: Tensor, targets: Tensor, names: Sequence[str] | None = None, teacher: Tensor | None = None
) -> Quality:
    """All figures of class logits [N, K]."""
    found = judged(answers, targets, names)
    return quality(found.task, found, answers, targets, teacher=teacher)
