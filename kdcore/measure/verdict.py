"""The verdict: is the distilled student better than the same student trained alone, and how sure is that?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from kdcore.measure.intervals import RESAMPLES, Interval, PairedDifference, paired_difference

Outcome = Literal["better", "no difference", "worse", "no baseline"]


@dataclass(frozen=True)
class Verdict:
    """An outcome with the figures behind it; ``text`` can be read out in a meeting.

    Without a baseline ``difference``, ``interval`` and ``p_value`` are None.
    """

    outcome: Outcome
    text: str
    difference: float | None
    interval: Interval | None
    confidence: float
    procedure: str
    p_value: float | None = None
    metric: str = "accuracy"


def verdict(
    student_correct: ArrayLike,
    alone_correct: ArrayLike | None,
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Verdict:
    """Compare right-or-wrong outcomes [N] of both students on the same test examples.

    The outcome is "better" or "worse" only when the interval of the difference leaves zero out.
    """
    if alone_correct is None:
        return _no_baseline(student_correct, confidence)
    paired = paired_difference(student_correct, alone_correct, confidence=confidence, resamples=resamples, seed=seed)
    outcome = _outcome(paired)
    return Verdict(
        outcome=outcome,
        text=_text(outcome, paired, _share(student_correct), _share(alone_correct)),
        difference=paired.difference,
        interval=paired.interval,
        confidence=confidence,
        procedure=_procedure(paired, resamples, seed),
        p_value=paired.p_value,
    )


def _outcome(paired: PairedDifference) -> Outcome:
    if not paired.excludes_equality:
        return "no difference"
    return "better" if paired.difference > 0 else "worse"


def _text(outcome: Outcome, paired: PairedDifference, student: float, alone: float) -> str:
    facts = (
        f"the distilled student is right on {_percent(student)} of {paired.examples:,} test examples, "
        f"the same student trained alone on {_percent(alone)} ({_points(paired.difference)} points)"
    )
    low, high = (_points(bound) for bound in paired.interval)
    between = f"between {low} and {high} points"
    sure = f"{_percent(paired.confidence, 0)} confidence"
    return {
        "better": f"Distillation helped: {facts}. With {sure}, the gain lies {between}.",
        "worse": f"Distillation hurt: {facts}. With {sure}, the change lies {between}. "
        "The student trained alone is the better choice.",
        "no difference": f"No difference can be shown: {facts}. With {sure}, the true difference "
        f"lies {between}, and zero is among the possible values.",
    }[outcome]


def _percent(share: float, digits: int = 1) -> str:
    return f"{share * 100:.{digits}f}\u00a0%"


def _points(share: float) -> str:
    return f"{share * 100:+.1f}".replace("-", "−")


def _procedure(paired: PairedDifference, resamples: int, seed: int) -> str:
    return (
        f"Paired bootstrap of the accuracy difference: {resamples:,} resamples of {paired.examples:,} test "
        f"examples, seed {seed}, one pseudo-observation in each discordant cell. Only the distilled student is "
        f"right on {paired.only_a}, only the student trained alone on {paired.only_b}; McNemar's exact test "
        f"gives p = {paired.p_value:.2g}. The interval covers the choice of test examples, not the luck of one "
        "training run: other training seeds would show that."
    )


def _share(correct: ArrayLike) -> float:
    return float(np.asarray(correct, dtype=np.bool_).mean())


def _no_baseline(student_correct: ArrayLike, confidence: float) -> Verdict:
    accuracy, examples = _share(student_correct), len(np.asarray(student_correct))
    return Verdict(
        outcome="no baseline",
        text="No verdict: the same student was not trained alone, so nothing shows whether distillation "
        f"helped. The distilled student is right on {_percent(accuracy)} of {examples:,} test examples. "
        "Set `baseline: true` for the comparison.",
        difference=None,
        interval=None,
        confidence=confidence,
        procedure="none: no student trained alone to compare with",
    )
