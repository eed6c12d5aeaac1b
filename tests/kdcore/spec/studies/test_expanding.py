"""Arms from changes and grids, and where their faults are written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdcore.spec import SpecError, parse_spec, plan
from kdcore.spec.patching import merged, parts_of, placed
from kdcore.spec.studies.expanding import expanded
from kdcore.spec.studies.plan import plan_study
from kdcore.spec.studies.spec import parse_study

BASE: dict[str, Any] = {
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 2}},
    "student": {"architecture": "resnet8", "width": 0.5},
}
KEYS = st.text("ab/~0", min_size=1, max_size=3)
DOCUMENTS = st.recursive(
    st.none() | st.integers(), lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


def arms(**told: Any) -> list[Any]:
    return list(expanded(parse_study({"name": "s", "base": BASE, **told})))


def test_nothing_to_change_is_one_arm() -> None:
    (arm,) = arms()
    assert (arm.name, arm.changes) == ("base", {})


def test_a_grid_has_every_combination_of_every_arm() -> None:
    grid = {"/training/epochs": [3, 4], "/method/temperature": [2, 4, 8]}
    found = arms(grid=grid)
    assert [arm.name for arm in found][:2] == ["epochs=3, temperature=2", "epochs=3, temperature=4"]
    assert len(found) == 6
    assert found[-1].spec["method"] == {"preset": "hinton", "temperature": 8}
    named = arms(grid=grid, arms=[{"name": "a"}, {"name": "b", "changes": {"method": {"preset": "dkd"}}}])
    assert len({arm.name for arm in named}) == 12
    assert named[-1].name == "b, epochs=4, temperature=8"
    assert named[-1].spec["method"] == {"preset": "dkd", "temperature": 8}


def test_null_in_a_change_leaves_a_field_out() -> None:
    (arm,) = arms(arms=[{"name": "a", "changes": {"teacher": None}}])
    assert "teacher" not in arm.spec


def test_a_fault_is_pointed_at_where_the_study_wrote_it() -> None:
    told = {"arms": [{"name": "a", "changes": {"student": {"width": 2}}}], "grid": {"/training/epochs": [1, 2]}}
    second = arms(**told)[1]
    assert second.place("/student/width") == "/arms/0/changes/student/width"
    assert second.place("/training/epochs") == "/grid/~1training~1epochs/1"
    assert second.place("/dataset/name") == "/base/dataset/name"


@pytest.mark.parametrize("grid", [{"/training/epochs/x": [1]}, {"/deliver/3": [1]}])
def test_a_pointer_that_leads_nowhere_is_refused(grid: dict[str, Any]) -> None:
    base = {**BASE, "training": {"epochs": 3}, "deliver": ["onnx"]}
    with pytest.raises(SpecError) as caught:
        expanded(parse_study({"name": "s", "base": base, "grid": grid}))
    assert caught.value.problems[0].code == "wrong_place"


def test_arms_of_one_teacher_share_it_whatever_they_change_about_the_student() -> None:
    told = {"grid": {"/training/optimizer/lr": [0.1, 0.2]}, "arms": [{"name": "a"}, {"name": "b", "changes": {
        "teacher": {"architecture": "resnet32"}, "resources": {"hours": 1}}}]}  # fmt: skip
    found = plan_study(parse_study({"name": "s", "base": BASE, **told}), lambda one: plan(parse_spec(one)))
    assert [one.spec["student"]["architecture"] for one in found.teachers] == ["resnet20", "resnet32"]
    assert [arm.teacher for arm in found.arms] == ["teacher", "teacher", "teacher 2", "teacher 2"]
    assert found.jobs == 2 + 4 * 3
    alone = plan_study(
        parse_study({"name": "s", "base": BASE, "share_teacher": False}), lambda one: plan(parse_spec(one))
    )
    assert (alone.teachers, alone.arms[0].teacher) == ((), None)
    assert alone.arms[0].seconds > found.arms[0].seconds


def test_the_job_of_a_shared_teacher_trains_as_the_teachers_run_in_a_job_would() -> None:
    training = {"epochs": 5, "batch_size": 32, "augment": {"shift": 2, "views": 4}, "freeze": ["stem.conv"]}
    found = plan_study(
        parse_study({"name": "s", "base": {**BASE, "training": training}}), lambda one: plan(parse_spec(one))
    )
    inside = plan(parse_spec({"name": "s", **BASE, "training": {**training}, "baseline": False})).run("teacher")
    own = plan(parse_spec(found.teachers[0].spec)).runs[-1]
    assert own.training.model_dump(exclude={"cache", "freeze"}) == inside.training.model_dump(
        exclude={"cache", "freeze"}
    )
    assert (own.epochs, own.steps_per_epoch, own.labels) == (inside.epochs, inside.steps_per_epoch, None)


@given(DOCUMENTS.filter(lambda found: isinstance(found, dict)), DOCUMENTS.filter(lambda found: isinstance(found, dict)))
def test_a_merge_patch_is_what_its_leaves_are_when_placed(document: dict[str, Any], patch: dict[str, Any]) -> None:
    assert merged(merged(document, patch), patch) == merged(document, patch)


@given(st.lists(KEYS, min_size=1, max_size=4))
def test_a_value_that_was_placed_is_found_by_its_pointer(parts: list[str]) -> None:
    at = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
    found = placed({}, at, 7)
    assert parts_of(at) == parts
    for part in parts:
        found = found[part]
    assert found == 7
