"""A pilot's plan: the small run, and three whole ones to choose from afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import count, islice
from math import ceil
from typing import Any, Literal, get_args

from kdcore.spec.base import Problem, SpecError
from kdcore.spec.job import parse_spec
from kdcore.spec.objective import Guard, PresetRef
from kdcore.spec.plan import Plan
from kdcore.spec.presets import expand_preset
from kdcore.spec.studies.pilotspec import KeepAs, PilotSpec, Share
from kdcore.spec.studies.plan import Planner, StudyPlan, job_document, plan_study
from kdcore.spec.studies.short import examples_of, moved, share_faults, shortened, with_epochs
from kdcore.spec.studies.spec import Arm, StudySpec
from kdcore.spec.studies.statistics import FEWEST
from kdcore.spec.translation import translated

Json = dict[str, Any]
PlanName = Literal["quick", "standard", "thorough"]
PLAN_NAMES: tuple[PlanName, ...] = get_args(PlanName)
SEEDS: dict[PlanName, int] = {"quick": 3, "standard": 5, "thorough": 10}
"""Seeds of each plan. ``quick`` has half of the epochs, the others all of them."""
PILOT, ALONE = "pilot", "student-alone"
GUARD_SHARE = 0.5
"""Of the pilot's epochs after which the harm guard compares: its few epochs are too few to look earlier."""


class WholePlan(StudyPlan):
    """What an approved plan runs.

    Attributes:
        epochs, examples: of each job.
    """

    epochs: int
    examples: int

    @property
    def method_arm(self) -> str:
        """The arm whose gain over the reference is asked for."""
        return self.arms[1].name


class PilotPlan(WholePlan):
    """A pilot, and the plans that may follow it. They share the teacher, which is trained in full for the pilot.

    Attributes:
        guarded: whether a twin without the terms that compare features is trained beside it.
        plans: what may be approved. Their jobs and seconds are those that come on top of the pilot.
    """

    share: Share
    threshold: float
    guarded: bool
    keep_as: KeepAs | None
    plans: dict[PlanName, WholePlan]


def plan_pilot(spec: PilotSpec, planner: Planner) -> PilotPlan:
    """The plan of a pilot.

    Raises:
        SpecError: every fault that can be known before it runs, of the pilot and of the plans that may follow it.
    """
    remembered = _remembering(planner)
    faults = list(_asked_faults(spec))
    fresh = fresh_seeds(spec.seed_list, SEEDS["thorough"])
    try:
        wholes: dict[PlanName, StudyPlan] = {
            name: _planned(spec, spec.base, name, fresh[: SEEDS[name]], remembered) for name in ("standard", "thorough")
        }
    except SpecError as error:
        raise SpecError([*faults, *error.problems]) from None
    whole = remembered(job_document({**spec.base, "name": spec.name}))
    if faults := [*faults, *share_faults(whole, spec.share), *_threshold_faults(spec, whole)]:
        raise SpecError(faults)
    base, guarded = _guarded(spec, shortened(spec.base, whole, spec.share), remembered)
    try:
        small = _planned(spec, base, PILOT, spec.seed_list, remembered)
    except SpecError as error:
        raise moved(error) from None
    epochs = whole.spec.training.epochs
    half = max(ceil(epochs / 2), _epochs(base))
    wholes["quick"] = _planned(spec, with_epochs(spec.base, half), "quick", fresh[: SEEDS["quick"]], remembered)
    return PilotPlan(
        **_with_teachers(small, wholes["standard"]),
        epochs=_epochs(base),
        examples=examples_of(whole, spec.share),
        share=spec.share,
        threshold=spec.threshold,
        guarded=guarded,
        keep_as=spec.keep_as,
        plans={
            name: WholePlan(
                **_after_pilot(wholes[name], wholes["standard"]),
                epochs=half if name == "quick" else epochs,
                examples=whole.dataset.counts.train,
            )
            for name in PLAN_NAMES
        },
    )


def fresh_seeds(used: tuple[int, ...], number: int) -> tuple[int, ...]:
    """Seeds that the pilot has not had."""
    first = max(used) + 1 if max(used) + number < 2**31 else 0
    return tuple(islice((seed for seed in count(first) if seed not in used), number))


def _remembering(planner: Planner) -> Planner:
    """Most job specs of a pilot come more than once."""
    known: dict[str, Plan] = {}

    def plan(spec: Json) -> Plan:
        key = json.dumps(spec, sort_keys=True, default=str)
        if key not in known:
            known[key] = planner(spec)
        return known[key]

    return plan


def _asked_faults(spec: PilotSpec) -> Iterator[Problem]:
    if len(spec.seed_list) < FEWEST:
        given = "1 seed" if len(spec.seed_list) == 1 else f"{len(spec.seed_list)} seeds"
        message = f"{given} cannot tell luck from effect: a pilot needs {FEWEST} at least"
        yield Problem(pointer="/seeds", code="too_few_seeds", message=message)
    if _label(spec.base) == ALONE:
        message = f"the method is {ALONE!r}, which a pilot sets every other method against: name another one"
        yield Problem(pointer="/base/method", code="nothing_to_try", message=message)


def _threshold_faults(spec: PilotSpec, whole: Plan) -> Iterator[Problem]:
    if whole.metric.unit == "%" and spec.threshold >= 1:
        message = (
            f"a gain of {whole.metric.title} lies below 1 (got {spec.threshold:g}): one point is 0.01, "
            f"so {spec.threshold:g} points are {spec.threshold / 100:g}"
        )
        yield Problem(pointer="/threshold", code="out_of_range", message=message)


def _label(base: Mapping[str, Any]) -> str:
    """What the method is called in the table."""
    method = base.get("method", "hinton")
    name = method.get("preset", "custom") if isinstance(method, Mapping) else method
    return name if isinstance(name, str) and ":" not in name and name.strip() else "method"


def arm_name(label: str, stage: str) -> str:
    """What an arm of one stage is called: a study has each name once."""
    return f"{label[:60]} ({stage})"


def _planned(spec: PilotSpec, base: Json, stage: str, seeds: tuple[int, ...], planner: Planner) -> StudyPlan:
    """The student alone and the method as a comparison.

    A method that was written out keeps the label of what the user wrote.
    """
    alone = Arm(name=arm_name("alone", stage), changes={"method": ALONE, "teacher": None})
    method = Arm(name=arm_name(_label(spec.base), stage))
    asked = {"name": spec.name, "question": spec.question, "base": base, "budget": spec.budget}
    plan = plan_study(StudySpec(**asked, arms=(alone, method), seeds=seeds, reference=alone.name), planner)
    arms = (plan.arms[0], plan.arms[1].model_copy(update={"method": _label(spec.base)}))
    return plan.model_copy(update={"arms": arms})


def _with_teachers(small: StudyPlan, whole: StudyPlan) -> Json:
    """The pilot with the teacher of the whole run: trained on all examples with all epochs, once for everything."""
    shared = sum(one.seconds for one in whole.teachers) - sum(one.seconds for one in small.teachers)
    return dict(small) | {"teachers": whole.teachers, "seconds": round(small.seconds + shared, 1)}


def _after_pilot(plan: StudyPlan, whole: StudyPlan) -> Json:
    """A plan without the cost of the teacher, which the pilot has paid."""
    seconds = round(plan.seconds - sum(one.seconds for one in plan.teachers), 1)
    return dict(plan) | {"teachers": whole.teachers, "jobs": plan.jobs - len(plan.teachers), "seconds": seconds}


def _epochs(base: Mapping[str, Any]) -> int:
    return int(base["training"]["epochs"])


def _guarded(spec: PilotSpec, base: Json, planner: Planner) -> tuple[Json, bool]:
    """The base with the harm guard, where its method compares features and something would be left without that."""
    found = parse_spec(job_document({**base, "name": spec.name}))
    if not isinstance(found.method, PresetRef):
        return base, found.method.guard is not None
    try:
        plan = planner(job_document({**base, "name": spec.name}))
        if not any(term.compares_features for stage in plan.runs[-1].stages for term in stage.terms):
            return base, False
        preset = found.method.preset
        objective = expand_preset(preset, found.method.options, found.training.epochs)
        written = translated(objective, preset, plan.dataset.info).model_copy(
            update={"guard": Guard(share=GUARD_SHARE)}
        )
        guarded = {**base, "method": written.model_dump(mode="json", by_alias=True, exclude_unset=True)}
        planner(job_document({**guarded, "name": spec.name}))
    except SpecError:
        return base, False
    return guarded, True
