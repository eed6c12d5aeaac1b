"""Go or no-go: what a pilot's paired runs say of the method, and what the whole runs would cost and bring.

A decision is made on the validation split: the test split is for the table alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Literal

from kdcore.spec.plan import MetricPlan
from kdcore.spec.studies.pilots import PilotPlan, WholePlan
from kdcore.spec.studies.plan import ArmPlan
from kdcore.spec.studies.results import Row
from kdcore.spec.studies.statistics import FEWEST, LEVEL, Interval, summary
from kdcore.spec.studies.student_t import critical

Json = dict[str, Any]
Code = Literal["gain", "too_few", "harm", "guard", "not_sure", "too_small"]
ASSUMES = (
    "a small run's gain is an estimate: the intervals say where the mean of so many seeds may lie if the gain at full "
    "size is spread as it was in the pilot, and more data mostly makes gains smaller"
)


@dataclass(frozen=True)
class Gain:
    """Paired gains of an arm over another, positive where it is better.

    Attributes:
        n: seeds that both have.
        mean: of the gains; None without any.
        sd: sample standard deviation of the gains; None under two.
        interval: 95 % confidence interval of the mean by Student's t; None under three.
    """

    n: int
    mean: float | None = None
    sd: float | None = None
    interval: Interval | None = None


def gain(method: Mapping[int, float], alone: Mapping[int, float], metric: MetricPlan) -> Gain:
    """The gain of one arm over another, from the deciding figure by seed."""
    sign = 1 if metric.higher_is_better else -1
    gains = [sign * (method[seed] - alone[seed]) for seed in sorted(method.keys() & alone.keys())]
    if not gains:
        return Gain(0)
    found = summary(gains)
    return Gain(found.n, found.mean, found.sd, found.interval)


def foreseen(found: Gain, seeds: int) -> Interval | None:
    """Where the mean gain of so many further seeds lies with 95 %: ``mean +- t sd sqrt(1/n + 1/m)``.

    The prediction interval for the mean of m further draws of the normal distribution that n were drawn from.

    Source: G. J. Hahn and W. Q. Meeker, Statistical Intervals (1991), section 4.8.
    """
    if found.interval is None or found.sd is None or found.mean is None:
        return None
    half = critical(LEVEL, found.n - 1) * found.sd * math.sqrt(1 / found.n + 1 / seeds)
    return found.mean - half, found.mean + half


def decide(plan: PilotPlan, rows: Iterable[Row], teacher_seconds: float = 0) -> Json:
    """The decision of a pilot as a JSON-ready document: ``outcome``, ``code`` and ``reason``, and the plans.

    ``go`` asks for three things: the gain's interval lies above zero, so that it is no luck; its mean reaches the
    threshold; and the harm guard did not find in most runs that comparing features does harm.

    Args:
        rows: of the pilot's two arms.
        teacher_seconds: that the shared teacher has taken.
    """
    by_arm = _by_arm(plan, rows)
    found, code, reason = _judged(plan, by_arm, plan.threshold)
    used = sum(row.seconds or 0.0 for one in by_arm.values() for row in one) + teacher_seconds
    return {
        "outcome": "go" if code == "gain" else "no-go",
        "code": code,
        "reason": reason,
        "metric": plan.metric.model_dump(mode="json"),
        "split": "validation",
        **asdict(found),
        "threshold": plan.threshold,
        "guard": _guard(by_arm[plan.method_arm]),
        "epochs": plan.epochs,
        "examples": plan.examples,
        "seconds": round(used, 1),
        "plans": {name: _shown(plan, whole, by_arm, found, used) for name, whole in plan.plans.items()},
        "assumes": ASSUMES,
    }


def outcome(plan: WholePlan, threshold: float, rows: Iterable[Row]) -> Json:
    """What an approved plan has come to, by the rule of the pilot: ``code``, ``reason`` and the gain."""
    found, code, reason = _judged(plan, _by_arm(plan, rows), threshold)
    return {"code": code, "reason": reason, **asdict(found)}


def best_run(plan: WholePlan, rows: Iterable[Row]) -> Row | None:
    """The method's run of the best figure on the validation split, among those that have a job."""
    done = [row for row in _by_arm(plan, rows)[plan.method_arm] if row.status == "succeeded" and row.job is not None]
    known = [(row.validation, row) for row in done if row.validation is not None]
    choose = max if plan.metric.higher_is_better else min
    return choose(known, key=lambda one: one[0])[1] if known else None


def _judged(plan: WholePlan, by_arm: Mapping[str, Sequence[Row]], threshold: float) -> tuple[Gain, Code, str]:
    method, alone = (
        {row.seed: row.validation for row in by_arm[name] if row.status == "succeeded" and row.validation is not None}
        for name in (plan.method_arm, plan.reference)
    )
    found = gain(method, alone, plan.metric)
    return found, *judged(found, plan.metric, threshold, _guard(by_arm[plan.method_arm]))


def judged(found: Gain, metric: MetricPlan, threshold: float, guard: Mapping[str, int] | None) -> tuple[Code, str]:
    """What a gain comes to, and why."""
    told, title = amount(found.mean, metric), metric.title
    if found.interval is None or found.mean is None:
        message = f"{found.n} pairs of runs have a figure and {FEWEST} are needed: retry what failed"
        return "too_few", message
    low, high = (amount(bound, metric) for bound in found.interval)
    where = f"gain in {title} over the student alone {told} (95 % interval {low} to {high}, {found.n} pairs)"
    if found.interval[1] < 0:
        return "harm", f"the method harms: {where}"
    if guard is not None and 2 * guard["harmful"] > guard["looked"]:
        runs = f"in {guard['harmful']} of {guard['looked']} runs"
        message = f"comparing features harms: {runs} the student was behind its twin without those terms, by more than "
        return "guard", message + "chance explains; leave them out"
    if found.interval[0] <= 0:
        return "not_sure", f"it may be luck: {where}"
    if found.mean < threshold:
        return "too_small", f"the gain is smaller than the {amount(threshold, metric)} that were asked for: {where}"
    return "gain", where


def amount(value: float | None, metric: MetricPlan) -> str:
    """A gain as people read it: ``+1.24 points``, or ``+0.0312`` of what is no share."""
    if value is None:
        return "nothing"
    return f"{100 * value:+.2f} points" if metric.unit == "%" else f"{value:+.3g}"


def _by_arm(plan: WholePlan, rows: Iterable[Row]) -> dict[str, list[Row]]:
    by_arm: dict[str, list[Row]] = {arm.name: [] for arm in plan.arms}
    for row in rows:
        if row.arm in by_arm:
            by_arm[row.arm].append(row)
    return by_arm


def _guard(rows: Iterable[Row]) -> dict[str, int] | None:
    """In how many runs the engine's harm guard looked, and found harm."""
    found = [row.figures["guard"] for row in rows if row.status == "succeeded" and row.figures.get("guard")]
    return {"looked": len(found), "harmful": sum(one["harmful"] for one in found)} if found else None


def _shown(plan: PilotPlan, whole: WholePlan, by_arm: Mapping[str, Sequence[Row]], found: Gain, used: float) -> Json:
    """A plan with its cost, judged by what the pilot's jobs took, and the gain that may be expected of it."""
    pairs = zip(plan.arms, whole.arms, strict=True)
    seconds = sum(len(whole.seeds) * _expected(by_arm[small.name], small, large) for small, large in pairs)
    expected = foreseen(found, len(whole.seeds))
    return {
        "epochs": whole.epochs,
        "examples": whole.examples,
        "seeds": list(whole.seeds),
        "jobs": whole.jobs,
        "seconds": round(seconds, 1),
        "measured": all(any(_timed(row) for row in by_arm[arm.name]) for arm in plan.arms),
        "gain": found.mean,
        "interval": expected,
        "width": None if expected is None else expected[1] - expected[0],
        "problem": _problem(plan, whole, seconds, used),
    }


def _timed(row: Row) -> bool:
    return row.status == "succeeded" and bool(row.seconds)


def _expected(rows: Iterable[Row], small: ArmPlan, large: ArmPlan) -> float:
    """Seconds of a job of a plan.

    What the pilot's jobs trained for, in proportion to the optimiser's steps, and what they took beside that. Without
    a measured job it is the estimate.
    """
    timed = [
        (row.seconds or 0.0, float(row.figures.get("train_seconds") or row.seconds or 0.0))
        for row in rows
        if _timed(row)
    ]
    if not timed:
        return large.seconds
    ratio = large.steps / max(1, small.steps)
    return fmean(whole - train + train * ratio for whole, train in timed)


def _problem(plan: PilotPlan, whole: WholePlan, seconds: float, used: float) -> str | None:
    """Why a plan does not fit the study's budget."""
    most, hours = plan.budget.jobs_at_most, plan.budget.device_hours
    if most is not None and plan.jobs + whole.jobs > most:
        return f"with the pilot's {plan.jobs} jobs it is {plan.jobs + whole.jobs}, and {most} are allowed"
    if hours is not None and used + seconds > 3600 * hours:
        return f"with the pilot it takes about {(used + seconds) / 3600:.2g} h, and {hours:g} are allowed"
    return None
