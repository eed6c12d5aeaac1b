"""What a plan decides about keeping a frozen network's outputs."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kdcore.objective.terms import points_of
from kdcore.spec import parse_spec, plan
from kdcore.spec.caching import MEGABYTE, CacheRefused, Reading, TeacherCache, cache_plan, row_bytes
from kdcore.spec.listening import kept_networks, points_read
from kdcore.spec.presets import PRESETS
from kdcore.spec.training import Augment, Training

SOFT = Reading(network="teacher", run="distil", stage="distil", epochs=15, points={"logits": (100,)})
HINT = Reading(network="teacher", run="distil", stage="hint", epochs=5, points={"stages.1": (128, 16, 16)})


def decide(*readings, samples=1000, versions=1, bypass=None, item=4, **asked):
    return cache_plan(TeacherCache(**asked), readings, samples=samples, versions=versions, bypass=bypass, item=item)


def test_logits_and_a_hint_take_the_bytes_that_one_computes_by_hand():
    (found,) = decide(HINT, SOFT, samples=16_000, disk_mb=4000)
    assert found.bytes == 16_000 * 4 * (100 + 128 * 16 * 16)
    assert found.mode == "file"
    assert found.on_disk
    assert found.stages == ("distil/hint", "distil/distil")
    assert found.reason.endswith("over the 16,000 pictures, 2.0 GiB in a memory-mapped file")


def test_what_fits_into_memory_is_kept_there_and_on_disk_for_others():
    (found,) = decide(SOFT, samples=50_000, versions=8)
    assert (found.mode, found.on_disk) == ("memory", True)
    assert found.bytes == 50_000 * 8 * 400
    (alone,) = decide(SOFT, disk_mb=0)
    assert (alone.mode, alone.on_disk) == ("memory", False)


def test_views_change_what_is_seen_and_the_plan_says_so():
    (fixed,) = decide(SOFT, versions=8)
    (plain,) = decide(SOFT, versions=1)
    assert "8 fixed versions" in fixed.effect
    assert "student alone" in fixed.effect
    assert plain.effect == "Every epoch shows the same pictures, as without keeping."


def test_rounding_and_top_k_are_effects_too():
    (found,) = decide(SOFT, dtype="float16", top_k=8)
    assert "at most 2^-11" in found.effect
    assert "the 8 largest" in found.effect
    assert found.bytes == 1000 * (8 * (2 + 2) + 4)
    assert "largest" not in decide(SOFT, top_k=100)[0].effect


def test_off_is_off():
    (found,) = decide(SOFT, mode="off")
    assert (found.mode, found.reason) == ("off", "training.cache.mode is off")


def test_fresh_augmentation_is_a_reason_not_to_keep_anything_and_names_the_remedy():
    (found,) = decide(SOFT, versions=None)
    assert found.mode == "off"
    assert "training.augment.views" in found.reason
    with pytest.raises(CacheRefused, match="outputs of 'teacher' cannot be kept: every epoch draws new changes"):
        decide(SOFT, versions=None, mode="on")


def test_a_pass_over_every_view_has_to_be_repaid():
    assert decide(SOFT, versions=15)[0].mode == "off"
    assert decide(SOFT, versions=14)[0].mode == "memory"
    assert decide(SOFT, versions=15, mode="on")[0].mode == "memory"


def test_a_learning_network_is_asked_and_the_frozen_one_beside_it_is_kept():
    prompted = SOFT.model_copy(update={"network": "prompted", "live": "prompted learns"})
    found = decide(prompted, SOFT, mode="on")
    assert [(one.network, one.mode) for one in found] == [("prompted", "off"), ("teacher", "memory")]
    assert found[0].reason == "prompted learns"


def test_a_stage_whose_map_is_too_large_asks_each_time_and_the_other_is_answered():
    (found,) = decide(HINT, SOFT, samples=50_000, disk_mb=1000)
    assert found.stages == ("distil/distil",)
    assert found.points == {"logits": (100,)}
    assert "distil/hint would not fit" in found.reason


def test_what_fits_nowhere_is_said_with_its_size_and_refused_where_it_was_asked_for():
    (found,) = decide(HINT, samples=50_000, disk_mb=1000)
    assert found.mode == "off"
    assert "6.1 GiB would be needed and 1.0 GiB are left" in found.reason
    with pytest.raises(CacheRefused, match="raise training"):
        decide(HINT, samples=50_000, disk_mb=1000, mode="on")


def test_an_unknown_shape_is_decided_later():
    (found,) = decide(SOFT.model_copy(update={"points": {"logits": (100,), "custom": None}}))
    assert found.mode == "later"
    assert "custom" in found.reason


def test_two_teachers_share_the_budget():
    other = SOFT.model_copy(update={"network": "other"})
    need = 1000 * 400
    found = decide(SOFT, other, samples=1000, memory_mb=int(1.5 * need / MEGABYTE) or 1, disk_mb=0)
    assert [one.mode for one in found] == ["memory", "memory"]
    found = decide(SOFT, other, samples=2600, memory_mb=1, disk_mb=0)
    assert [one.mode for one in found] == ["memory", "off"]


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 64)), min_size=1, max_size=5),
    st.integers(0, 4), st.integers(0, 8), st.integers(1, 60_000), st.integers(1, 16),
)  # fmt: skip
def test_budgets_are_never_exceeded_and_a_kept_stage_has_all_its_points(layers, memory, disk, samples, views):
    stages = [
        Reading(
            network="teacher",
            run="distil",
            stage=str(number),
            epochs=50,
            points={f"layer{i}": (width, i) for i in range(depth)},
        )
        for number, (depth, width) in enumerate(layers)
    ]
    asked = TeacherCache(memory_mb=memory, disk_mb=disk)
    (found,) = cache_plan(asked, stages, samples=samples, versions=views)
    assert found.bytes == samples * views * row_bytes(found.points, asked) if found.mode != "off" else not found.points
    assert found.bytes <= max(memory, disk) * MEGABYTE
    assert not found.on_disk or found.bytes <= disk * MEGABYTE
    for stage in stages:
        if f"distil/{stage.stage}" in found.stages:
            assert set(stage.points) <= set(found.points)


ELSEWHERE = (("generator",), ("detector",))


@pytest.mark.parametrize("preset", sorted(name for name, one in PRESETS.items() if one.kinds not in ELSEWHERE))
def test_the_points_that_are_planned_are_those_that_stages_capture(preset):
    tokens = preset in {"minilm", "minilm-v2", "pkd-bert", "tinybert"}
    spec = {
        "name": "points",
        "dataset": {"name": "digits"},
        "teacher": {"architecture": "vit-4" if tokens else "resnet20", "train": {"epochs": 1}},
        "student": {"architecture": "vit-2" if tokens else "resnet8"},
        "method": preset,
        "training": {"epochs": 10},
    }
    made = plan(parse_spec(spec))
    for run in made.runs:
        for stage in run.stages:
            captured = points_of(stage)
            for network, points in points_read(stage, made.dataset.num_classes).items():
                if network not in run.learners:
                    assert set(points) == set(captured[network])


def test_a_whole_job_is_decided_run_by_run(tiny_plan):
    made = tiny_plan(method="fitnet", training={"augment": {"shift": 1, "views": 2}})
    (found,) = kept_networks(TeacherCache(), made.runs, samples=128, num_classes=10)
    (teacher,) = found
    assert teacher.mode == "memory"
    assert teacher.views == 2
    assert {stage.partition("/")[0] for stage in teacher.stages} == {"distil"}
    assert "logits" in teacher.points


def test_mixed_pictures_never_repeat(tiny_plan):
    made = tiny_plan(method="hinton", training={"augment": {"mixup": 0.2}})
    ((teacher,),) = kept_networks(TeacherCache(), made.runs, samples=128, num_classes=10)
    assert (teacher.mode, teacher.reason) == ("off", "mixup makes new pictures in every step")


def test_runs_that_see_other_views_are_decided_apart(tiny_plan):
    made = tiny_plan(method="hinton")
    distil = made.run("distil")
    views = Training(augment=Augment(shift=1, views=2))
    first, second = (distil.model_copy(update={"name": name, "training": views}) for name in ("distil", "assistant"))
    second = second.model_copy(update={"learners": ("assistant",)})
    found = kept_networks(TeacherCache(), [first, second], samples=128, num_classes=10)
    assert [one.stages for (one,) in found] == [("distil/distil",), ("assistant/distil",)]


@pytest.mark.parametrize(("written", "read"), [("on", "on"), ("off", "off"), ("auto", "auto"), ("'on'", "on")])
def test_yaml_s_own_on_and_off_are_ours(written, read):
    training = yaml.safe_load(f"{{cache: {{mode: {written}}}, compile: {written}}}")
    found = Training.model_validate(training)
    assert (found.cache.mode, found.compile) == (read, read)
