"""The gate: before anybody listens to a given teacher, what it is worth on the validation split."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from kdcore.errors import EngineError
from kdcore.measure.calibration import calibration_error
from kdcore.prepare import Workshop
from kdcore.spec.job import Gate
from kdcore.spec.plan import NetworkPlan
from kdcore.spec.tasks import MetricInfo
from kdcore.tasks import Judged
from kdcore.train.validate import rows

Figures = dict[str, Any]


def passed(workshop: Workshop) -> dict[str, Figures]:
    """What every given network of the job is worth, by name; JSON-ready.

    Raises:
        EngineError: ``teacher_refused``, where the spec says so; ``invalid_data``, when its answers are no numbers or
            have another shape than the task's.
    """
    plan = workshop.plan
    given = {name: network for name, network in plan.networks.items() if network.brought}
    return {name: _look(name, network, workshop) for name, network in given.items()}


def _look(name: str, network: NetworkPlan, workshop: Workshop) -> Figures:
    task, targets = workshop.task, workshop.data.validation.targets
    metric, asked = task.watched, network.gate or Gate()
    judged, calibration = _judged(name, workshop)
    metrics = {figure: _finite(value) for figure, value in judged.figures().items()}
    value, blind = metrics[metric.name], _blind(workshop, metric)
    wanted = blind if asked.at_least is None else asked.at_least
    found: Figures = {
        "metric": metric.name,
        "value": value,
        "wanted": wanted,
        "blind": blind,
        "passed": _good(value, wanted, metric, strictly=asked.at_least is None),
        "examples": len(targets),
        "metrics": metrics,
        "per_class": judged.by_class(),
        "calibration_error": calibration,
    }
    found["message"] = _message(name, found, metric, given=asked.at_least is not None)
    if not found["passed"] and asked.action == "refuse":
        raise EngineError("teacher_refused", found["message"], f"/{name}/gate")
    return found


def _judged(name: str, workshop: Workshop) -> tuple[Judged, float | None]:
    """Its answers to the whole validation split, judged, and of classes how far it is from being as sure as right.

    Raises:
        EngineError: ``invalid_data``.
    """
    task, network = workshop.task, workshop.speaker(name, workshop.folder)
    held_out = workshop.data.validation
    try:
        if not task.info.answers_classes:  # answers of other tasks may be too many to hold together
            examples, table = held_out.on(workshop.machine.device), workshop.tables.get(name)
            return Judged(task, rows(network, task, examples, workshop.normalise, table=table)), None
        answers = task.answers(network, workshop.given(name, "validation"))
    except (ValueError, RuntimeError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise EngineError(
            "invalid_data", f"{name} cannot answer this dataset's inputs ({first})", f"/{name}"
        ) from error
    _check(name, answers, workshop)
    return task.judged(answers, held_out.targets), calibration_error(answers, held_out.targets)


def _check(name: str, answers: Tensor, workshop: Workshop) -> None:
    wanted = workshop.plan.networks[name].num_classes
    if tuple(answers.shape[1:]) != (wanted,):
        message = f"{name} answers {list(answers.shape[1:])} numbers, the dataset asks for {wanted}"
        raise EngineError("invalid_data", message, f"/{name}")
    if not bool(answers.isfinite().all()):
        raise EngineError(
            "invalid_data", f"{name} answers NaN or infinite numbers: its weights are damaged", f"/{name}"
        )


def _blind(workshop: Workshop, metric: MetricInfo) -> float | None:
    """The figure of who answers without looking: always what is commonest in training, or always the mean.

    None for tasks in which such an answer means nothing.
    """
    task, train, targets = workshop.task, workshop.data.train.targets, workshop.data.validation.targets
    width = workshop.plan.dataset.num_classes
    if task.name == "classification":
        best = torch.bincount(train[train >= 0], minlength=width).argmax()
        constant = torch.nn.functional.one_hot(best, width).float()
    elif task.name == "multilabel":
        constant = (train > 0.5).float().mean(0) - 0.5
    elif task.name == "regression":
        constant = train.float().mean(0)
    else:
        return None
    figures = task.judged(constant.expand(len(targets), -1), targets).figures()
    return _finite(figures[metric.name])


def _good(value: float | None, wanted: float | None, metric: MetricInfo, *, strictly: bool) -> bool:
    """Whether a figure is as good as wanted; without a wish of the user's it has to be better than blind."""
    if value is None:
        return False
    if wanted is None:
        return True
    ahead = value - wanted if metric.higher_is_better else wanted - value
    return ahead > 0 if strictly else ahead >= 0


def _message(name: str, found: Figures, metric: MetricInfo, *, given: bool) -> str:
    value = "no number" if found["value"] is None else f"{found['value']:.4g}"
    text = f"{name}: {metric.title} {value} over {found['examples']:,} validation examples"
    if found["wanted"] is None:
        return text
    side = "at least" if metric.higher_is_better else "at most"
    wish = f"{side} {found['wanted']:.4g} wanted" if given else f"{found['wanted']:.4g} without looking"
    bad = "" if found["passed"] else ": it is no teacher for this dataset as it is; train it further, or take another"
    return f"{text}, {wish}{bad}"


def _finite(value: Tensor | float) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
