"""What a study does next: every job once, nothing forgotten, whatever comes of the jobs and whoever looks when."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kdcore.spec import parse_spec, plan
from kdcore.spec.studies.plan import StudyPlan, budget_faults, plan_study
from kdcore.spec.studies.rounds import jobs_of, rounds_of
from kdcore.spec.studies.schedule import KEPT, Facts, RunFacts, Stopped, next_steps
from kdcore.spec.studies.spec import StopEarly, parse_study

BASE: dict[str, Any] = {
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet8", "train": {"epochs": 2}},
    "student": {"architecture": "resnet8", "width": 0.25},
    "training": {"epochs": 2, "batch_size": 64},
}
ENDS = ("succeeded", "failed", "cancelled")


def study(arms: int = 3, **told: Any) -> StudyPlan:
    """Arm 0 has no teacher, the others share one."""
    return _planned(arms, json.dumps(told))


@cache
def _planned(arms: int, told: str) -> StudyPlan:
    named = [{"name": "0", "changes": {"method": "student-alone", "teacher": None}}]
    named += [{"name": str(number), "changes": {"method": "at"}} for number in range(1, arms)]
    spec = parse_study({"name": "s", "base": BASE, "arms": named, "budget": {"jobs_at_most": 1000}, **json.loads(told)})
    return plan_study(spec, lambda one: plan(parse_spec(one)))


def played(asked: StudyPlan, draw: Any) -> tuple[Facts, list[tuple[str, int]]]:
    """The study to its end: in every round some open jobs end as ``draw`` says. Also every job in its order."""
    runs: dict[tuple[str, int], RunFacts] = {}
    teachers: dict[str, RunFacts] = {}
    stopped: dict[str, Stopped] = {}
    made: list[tuple[str, int]] = []
    for _ in range(1000):
        facts = Facts(dict(runs), dict(teachers), dict(stopped))
        found = next_steps(asked, facts)
        assert found == next_steps(asked, facts)
        assert not {*found.begin} & {*runs}
        stopped |= found.stop
        assert next_steps(asked, Facts(dict(runs), dict(teachers), dict(stopped))).stop == {}
        teachers |= {name: RunFacts("queued") for name in found.teachers}
        runs |= {place: RunFacts("queued") for place in found.begin}
        made += found.begin
        if found.finished:
            return Facts(runs, teachers, stopped), made
        ends(runs, teachers, draw)
    raise AssertionError("the study does not end")


def ends(runs: dict[Any, RunFacts], teachers: dict[str, RunFacts], draw: Any) -> None:
    for name, run in teachers.items():
        if run.open and run.status != KEPT:
            teachers[name] = RunFacts(draw(st.sampled_from((KEPT, KEPT, "failed", "cancelled"))), seconds=5)
    waiting = [place for place, run in runs.items() if run.open]
    for place in waiting[: draw(st.integers(1, max(1, len(waiting))))]:
        status = draw(st.sampled_from(ENDS))
        score = draw(st.floats(0, 1)) if status == "succeeded" else None
        runs[place] = RunFacts(status, score, draw(st.floats(1, 100)))


@given(st.data(), st.integers(1, 5), st.integers(1, 6))
def test_every_arm_gets_every_seed_once_or_says_why_not(data: st.DataObject, arms: int, seeds: int) -> None:
    asked = study(arms, seeds=seeds)
    facts, made = played(asked, data.draw)
    assert len(made) == len(set(made))
    for arm in asked.arms:
        assert arm.name in facts.stopped or {(arm.name, seed) for seed in asked.seeds} <= set(made)
    assert all(one.code == "no_teacher" for one in facts.stopped.values())


@given(st.data(), st.integers(2, 7), st.integers(1, 9), st.integers(2, 4), st.integers(1, 3))
def test_halving_makes_no_more_jobs_than_were_announced_and_never_gives_up_the_reference(
    data: st.DataObject, arms: int, seeds: int, factor: int, first: int
) -> None:
    asked = study(arms, seeds=seeds, stop_early={"factor": factor, "first": first})
    facts, made = played(asked, data.draw)
    assert len(made) == len(set(made)) <= asked.jobs - len(asked.teachers)
    assert asked.reference not in facts.stopped or facts.stopped[asked.reference].code == "no_teacher"


@given(st.data(), st.sampled_from((0.001, 0.01, 0.05, 0.2)))
def test_hours_are_kept_but_for_what_the_last_jobs_took_more_than_the_ones_before(
    data: st.DataObject, hours: float
) -> None:
    asked = study(2, seeds=8, budget={"device_hours": hours, "jobs_at_most": 100})
    facts, made = played(asked, data.draw)
    left_out = {(arm.name, seed) for arm in asked.arms for seed in asked.seeds} - set(made)
    assert {arm for arm, _ in left_out} <= set(facts.stopped)
    if len(made) > 1:
        assert facts.seconds <= hours * 3600 + 100 * len(made)


def test_without_hours_left_nothing_more_is_begun() -> None:
    asked = study(1, seeds=3, budget={"device_hours": 1})
    done = {("0", 0): RunFacts("succeeded", 0.9, 2000)}
    found = next_steps(asked, Facts(done))
    assert (found.begin, found.finished, found.stop["0"].code) == ((), True, "over_budget")


def test_rounds_end_at_powers_of_the_factor_and_at_all_seeds() -> None:
    assert rounds_of(5, None) == (5,)
    assert rounds_of(5, StopEarly()) == (1, 3, 5)
    assert rounds_of(9, StopEarly(factor=2, first=2)) == (2, 4, 8, 9)
    assert rounds_of(1, StopEarly(first=4)) == (1,)
    assert jobs_of(9, (1, 3, 5), StopEarly()) == 9 + 2 * 4 + 2 * 3
    assert jobs_of(4, (5,), None) == 20


def test_a_job_that_is_waited_for_keeps_the_study_open() -> None:
    asked = study(2, seeds=1)
    waiting = Facts({("0", 0): RunFacts("succeeded", 0.9)}, {"teacher": RunFacts("running")})
    found = next_steps(asked, waiting)
    assert (found.begin, found.teachers, found.finished) == ((), (), False)
    kept = Facts(waiting.runs, {"teacher": RunFacts(KEPT)})
    assert next_steps(asked, kept).begin == (("1", 0),)


def test_a_small_study_needs_no_cap() -> None:
    assert list(budget_faults(study(3, seeds=5))) == []
