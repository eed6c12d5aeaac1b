"""Learning-rate schedules: pure functions of the step, so that there is nothing to save (docs/decisions/0004)."""

from __future__ import annotations

import math

from kdcore.spec.training import LearningRateSchedule


def factor(schedule: LearningRateSchedule, step: int, steps: int, steps_per_epoch: int) -> float:
    """The factor on the learning rate for ``step`` of ``steps``, counted from 0 within a stage.

    The end of a curve belongs to the moment after the last step: no step is taken at a rate of zero.
    """
    if schedule.name == "one_cycle":
        return _one_cycle(schedule, min(step / max(steps, 1), 1.0))
    warmup = min(round((schedule.warmup_epochs or 0.0) * steps_per_epoch), steps // 2)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule.name == "step":
        return _step(schedule, step, steps, steps_per_epoch)
    return _falling(schedule, min((step - warmup) / max(steps - warmup, 1), 1.0))


def _falling(schedule: LearningRateSchedule, progress: float) -> float:
    """The smooth ways down, ``progress`` from 0 to 1 after the warm-up."""
    floor = schedule.floor or 0.0
    if schedule.name == "cosine":
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))
    if schedule.name == "linear":
        return floor + (1 - floor) * (1 - progress)
    if schedule.name == "exponential":
        return math.pow(floor, progress)
    return 1.0


def _step(schedule: LearningRateSchedule, step: int, steps: int, steps_per_epoch: int) -> float:
    milestones, gamma = schedule.milestones or (), schedule.gamma or 1.0  # the spec has filled both in
    reached = sum(step >= at * (steps if at < 1 else steps_per_epoch) for at in milestones)
    return math.pow(gamma, reached)


def _one_cycle(schedule: LearningRateSchedule, progress: float) -> float:
    """Linear from ``start`` to the top at ``peak``, and linear down to ``floor`` (Smith and Topin 2017, section 4)."""
    start, peak = schedule.start or 0.0, schedule.peak or 1.0  # the spec has filled both in
    if progress < peak:
        return start + (1 - start) * progress / peak
    floor = schedule.floor or 0.0
    return floor + (1 - floor) * (1 - progress) / (1 - peak)
