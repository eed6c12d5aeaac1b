"""All figures of one network from its answers on the test split."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from kdcore.measure.calibration import reliability
from kdcore.measure.intervals import Interval, bootstrap_interval
from kdcore.measure.quality import Quality, agreement, correct, divergence
from kdcore.tasks.base import Judged, Task
from kdcore.tasks.spread import Spread, spread


def quality(task: Task, judged: Judged, answers: Tensor, targets: Tensor, *, teacher: Tensor | None = None) -> Quality:
    """Figures of ``answers`` [N, ...] to examples with ``targets`` [N, ...].

    Args:
        judged: the same answers, judged by the task.
        teacher: the teacher's answers to the same examples, for how close the network is to it.
    """
    found, metric = spread(judged), task.info.metric.name
    classes = task.info.answers_classes
    compared = teacher if classes else None
    intervals = _intervals(found, answers, targets)
    trusted = reliability(answers, targets) if classes else None
    return Quality(
        score=found.values[metric],
        interval=intervals[metric] or (found.values[metric],) * 2,
        metrics=found.values,
        per_class=judged.by_class(),
        loss=float(F.cross_entropy(answers.double(), targets)) if classes else None,
        calibration_error=None if trusted is None else trusted["error"],
        reliability=trusted,
        intervals=intervals,
        undefined=found.undefined,
        agreement_with_teacher=None if compared is None else agreement(compared, answers),
        divergence_from_teacher=None if compared is None else divergence(compared, answers),
    )


def _intervals(found: Spread, answers: Tensor, targets: Tensor) -> dict[str, Interval | None]:
    """Of an accuracy by its own law, which keeps honest at the edges; of other figures by resampling."""
    intervals = found.intervals()
    if "accuracy" in intervals:
        intervals["accuracy"] = bootstrap_interval(correct(answers, targets).numpy())
    return intervals
