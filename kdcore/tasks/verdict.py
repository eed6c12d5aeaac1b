"""The verdict by any figure: is the distilled student better than the same student alone, and how sure is that?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kdcore.measure import verdict as by_accuracy
from kdcore.measure.verdict import Outcome, Verdict
from kdcore.spec.tasks import MetricInfo
from kdcore.tasks.base import Judged
from kdcore.tasks.spread import Difference, difference

SPACE, MINUS = "\u00a0", "\u2212"


def verdict(student: Judged, alone: Judged | None, *, confidence: float = 0.95, seed: int = 0) -> Verdict:
    """Compare both students on the same test examples by the task's deciding figure.

    The outcome is "better" or "worse" only when the interval of the difference leaves zero out. An accuracy is compared
    example by example (`kdcore.measure.verdict`), any other figure by a paired bootstrap.
    """
    metric = student.task.info.metric
    if metric.name == "accuracy":
        return by_accuracy(student.right(), None if alone is None else alone.right(), confidence=confidence, seed=seed)
    if alone is None:
        return _no_baseline(student, metric, confidence)
    found = difference(student, alone, metric.name, confidence=confidence, seed=seed)
    outcome = _outcome(found, metric)
    return Verdict(
        outcome=outcome,
        text=_text(outcome, found, metric, _value(student, metric), _value(alone, metric)),
        difference=found.difference,
        interval=found.interval,
        confidence=confidence,
        procedure=_procedure(found, metric, seed),
        metric=metric.name,
    )


def said(value: float, metric: MetricInfo) -> str:
    """A figure as people read it: ``93.4 %`` or ``12.3``."""
    return f"{value * 100:.1f}{SPACE}%" if metric.unit == "%" else f"{value:.3g}"


def change(value: float, metric: MetricInfo) -> str:
    """A difference, with its sign: ``+1.2 points`` or ``-0.31``."""
    text = f"{value * 100:+.1f}{SPACE}points" if metric.unit == "%" else f"{value:+.2g}"
    return text.replace("-", MINUS)


def _value(judged: Judged, metric: MetricInfo) -> float:
    return float(judged.figures()[metric.name])


def _outcome(found: Difference, metric: MetricInfo) -> Outcome:
    if not found.excludes_equality:
        return "no difference"
    return "better" if (found.difference > 0) == metric.higher_is_better else "worse"


def _text(outcome: Outcome, found: Difference, metric: MetricInfo, student: float, alone: float) -> str:
    facts = (
        f"over {found.examples:,} test examples the distilled student's {metric.title} is {said(student, metric)}, "
        f"that of the same student trained alone {said(alone, metric)} ({change(found.difference, metric)})"
    )
    low, high = (change(bound, metric) for bound in found.interval)
    direction = "" if metric.higher_is_better else "; less is better"
    sure = (
        f"With {found.confidence * 100:.0f}{SPACE}% confidence, the difference lies between {low} and {high}{direction}"
    )
    ends = {
        "better": f"Distillation helped: {facts}. {sure}.",
        "worse": f"Distillation hurt: {facts}. {sure}. The student trained alone is the better choice.",
        "no difference": f"No difference can be shown: {facts}. {sure}, and zero is among the possible values.",
    }
    return ends[outcome]


def _procedure(found: Difference, metric: MetricInfo, seed: int) -> str:
    return (
        f"Paired bootstrap of the difference of the {metric.title}: {found.resamples:,} resamples of "
        f"{found.examples:,} test examples, seed {seed}. The interval covers the choice of test examples, not the luck "
        "of one training run: other training seeds would show that."
    )


def _no_baseline(student: Judged, metric: MetricInfo, confidence: float) -> Verdict:
    without = by_accuracy([True], None, confidence=confidence)
    text = (
        "No verdict: the same student was not trained alone, so nothing shows whether distillation helped. The "
        f"distilled student's {metric.title} over {len(student):,} test examples is "
        f"{said(_value(student, metric), metric)}. Set `baseline: true` for the comparison."
    )
    facts: dict[str, Any] = {"text": text, "metric": metric.name}
    return replace(without, **facts)
