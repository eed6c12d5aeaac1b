"""What a search tries next, and what it refuses."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.spec import SpecError, parse_spec, plan
from kdcore.spec.studies.plan import StudyPlan, budget_faults, plan_study
from kdcore.spec.studies.results import Row, results
from kdcore.spec.studies.searching import Told, proposals
from kdcore.spec.studies.searchspec import Search
from kdcore.spec.studies.spec import parse_study
from kdcore.spec.studies.trials import grown, trials_left

BASE: dict[str, Any] = {
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 2}},
    "student": {"architecture": "resnet8", "width": 0.5},
}
LR, TEMPERATURE = "/training/optimizer/lr", "/method/temperature"
OVER: dict[str, Any] = {
    LR: {"low": 0.001, "high": 0.1, "log": True},
    TEMPERATURE: {"low": 1, "high": 8},
    "/student/width": {"choices": [0.25, 0.5]},
}


def search(over: dict[str, Any] = OVER, **told: Any) -> Search:
    return Search.model_validate({"over": over, **told})


def planner(spec: dict[str, Any]) -> Any:
    return plan(parse_spec(spec))


def planned(**told: Any) -> StudyPlan:
    return plan_study(parse_study({"name": "s", "base": BASE, "budget": {"jobs_at_most": 1000}, **told}), planner)


def faults(**told: Any) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        planned(**told)
    return {problem.pointer: problem.code for problem in caught.value.problems}


def run(asked: Search, score: Any) -> list[Told]:
    """Every trial of a search, told what it came to."""
    told: list[Told] = []
    while chosen := proposals(asked, told, higher_is_better=False):
        told += [(values, score(values)) for values in chosen]
    return told


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_same_facts_give_the_same_proposals_and_other_facts_others(sampler: str) -> None:
    asked = search(sampler=sampler)
    told: list[Told] = [(values, values[LR]) for values in proposals(asked, (), higher_is_better=True)]
    first, second = (proposals(asked, told, higher_is_better=True) for _ in range(2))
    assert first == second
    assert proposals(search(sampler=sampler, seed=1), told, higher_is_better=True) != first
    assert not [values for values in first if values in [known for known, _ in told]]


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_proposals_lie_in_their_ranges_and_integers_stay_integers(data: st.DataObject) -> None:
    low, steps, step = (data.draw(st.integers(1, most)) for most in (50, 20, 9))
    over = {
        "/whole": {"low": low, "high": low + steps},
        "/steps": {"low": low, "high": low + steps * step, "step": step},
        "/tenths": {"low": low / 10, "high": (low + steps) / 10, "step": 0.1},
        "/log": {"low": 10.0**-low, "high": 1.0, "log": True},
        "/any": {"choices": [None, True, 1, "a", {"b": [1]}]},
    }
    asked = search(over, trials=4, together=2, sampler=data.draw(st.sampled_from(["tpe", "random"])))
    found = [values for values, _ in run(asked, lambda values: values["/log"])]
    assert len(found) == 4
    for values in found:
        assert isinstance(values["/whole"], int)
        assert low <= values["/whole"] <= low + steps
        assert values["/steps"] in range(low, low + steps * step + 1, step)
        assert values["/tenths"] in [place / 10 for place in range(low, low + steps + 1)]
        assert 10.0**-low <= values["/log"] <= 1
        assert values["/any"] in over["/any"]["choices"]


def test_tpe_comes_nearer_to_the_minimum_of_a_parabola_than_chance_does() -> None:
    over = {"/x": {"low": -10.0, "high": 10.0}, "/y": {"low": -10.0, "high": 10.0}}

    def reached(sampler: str, seed: int) -> float:
        asked = search(over, trials=40, together=4, sampler=sampler, seed=seed)
        scores = [score for _, score in run(asked, lambda values: (values["/x"] - 3) ** 2 + (values["/y"] + 5) ** 2)]
        return math.log(min(score for score in scores if score is not None))

    tpe, chance = (fmean(reached(sampler, seed) for seed in range(8)) for sampler in ("tpe", "random"))
    assert tpe < chance - 0.5


def test_it_is_sought_in_the_direction_of_the_score() -> None:
    asked = search({"/x": {"low": 0.0, "high": 1.0}}, trials=60, together=5)
    told: list[Told] = [({"/x": place / 50}, place / 50) for place in range(50)]
    up, down = (
        fmean(values["/x"] for values in proposals(asked, told, higher_is_better=higher)) for higher in (True, False)
    )
    assert down < 0.35 < 0.65 < up


def test_it_keeps_away_from_where_trials_failed() -> None:
    asked = search({"/x": {"low": 0.0, "high": 1.0}}, trials=60, together=1)
    failed = [score for values, score in run(asked, lambda values: None if values["/x"] < 0.8 else 1.0)]
    assert failed[30:].count(None) < 15  # chance: 24 of 30


def test_nothing_is_tried_twice_and_every_combination_once_if_there_are_trials_for_all() -> None:
    over = {"/x": {"low": 1, "high": 4}, "/y": {"low": 0.0, "high": 0.4, "step": 0.2}, "/z": {"choices": [True, 1]}}
    found = [str(values) for values, _ in run(search(over, trials=24, together=5), lambda values: float(values["/x"]))]
    assert len(set(found)) == len(found) == 24
    values, score = {"/x": 4, "/y": 0.4, "/z": 1}, math.nan  # a figure that is none counts as a failure
    assert proposals(search(over, trials=24), [(values, score)], higher_is_better=True)


def test_a_plan_has_the_first_trials_as_arms_and_counts_all_of_them() -> None:
    found = planned(search={"over": OVER, "trials": 10, "together": 3}, seeds=2)
    assert [arm.name.split(",")[0] for arm in found.arms] == ["trial 1", "trial 2", "trial 3"]
    first = found.arms[0]
    assert found.reference == first.name
    assert first.name == f"trial 1, lr={first.changes[LR]:.4g}, temperature={first.changes[TEMPERATURE]}, " + (
        f"width={first.changes['/student/width']}"
    )
    assert first.spec["training"]["optimizer"]["lr"] == first.changes[LR]
    assert {arm.teacher for arm in found.arms} == {"teacher"}
    assert (found.jobs, trials_left(found)) == (21, 7)
    assert found.seconds > 10 * min(arm.seconds for arm in found.arms)


def test_a_search_asks_for_a_cap_in_trials() -> None:
    (fault,) = budget_faults(planned(search={"over": OVER, "trials": 10}, budget={}))
    assert (fault.code, "31 jobs (10 trials, 3 seeds)" in fault.message) == ("cap_needed", True)
    assert "leave trials or seeds out" in fault.message


def test_a_trial_that_cannot_be_planned_is_skipped_with_the_reason_and_counts_as_a_failure() -> None:
    told = {"name": "s", "base": BASE, "search": {"over": OVER, "trials": 6, "together": 3}, "seeds": 1}
    spec = parse_study(told)
    begun = plan_study(spec, planner)
    second = []

    def fails_once(document: dict[str, Any]) -> Any:
        second.append(document)
        return planner(document | ({"student": {"architecture": "resnt8"}} if len(second) == 1 else {}))

    scores = {arm.name: 0.5 for arm in begun.arms}
    found = grown(spec, begun, scores, fails_once)
    assert found.search is not None
    assert (len(found.arms), len(found.search.skipped), trials_left(found)) == (5, 1, 0)
    (skipped,) = found.search.skipped
    assert skipped.name.startswith("trial 4, ")
    assert "resnt8" in skipped.reason
    assert [arm.name.split(",")[0] for arm in found.arms[3:]] == ["trial 5", "trial 6"]
    assert StudyPlan.model_validate(found.document()) == found
    rows = [
        Row(arm.name, 0, None, "succeeded", score=0.9 - place / 10, validation=place / 10)
        for place, arm in enumerate(found.arms)
    ]
    document = results(found, rows, {}, ended=True)
    assert document["search"]["best"] == found.arms[-1].name  # by validation, not by test
    assert (document["search"]["chosen"], document["complete"]) == (6, False)
    assert any(note.startswith(f"{skipped.name} could not be run: ") for note in document["notes"])


WIDE = {"low": 1, "high": 8}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"grid": {"/training/epochs": [1, 2]}}, {"/grid": "beside_search"}),
        ({"arms": [{"name": "a"}]}, {"/arms": "beside_search"}),
        ({"stop_early": {}}, {"/stop_early": "beside_search"}),
        ({"reference": "trial"}, {"/reference": "unknown_arm"}),
        ({"search": {"over": {"/training/seed": WIDE}}}, {"/search/over/~1training~1seed": "not_searchable"}),
        ({"search": {"over": {"/teacher/width": WIDE}}}, {"/search/over/~1teacher~1width": "not_searchable"}),
        ({"search": {"over": {"/dataset/limit": WIDE}}}, {"/search/over/~1dataset~1limit": "not_searchable"}),
        (
            {"search": {"over": {"/training": WIDE, "/training/epochs": WIDE}}},
            {"/search/over/~1training~1epochs": "overlapping"},
        ),
        ({"search": {"over": OVER, "trials": 3, "together": 4}}, {"/search/together": "invalid_value"}),
        ({"search": {"over": OVER, "trials": 201}}, {"/search/trials": "invalid_value"}),
        ({"search": {"over": {"/training/epochs": WIDE}, "trials": 9}}, {"/search/trials": "too_many_trials"}),
        ({"search": {"over": {}}}, {"/search/over": "invalid_value"}),
        ({"search": {"over": {"/method/preset/x": WIDE}}}, {"/search/over/~1method~1preset~1x": "wrong_place"}),
        ({"search": {"over": {"/method/tmp": WIDE}}}, {"/search/over/~1method~1tmp/low": "unknown_field"}),
        (
            {"search": {"over": {"/student/width": {"low": 0.5, "high": 64.0}}}},
            {"/search/over/~1student~1width/high": "invalid_value"},
        ),
        (
            {"search": {"over": {"/method/preset": {"choices": ["hinton", "hintn"]}}, "trials": 2, "together": 1}},
            {"/search/over/~1method~1preset/choices/1": "unknown_method"},
        ),
    ],
)
def test_what_cannot_be_searched_is_pointed_at(told: dict[str, Any], expected: dict[str, str]) -> None:
    asked: dict[str, Any] = {"search": {"over": OVER, "trials": 8}, **told}
    if "trials" not in asked["search"]:
        asked["search"] |= {"trials": 4}
    assert expected.items() <= faults(**asked).items()


@pytest.mark.parametrize(
    ("space", "remedy"),
    [
        ({"low": 2, "high": 2}, "high has to be greater"),
        ({"low": 0, "high": 1, "log": True}, "raise it, or leave log out"),
        ({"low": 1, "high": 8, "step": 2}, "say high: 7 or 9"),
        ({"low": 0.1, "high": 0.2, "step": 0.3}, "say high: 0.4"),
        ({"low": 1, "high": 8, "step": 0}, "has to be greater than 0"),
        ({"low": 1, "high": 8, "step": 1, "log": True}, "leave one of them out"),
        ({"low": "1", "high": 8}, "valid number"),
        ({"choices": [1]}, "write the value into the base"),
        ({"choices": ["a", "a"]}, "leave one out"),
        ({"choice": ["a", "b"]}, "nearest: choices"),
    ],
)
def test_a_range_that_cannot_be_drawn_from_says_the_remedy(space: dict[str, Any], remedy: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_study({"name": "s", "base": BASE, "search": {"over": {"/training/epochs": space}}})
    assert {problem.pointer.split("/")[3] for problem in caught.value.problems} == {"~1training~1epochs"}
    assert remedy in str(caught.value)
