"""What a task is to the engine: answers judged example by example, figures made of sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kdcore.data.examples import Examples
from kdcore.measure.predict import predict
from kdcore.measure.quality import ClassFigure
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.tasks import MetricInfo, TaskInfo, task_info

Figures = Mapping[str, Tensor]
"""Figures by name, each of the shape that the sums have before their last axis."""


class Judged:
    """The answers of one network on one split, judged, ready to be weighed anew as often as an interval asks.

    Args:
        task: that made the rows.
        rows: float64 [N, S], a row for each example.
    """

    def __init__(self, task: Task, rows: Tensor) -> None:
        self.task, self.rows = task, rows

    def __len__(self) -> int:
        return len(self.rows)

    def figures(self, weights: Tensor | None = None) -> Figures:
        """Figures of the whole split; with ``weights`` [R, N], how often each example counts, of each resample: [R]."""
        return self.task.figures(self.rows.sum(0) if weights is None else weights @ self.rows)

    def right(self) -> NDArray[np.bool_]:
        """Of an accuracy: right or wrong for each example, bool [N]."""
        return self.task.right(self.rows)

    def by_class(self) -> list[ClassFigure]:
        """The figure of each class."""
        return self.task.by_class(self.rows.sum(0))

    def class_values(self, weights: Tensor) -> Tensor:
        """The same figures of each resample, NaN where there are none: [R, K] with ``weights`` as for ``figures``."""
        return self.task.class_values(weights @ self.rows)

    def part(self, index: Tensor) -> Judged:
        """The same answers to the examples at ``index``, int64 [M], alone."""
        return Judged(self.task, self.rows[index])


class Task:
    """Judges answers: ``statistics`` makes a row of each example, ``figures`` a figure of the sum of rows.

    A network's mean over examples, an interval by resampling, a paired difference and the share of several processes
    are then all sums of the same rows.

    Args:
        dataset: whose examples are judged.
        pack: folder of its files, where it was brought.

    Attributes:
        name: of the task, as in `kdcore.spec.tasks`.
        unknown: target of an example that the learner may not know.
    """

    name: ClassVar[str]
    unknown: ClassVar[float] = float("nan")

    def __init__(self, dataset: DatasetPlan, pack: Path | None = None) -> None:
        self.dataset, self.pack = dataset, pack

    @property
    def info(self) -> TaskInfo:
        """What the planner knows of the task."""
        return task_info(self.name)

    @property
    def classes(self) -> Sequence[str]:
        """Names of classes, labels or target values."""
        return self.dataset.target.classes

    def answers(self, network: nn.Module, inputs: Tensor) -> Tensor:
        """What a network is judged by at the end: its outputs [N, ...] for inputs [N, ...], on the CPU."""
        return predict(network, inputs)

    def decoded(self, network: nn.Module, outputs: Tensor) -> Tensor:
        """What a network's outputs [B, ...] answer; the same, but where only the network knows how to read them."""
        return outputs

    def reading(self, network: nn.Module) -> dict[str, Any]:
        """What a delivered file has to say for its outputs to be read, JSON-ready; nothing where they say it alone."""
        return {}

    def statistics(self, answers: Tensor, targets: Tensor) -> Tensor:
        """A row for each example: float64 [N, S] from answers [N, ...] and targets [N, ...]."""
        raise NotImplementedError

    def figures(self, sums: Tensor) -> Figures:
        """Figures from sums of rows, float64 [..., S]; the deciding one is among them."""
        raise NotImplementedError

    def judged(self, answers: Tensor, targets: Tensor) -> Judged:
        """Answers on a whole split; a task whose figures are no sums gives one of its own."""
        return Judged(self, self.statistics(answers, targets))

    def measured(self, network: nn.Module, inputs: Tensor, examples: Examples) -> tuple[Tensor, Judged]:
        """A network at the end: its answers to ``examples``, whose ``inputs`` it gets, and what they are worth."""
        answers = self.answers(network, inputs)
        return answers, self.judged(answers, examples.targets)

    def glanced(self, network: nn.Module, inputs: Tensor, examples: Examples) -> Judged:
        """What ``measured`` finds, as far as it is cheap; the deciding figure is among it."""
        return self.measured(network, inputs, examples)[1]

    def by_class(self, sums: Tensor) -> list[ClassFigure]:
        """The figure of each class from the sum of all rows [S]; none where a task has no classes."""
        return []

    def class_values(self, sums: Tensor) -> Tensor:
        """The same figures from sums [..., S], NaN where there are none: [..., K]."""
        return sums.new_zeros(*sums.shape[:-1], 0)

    def alike(self, answers: Tensor, others: Tensor) -> float:
        """Share of the examples that two networks answer alike, right or wrong."""
        raise NotImplementedError

    def right(self, rows: Tensor) -> NDArray[np.bool_]:
        """Right or wrong, from rows [N, S]; only of a task that is decided by an accuracy."""
        raise NotImplementedError

    def prepared(self, targets: Tensor) -> Tensor:
        """Targets as networks learn them; see ``statistics`` for how they are brought back."""
        return targets

    def blanked(self, targets: Tensor, known: Tensor) -> Tensor:
        """Targets [N, ...] of which the learner may know those at ``known``, int64 [M]."""
        blank = torch.full_like(targets, self.unknown)
        blank[known] = targets[known]
        return blank

    def turned(self, targets: Tensor, chosen: Tensor, width: int) -> Tensor:
        """Targets [B, ...] of pictures ``width`` pixels wide, of which ``chosen`` [B] are mirrored."""
        return targets

    @property
    def watched(self) -> MetricInfo:
        """The figure that training goes by: it has to be cheap, and so may be another one than decides at the end."""
        return self.info.metric

    @property
    def most_checked(self) -> int | None:
        """Held-out examples that exports are compared on, where outputs are large; None for all."""
        return None

    def score(self, figures: Mapping[str, float]) -> float:
        """The watched figure, so that more is better."""
        value = figures[self.watched.name]
        return value if self.watched.higher_is_better else -value


def share(part: Tensor, whole: Tensor) -> Tensor:
    """``part / whole``, and NaN where the whole is nothing."""
    return torch.where(whole > 0, part / whole.clamp(min=1e-300), torch.full_like(part, float("nan")))


def nanmean(values: Tensor) -> Tensor:
    """The mean along the last axis over what is a number; 0 where nothing is."""
    return values.nanmean(-1).nan_to_num(0.0)
