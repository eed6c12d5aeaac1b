"""Quantisation-aware training in a plan: where the last stage is cut, what goes on, and what is refused."""

import pytest

from kdcore.spec import Plan, SpecError
from kdcore.train.search import with_points_of

DELIVER = ["safetensors", "onnx-int8"]


def planned(make, quantise, **changes):
    training = {"quantise": quantise, **changes.pop("training", {})}
    return make(deliver=changes.pop("deliver", DELIVER), training=training, **changes)


def stages(plan, run):
    return [(stage.name, stage.epochs, stage.quantise) for stage in plan.run(run).stages]


def test_the_last_stage_of_both_students_is_cut_in_two_and_the_teacher_is_left_alone(tiny_plan):
    plan = planned(tiny_plan, {"share": 0.25}, training={"epochs": 12})
    assert stages(plan, "alone") == [("train", 9, None), ("train-int8", 3, "int8")]
    *first, last, quantised = stages(plan, "distil")
    assert [name for name, _, _ in first] == ["hint"]
    assert (last[0], quantised[0], quantised[2]) == ("distil", "distil-int8", "int8")
    assert quantised[1] == round(0.25 * (last[1] + quantised[1]))
    assert all(stage.quantise is None for stage in plan.run("teacher").stages)
    assert plan.run("distil").epochs == plan.run("alone").epochs == 12


def test_the_second_half_goes_on_with_the_same_terms_at_a_lower_rate(tiny_plan):
    plan = planned(tiny_plan, {"learning_rate_scale": 0.5}, method="hinton")
    first, second = plan.run("distil").stages
    assert second.terms == first.terms
    assert (first.begins, second.begins) == (0, first.epochs)
    assert second.learning_rate_scale == 0.5 * first.learning_rate_scale
    assert plan.run("distil").quantised == second


@pytest.mark.parametrize(("share", "epochs"), [(0.01, 1), (0.5, 2), (0.99, 3)])
def test_both_halves_have_an_epoch_whatever_the_share(tiny_plan, share, epochs):
    plan = planned(tiny_plan, {"share": share}, method="hinton")
    assert [stage.epochs for stage in plan.run("distil").stages] == [4 - epochs, epochs]


def test_a_plan_with_a_quantised_stage_is_read_again_as_it_was_written(tiny_plan):
    written = planned(tiny_plan, {})
    assert Plan.model_validate(written.document()).document() == written.document()


def test_a_job_that_asks_for_none_has_no_such_stage(tiny_plan):
    assert all(run.quantised is None for run in tiny_plan(deliver=DELIVER).runs)


def test_a_guard_compares_int8_with_int8(tiny_plan):
    method = {"guard": {"share": 0.9}, "stages": [{"name": "distil", "epochs": 4, "terms": [
        {"from": "labels", "distance": "cross_entropy"}, {"points": "middle", "distance": "mse"}]}]}  # fmt: skip
    plan = planned(tiny_plan, {"share": 0.5}, method=method)
    assert stages(plan, "twin") == stages(plan, "distil")


def test_what_a_search_finds_holds_in_both_halves(tiny_plan):
    pairs = [{"to": name, "from": name} for name in ("stages.0", "stages.1")]
    search = {"candidates": pairs, "epochs": 2}
    method = {"stages": [{"name": "distil", "epochs": 4, "search": search, "terms": [
        {"points": "middle", "distance": "mse"}, {"from": "labels", "distance": "cross_entropy"}]}]}  # fmt: skip
    plan = planned(tiny_plan, {}, method=method)
    assert set(plan.run("distil").choices) == {"distil", "distil-int8"}
    assert [len(plan.run(name).stages) for name in ("search-2", "distil")] == [1, 2]
    found = with_points_of(plan.run("distil"), plan.run("search-2"))
    assert {pair.to for stage in found.stages for pair in stage.terms[0].pairs} == {"stages.1"}


@pytest.mark.parametrize(
    ("changes", "pointer", "says"),
    [
        ({"deliver": ["safetensors", "onnx"]}, "/training/quantise", "add onnx-int8 to deliver"),
        ({"training": {"compile": "on"}}, "/training/compile", "compile: auto"),
        ({"resources": {"processes": 2}}, "/resources/processes", "(got 2 processes)"),
        ({"training": {"epochs": 1}, "method": "hinton"}, "/training/quantise/share", "has 1 epoch"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_remedy(tiny_plan, changes, pointer, says):
    with pytest.raises(SpecError) as caught:
        planned(tiny_plan, {}, **changes)
    (found,) = caught.value.problems
    assert found.pointer == pointer
    assert says in found.message


@pytest.mark.parametrize("share", [0, 1, -0.1, "half"])
def test_a_share_lies_between_none_and_all(tiny_plan, share):
    with pytest.raises(SpecError) as caught:
        planned(tiny_plan, {"share": share})
    assert caught.value.problems[0].pointer == "/training/quantise/share"
