"""Go or no-go as known answers, what plans would bring, and teachers in their order."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdcore.spec import SpecError, parse_spec, plan
from kdcore.spec.plan import MetricPlan, Plan
from kdcore.spec.studies.deciding import Gain, best_run, decide, foreseen, gain, judged, outcome
from kdcore.spec.studies.kinds import parse_any, plan_any, read_plan
from kdcore.spec.studies.pilots import PilotPlan, fresh_seeds
from kdcore.spec.studies.ranking import RankingPlan
from kdcore.spec.studies.results import Row
from kdcore.spec.studies.short import with_epochs
from kdcore.spec.studies.standings import standings

BASE: dict[str, Any] = {
    "dataset": {"name": "digits"},
    "student": {"architecture": "resnet8", "width": 0.5},
    "training": {"epochs": 20, "batch_size": 64},
}
TEACHER = {"architecture": "resnet20", "train": {"epochs": 12}}
ACCURACY = MetricPlan(name="accuracy", title="accuracy", unit="%", higher_is_better=True)
RMSE = MetricPlan(name="rmse", title="root mean squared error", unit="", higher_is_better=False)


def planner(document: dict[str, Any]) -> Plan:
    return plan(parse_spec(document))


@cache
def pilot(method: str = "hinton") -> PilotPlan:
    base = {**BASE, "teacher": TEACHER, "method": method}
    found = plan_any(parse_any({"name": "p", "kind": "pilot", "base": base}), planner)
    assert isinstance(found, PilotPlan)
    return found


def rows(plan: Any, *gains: float, alone: float = 0.8, seconds: float = 10, **figures: Any) -> list[Row]:
    """Runs whose paired gains are these."""
    found = []
    for seed, gained in zip(plan.seeds, gains, strict=False):
        for arm, value in ((plan.reference, alone), (plan.arms[1].name, alone + gained)):
            told = {"figures": figures} if arm == plan.arms[1].name else {}
            found.append(Row(arm, seed, f"job_{arm}_{seed}", "succeeded", value, value, seconds, **told))
    return found


@pytest.mark.parametrize(
    ("gains", "threshold", "harmful", "code"),
    [
        ((0.04, 0.05, 0.06), 0.0, 0, "gain"),
        ((0.04, 0.05, 0.06), 0.05, 0, "gain"),
        ((0.04, 0.05, 0.06), 0.06, 0, "too_small"),
        ((-0.01, 0.05, 0.06), 0.0, 0, "not_sure"),
        ((0.0, 0.0, 0.0), 0.0, 0, "not_sure"),
        ((-0.04, -0.05, -0.06), 0.0, 0, "harm"),
        ((0.05, 0.06), 0.0, 0, "too_few"),
        ((), 0.0, 0, "too_few"),
        ((0.04, 0.05, 0.06), 0.0, 2, "guard"),
        ((0.04, 0.05, 0.06), 0.0, 1, "gain"),
        ((-0.04, -0.05, -0.06), 0.0, 3, "harm"),
    ],
)
def test_a_pilot_is_judged(gains: tuple[float, ...], threshold: float, harmful: int, code: str) -> None:
    asked = pilot().model_copy(update={"threshold": threshold})
    told = [
        replace(row, figures={"guard": {"harmful": row.seed < harmful}} if row.arm == asked.method_arm else {})
        for row in rows(asked, *gains)
    ]
    decision = decide(asked, told)
    assert decision["code"] == code, decision["reason"]
    assert decision["outcome"] == ("go" if code == "gain" else "no-go")


def test_less_is_better_where_the_metric_says_so() -> None:
    found = gain({0: 1.0, 1: 1.1, 2: 0.9}, {0: 2.0, 1: 2.0, 2: 2.0}, RMSE)
    assert found.mean == pytest.approx(1.0)
    assert judged(found, RMSE, 0, None)[0] == "gain"
    assert judged(gain({0: 2.0, 1: 2.1, 2: 2.2}, {0: 1.0, 1: 1.0, 2: 1.0}, RMSE), RMSE, 0, None)[0] == "harm"


def test_the_gain_that_is_foreseen_is_the_prediction_interval_of_a_mean_of_further_seeds() -> None:
    found = gain({0: 0.01, 1: 0.02, 2: 0.03}, {0: 0, 1: 0, 2: 0}, ACCURACY)
    # t(0.975, 2) = 4.302653, sd 0.01, sqrt(1/3 + 1/5) = 0.730297
    assert foreseen(found, 5) == pytest.approx((0.02 - 0.0314221, 0.02 + 0.0314221), abs=1e-6)
    assert foreseen(Gain(2, 0.02, 0.01, None), 5) is None


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=9), st.integers(1, 50), st.integers(1, 50))
def test_more_seeds_narrow_what_is_foreseen_but_never_below_what_the_pilot_knows(
    gains: list[float], fewer: int, more: int
) -> None:
    found = gain(dict(enumerate(gains)), dict.fromkeys(range(len(gains)), 0.0), ACCURACY)
    few, many = foreseen(found, min(fewer, more)), foreseen(found, max(fewer, more))
    assert few is not None
    assert many is not None
    assert found.interval is not None
    assert few[0] <= many[0] + 1e-12
    assert many[0] <= found.interval[0] + 1e-12


def test_a_plan_costs_what_the_pilots_jobs_took_beside_training_and_for_it_in_proportion_to_steps() -> None:
    asked = pilot()
    found = decide(asked, rows(asked, 0.04, 0.05, 0.06, seconds=30, train_seconds=20))
    standard, small = asked.plans["standard"], asked.arms
    ratio = [large.steps / one.steps for one, large in zip(small, standard.arms, strict=True)]
    # the row of the student alone does not say what of it was training: all of it was
    assert found["plans"]["standard"]["seconds"] == pytest.approx(5 * (30 * ratio[0] + 10 + 20 * ratio[1]), abs=0.1)
    nothing = decide(asked, [])
    assert nothing["plans"]["standard"]["seconds"] == pytest.approx(standard.seconds, abs=0.1)
    assert nothing["plans"]["standard"]["measured"] is False


def test_the_plans_have_fresh_seeds_the_whole_data_and_the_pilots_teacher() -> None:
    asked = pilot()
    assert asked.seeds == (0, 1, 2)
    assert {name: len(one.seeds) for name, one in asked.plans.items()} == {"quick": 3, "standard": 5, "thorough": 10}
    for one in asked.plans.values():
        assert not {*one.seeds} & {*asked.seeds}
        assert one.teachers == asked.teachers
        assert "limit" not in one.arms[1].spec["dataset"]
        assert one.jobs == 2 * len(one.seeds)
    assert "limit" not in asked.teachers[0].spec["dataset"]
    assert asked.arms[1].spec["dataset"]["limit"] == asked.examples == 324
    names = [arm.name for one in (asked, *asked.plans.values()) for arm in one.arms]
    assert len(names) == len(set(names)) == 8
    assert read_plan("pilot", asked.document()) == asked
    assert fresh_seeds((2**31 - 1, 0), 2) == (1, 2)


def test_a_method_that_compares_features_is_tried_under_the_harm_guard() -> None:
    guarded = pilot("fitnet")
    assert guarded.guarded
    assert guarded.arms[1].method == "fitnet"
    runs = planner({**guarded.arms[1].spec, "name": "n", "baseline": False}).runs
    assert [run.name for run in runs] == ["teacher", "twin", "distil"]
    assert not pilot("hinton").guarded
    assert all("guard" not in str(arm.spec["method"]) for one in guarded.plans.values() for arm in one.arms)


def test_the_stages_of_a_written_out_method_share_fewer_epochs_as_before() -> None:
    method = {"stages": [{"name": "hint", "epochs": 5}, {"name": "distil", "epochs": 15}]}
    short = with_epochs({"method": method, "training": {"epochs": 20}}, 4)
    assert [stage["epochs"] for stage in short["method"]["stages"]] == [1, 3]
    assert short["training"]["epochs"] == 4


def test_the_student_that_is_kept_is_the_best_on_the_validation_split() -> None:
    whole = pilot().plans["quick"]
    found = rows(whole, 0.04, 0.06, 0.05)
    best = best_run(whole, found)
    assert best is not None
    assert best.seed == whole.seeds[1]
    assert outcome(whole, 0.0, found)["code"] == "gain"
    assert best_run(whole, []) is None


@cache
def ranking(*names: str) -> RankingPlan:
    teachers = [{"architecture": name, "train": {"epochs": 2}} for name in names]
    found = plan_any(parse_any({"name": "r", "kind": "teacher-ranking", "base": BASE, "teachers": teachers}), planner)
    assert isinstance(found, RankingPlan)
    return found


def taught(**scores: tuple[float, ...]) -> list[Row]:
    gate = {"teacher": {"value": 0.97, "passed": True, "wanted": 0.1, "message": "fine"}}
    figures = {"agreement_with_teacher": 0.85, "divergence_from_teacher": 0.4, "gate": gate}
    return [
        Row(arm, seed, f"job_{arm}_{seed}", "succeeded", value, value, 5.0, figures=figures)
        for arm, values in scores.items()
        for seed, value in enumerate(values)
    ]


def test_the_largest_teacher_is_not_the_best_where_its_student_is_surely_worse() -> None:
    found = standings(ranking("resnet20", "resnet56"), taught(resnet20=(0.90, 0.91, 0.92), resnet56=(0.85, 0.86, 0.88)))
    assert (found["code"], found["best"], found["largest_is_best"]) == ("best", "resnet20", False)
    assert "the largest teacher, resnet56, is not the best" in found["answer"]
    probe = found["teachers"][0]["probe"]
    assert probe["gap"] == pytest.approx(0.97 - 0.91)
    assert (probe["agreement"], probe["wide"]) == (0.85, True)
    assert probe["divergence"] == pytest.approx(0.4)


def test_teachers_whose_difference_covers_zero_tie() -> None:
    found = standings(ranking("resnet20", "resnet56"), taught(resnet20=(0.90, 0.91, 0.92), resnet56=(0.91, 0.89, 0.92)))
    assert (found["code"], found["tied"], found["largest_is_best"]) == ("tie", ["resnet56"], None)
    assert "cannot be told apart" in found["answer"]
    assert "not better than a smaller one" in found["answer"]


def test_under_three_pairs_no_teacher_is_called_best_and_one_without_runs_has_no_place() -> None:
    few = standings(ranking("resnet20", "resnet56"), taught(resnet20=(0.9, 0.91), resnet56=(0.8, 0.81)))
    assert (few["code"], few["best"]) == ("too_few", None)
    refused = Row("resnet56", 0, "job", "failed", error={"code": "teacher_refused", "message": "no better than blind"})
    none = standings(ranking("resnet20", "resnet56"), [*taught(resnet20=(0.9, 0.91, 0.92)), refused])
    assert (none["teachers"][1]["place"], none["teachers"][1]["gate"]["passed"]) == (None, False)


def test_every_teacher_has_to_pass_its_gate_unless_it_says_otherwise() -> None:
    assert all(arm.spec["teacher"]["gate"] == {"action": "refuse"} for arm in ranking("resnet20", "resnet56").arms)


def test_a_fault_of_a_teacher_is_pointed_at_in_the_list() -> None:
    teachers = [{"architecture": "resnet20", "train": {"epochs": 0}}, {"name": "b", "id": "mdl_1", "trees": {}}]
    with pytest.raises(SpecError) as caught:
        plan_any(parse_any({"name": "r", "kind": "teacher-ranking", "base": BASE, "teachers": teachers}), planner)
    assert {problem.pointer for problem in caught.value.problems} == {"/teachers/0/train/epochs", "/teachers/1"}
