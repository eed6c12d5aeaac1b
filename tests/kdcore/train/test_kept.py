"""Jobs in which a frozen teacher's outputs are kept: what is decided, what is shared, what goes wrong with files."""

import json

import pytest
import torch
from safetensors.torch import load_file

import kdcore
from kdcore.objective.points import Capture
from kdcore.spec import SpecError
from kdcore.train.cache import Keep, TeacherCache

VIEWS = {"augment": {"shift": 1, "views": 2}}


def trained(plan, folder, *, keep=None, stop_at=None):
    """Run a job until its student is trained; records and weights, or None when it was stopped at a step."""
    last, asked, records = folder / "runs" / "distil" / "weights.safetensors", [], []

    def stop():
        asked.append(1)
        return "pause" if len(asked) == stop_at else "trained" if last.exists() else None

    with pytest.raises(kdcore.Stopped, match="trained" if stop_at is None else "pause"):
        kdcore.run(plan, folder, records.append, stop=stop, keep=keep)
    return records, load_file(last) if last.exists() else None


def said(records, text):
    return [record["message"] for record in records if record["type"] == "log" and text in record["message"]]


def decisions(records):
    (resolved,) = [record["resolved"] for record in records if record["type"] == "resolved"]
    return [one for group in resolved["kept_outputs"] for one in group]


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in other)


@pytest.fixture
def filled(monkeypatch):
    """How many blocks of outputs were computed."""
    blocks, original = [], TeacherCache._fill_block

    def counted(self, block, *others):
        blocks.append(block)
        original(self, block, *others)

    monkeypatch.setattr(TeacherCache, "_fill_block", counted)
    return blocks


@pytest.mark.parametrize("method", ["hinton", "fitnet"])
def test_a_job_with_kept_outputs_ends_where_the_one_that_asks_its_teacher_ends(tiny_plan, tmp_path, method, filled):
    records, kept = trained(tiny_plan(method=method, training=VIEWS), tmp_path / "kept")
    assert filled
    filled.clear()
    live = tiny_plan(method=method, training={**VIEWS, "cache": {"mode": "off"}})
    _, asked = trained(live, tmp_path / "live")
    assert not filled
    floats = [name for name, value in asked.items() if value.is_floating_point()]
    assert max(float((kept[name] - asked[name]).abs().max()) for name in floats) < 1e-3
    (one,) = [row for row in decisions(records) if row["network"] == "teacher"]
    assert one["mode"] == "memory"
    assert one["views"] == 2
    assert "2 fixed versions" in one["effect"]


def test_the_plan_says_what_is_kept_how_large_it_is_and_what_it_changes(tiny_plan):
    plan = tiny_plan(method="hinton", training=VIEWS)
    (one,) = [one for group in plan.kept for one in group]
    assert (one.network, one.mode, one.bytes) == ("teacher", "memory", 128 * 2 * 10 * 4)
    assert one.stages == ("distil/distil",)
    assert "to the student alone as well" in one.effect


def test_pictures_that_are_drawn_anew_are_not_kept_and_the_plan_says_how_they_could_be(tiny_plan):
    (one,) = [one for group in tiny_plan(method="hinton").kept for one in group]
    assert one.mode == "off"
    assert "training.augment.views" in one.reason


@pytest.mark.parametrize(
    ("training", "why"),
    [
        ({"augment": {"shift": 1}}, "training.augment.views"),
        ({"augment": {"shift": 1, "mixup": 1.0}}, "mixup makes new pictures"),
        ({**VIEWS, "cache": {"memory_mb": 0, "disk_mb": 0}}, "raise training.cache.memory_mb"),
    ],
)
def test_outputs_that_must_be_kept_and_cannot_are_refused_at_submission(tiny_plan, training, why):
    training["cache"] = {"mode": "on", **training.get("cache", {})}
    with pytest.raises(SpecError) as caught:
        tiny_plan(method="hinton", training=training)
    (found,) = caught.value.problems
    assert found.pointer == "/training/cache/mode"
    assert why in found.message


def test_the_teacher_itself_trains_on_new_changes_each_epoch(tiny_plan):
    plan = tiny_plan(method="hinton", training=VIEWS)
    assert plan.run("teacher").training.augment.views is None
    assert plan.run("alone").training.augment.views == plan.run("distil").training.augment.views == 2


def test_a_second_job_with_the_same_teacher_computes_nothing(tiny_plan, tmp_path, filled):
    keep, plan = Keep(tmp_path / "shared", "prj_1"), tiny_plan(method="hinton", training=VIEWS)
    _, first = trained(plan, tmp_path / "a", keep=keep)
    assert filled
    filled.clear()
    _, second = trained(plan, tmp_path / "b", keep=keep)
    assert not filled
    assert equal(first, second)
    trained(plan, tmp_path / "c", keep=Keep(tmp_path / "shared", "prj_2"))
    assert filled, "another project's outputs were used"


def test_another_teacher_does_not_get_the_first_ones_outputs(tiny_plan, tmp_path, filled):
    keep = Keep(tmp_path / "shared")
    trained(tiny_plan(method="hinton", training=VIEWS), tmp_path / "a", keep=keep)
    filled.clear()
    trained(tiny_plan(method="hinton", training=VIEWS, teacher={"train": {"epochs": 1}}), tmp_path / "b", keep=keep)
    assert filled


@pytest.mark.parametrize("harm", ["cut short", "changed"])
def test_damaged_outputs_are_computed_again_and_the_result_tells_of_it(tiny_plan, tmp_path, filled, harm):
    keep, plan = Keep(tmp_path / "shared"), tiny_plan(method="hinton", training=VIEWS)
    _, first = trained(plan, tmp_path / "a", keep=keep)
    (file,) = keep.folder.glob("*/0.bin")
    content = bytearray(file.read_bytes())
    content[100] ^= 255
    file.write_bytes(content[:-8] if harm == "cut short" else content)
    filled.clear()
    records, second = trained(plan, tmp_path / "b", keep=keep)
    assert filled
    assert equal(first, second)
    assert said(records, "kept outputs are damaged")
    (finding,) = json.loads((tmp_path / "b" / "runs" / "distil" / "findings.json").read_text())
    assert finding["kind"] == "cache_damaged"
    assert finding["file"]


def test_held_out_pictures_are_asked_about_once(tiny_plan, tmp_path, monkeypatch):
    asked, original = [], Capture.__call__

    def counted(self, images):
        if not self.network.training and len(images) > 2:  # the student learns, and two pictures trace shapes
            asked.append(len(images))
        return original(self, images)

    monkeypatch.setattr(Capture, "__call__", counted)
    plan = tiny_plan(method="hinton", baseline=False, training={**VIEWS, "precision": "bfloat16"})
    held_out = plan.dataset.counts.validation
    trained(plan, tmp_path / "kept")
    learners = plan.run("teacher").epochs + plan.run("distil").epochs  # each validates itself in every epoch
    assert asked.count(held_out) == learners + 1
    asked.clear()
    trained(tiny_plan(method="hinton", baseline=False, training={"cache": {"mode": "off"}}), tmp_path / "live")
    assert asked.count(held_out) == learners + plan.run("distil").epochs


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [19, 27, 34])
@pytest.mark.parametrize("cache", [{}, {"memory_mb": 0}, {"disk_mb": 0}, {"dtype": "float16"}])
def test_a_stopped_job_goes_on_to_the_same_bits(tiny_plan, tmp_path, stop_at, cache):
    plan = tiny_plan(method="hinton", training={**VIEWS, "cache": cache})
    _, whole = trained(plan, tmp_path / "whole")
    trained(plan, tmp_path / "cut", stop_at=stop_at)
    records, resumed = trained(plan, tmp_path / "cut")
    assert said(records, "resuming")
    assert equal(whole, resumed)


@pytest.mark.slow
@pytest.mark.parametrize("disk_mb", [0, 64])
def test_two_processes_use_the_same_kept_outputs(tiny_plan, tmp_path, disk_mb):
    changes = {"method": "hinton", "baseline": False}
    training = {**VIEWS, "cache": {"disk_mb": disk_mb}, "optimizer": {"name": "sgd", "lr": 0.001}}
    _, alone = trained(tiny_plan(training=training, **changes), tmp_path / "one")
    plan = tiny_plan(training=training, resources={"processes": 2}, **changes)
    records, together = trained(plan, tmp_path / "two")
    assert said(records, "is kept in memory")
    floats = [name for name, value in alone.items() if value.is_floating_point()]
    assert max(float((alone[name] - together[name]).abs().max()) for name in floats) < 1e-3


@pytest.mark.parametrize("readers", [0, 1])
def test_pictures_that_are_streamed_give_the_same_bits_as_those_in_memory(tiny_plan, tmp_path, readers):
    changes = {"method": "hinton", "baseline": False, "training": {"epochs": 2}}
    _, held = trained(tiny_plan(**changes), tmp_path / "held")
    resources = {"memory_gb": 0, "readers": readers}
    records, streamed = trained(tiny_plan(resources=resources, **changes), tmp_path / "streamed")
    assert said(records, "streamed from a file")
    assert equal(held, streamed)
