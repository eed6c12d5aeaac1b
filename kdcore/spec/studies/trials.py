"""How a search goes on: the next trials, from what those before came to on the validation split."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

from kdcore.spec.base import SpecError
from kdcore.spec.studies.expanding import Written
from kdcore.spec.studies.plan import ArmPlan, Planner, Skipped, StudyPlan, arm_plan, plan_of
from kdcore.spec.studies.searching import Told, proposals
from kdcore.spec.studies.spec import StudySpec
from kdcore.spec.studies.suggesting import as_arms
from kdcore.spec.studies.teachers import shared_teachers

Json = dict[str, Any]
Scores = Mapping[str, float]
"""By trial: the mean over its seeds, on the validation split."""


def means(runs: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """The mean figure of each arm over the runs that have one."""
    found: dict[str, list[float]] = {}
    for arm, value in runs:
        if value is not None:
            found.setdefault(arm, []).append(value)
    return {arm: fmean(values) for arm, values in found.items()}


def trials_left(plan: StudyPlan) -> int:
    """How many trials have not been chosen yet; none of a study that does not search."""
    return 0 if plan.search is None else plan.search.count - len(plan.arms) - len(plan.search.skipped)


def searched(plan: StudyPlan, scores: Scores) -> Json | None:
    """How far a search is, with the best trial so far, as a JSON-ready document; None of another study."""
    if plan.search is None:
        return None
    choose = max if plan.metric.higher_is_better else min
    best = choose(scores, key=scores.__getitem__) if scores else None
    return {
        "trials": plan.search.count,
        "chosen": plan.search.count - trials_left(plan),
        "best": best,
        "changes": None if best is None else plan.arm(best).changes,
        "validation": None if best is None else scores[best],
        "skipped": [one.model_dump(mode="json") for one in plan.search.skipped],
    }


def grown(spec: StudySpec, plan: StudyPlan, scores: Scores, planner: Planner) -> StudyPlan:
    """The plan with the next trials among its arms; the same scores give the same ones.

    A trial that cannot be planned is skipped with the reason, and counts as one that failed.

    Args:
        spec: of the search.
        scores: of the trials that have one; the others failed.
        planner: the plan of a job spec; raises ``SpecError`` for one that cannot run.
    """
    search, progress = spec.search, plan.search
    assert search is not None
    assert progress is not None
    tried: list[ArmPlan | Skipped] = [*plan.arms, *progress.skipped]
    told: list[Told] = [(one.changes, scores.get(one.name)) for one in tried]
    chosen = proposals(search, told, higher_is_better=plan.metric.higher_is_better)
    found = [_planned(spec, plan, trial, planner) for trial in as_arms(spec, chosen, len(tried) + 1)]
    arms = (one for one in found if isinstance(one, ArmPlan))
    skipped = (one for one in found if isinstance(one, Skipped))
    progress = progress.model_copy(update={"skipped": (*progress.skipped, *skipped)})
    return plan.model_copy(update={"arms": (*plan.arms, *arms), "search": progress})


def _planned(spec: StudySpec, plan: StudyPlan, trial: Written, planner: Planner) -> ArmPlan | Skipped:
    first = plan.arm(plan.reference)
    reference = Written(first.name, first.spec, first.changes)
    _, which = shared_teachers(spec.name, spec.base, [trial]) if spec.share_teacher else ((), {})
    try:
        own, others = (plan_of(one, spec.name, planner) for one in (trial, reference))
    except SpecError as error:
        return Skipped(name=trial.name, changes=trial.changes, reason=str(error)[:400])
    return arm_plan(trial, own, others, which.get(trial.name))
