"""Tasks by name: how the answers of networks are judged."""

from __future__ import annotations

from pathlib import Path

from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.tasks.base import Figures, Judged, Task
from kdcore.tasks.classes import Classification, MultiLabel
from kdcore.tasks.detection import Detection
from kdcore.tasks.segmentation import Segmentation
from kdcore.tasks.texts import Generation
from kdcore.tasks.values import Regression

__all__ = ["TASKS", "Figures", "Judged", "Task", "task_of"]

TASKS: dict[str, type[Task]] = {
    kind.name: kind for kind in (Classification, MultiLabel, Regression, Detection, Segmentation, Generation)
}


def task_of(dataset: DatasetPlan, folder: Path = Path()) -> Task:
    """The task that a dataset's examples ask for; ``folder`` is what its pack is relative to."""
    return TASKS[dataset.task](dataset, None if dataset.pack is None else folder / dataset.pack)
