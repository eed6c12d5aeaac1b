"""Whole jobs whose student ends as int8: stopped in its last epochs, set aside before them, and proved."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import kdcore
from kdcore.left import BEFORE

BRIEF = {"method": "hinton", "baseline": False, "teacher": {"train": {"epochs": 1}}}
QUANTISED = {
    **BRIEF,
    "deliver": ["safetensors", "onnx-int8"],
    "training": {"quantise": {"share": 0.5}, "average": {"decay": 0.9}},
}


def train(plan, workdir, *, stop_at=None, report=lambda record: None):
    """Run a job until its student is trained, or until it has asked so often whether to stop."""
    last, asked = workdir / "runs" / "distil" / "weights.safetensors", []

    def stop():
        asked.append(1)
        return "pause" if len(asked) == stop_at else "trained" if last.exists() else None

    with pytest.raises(kdcore.Stopped, match="trained" if stop_at is None else "pause"):
        kdcore.run(plan, workdir, report, stop=stop)


def learnt(workdir, file="weights.safetensors"):
    return load_file(Path(workdir) / "runs" / "distil" / file)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.fixture(scope="module")
def undisturbed(tiny_plan, tmp_path_factory):
    workdir, records = tmp_path_factory.mktemp("job"), []
    train(tiny_plan(**QUANTISED), workdir, report=records.append)
    return workdir, records


def test_the_student_is_validated_as_int8_in_its_last_epochs(undisturbed):
    rows = [r for r in undisturbed[1] if r["type"] == "metrics" and r["run"] == "distil" and r["split"] == "validation"]
    assert [row["stage"] for row in rows] == ["distil", "distil", "distil-int8", "distil-int8"]
    assert all("accuracy" in row["values"] for row in rows)


def test_what_is_set_aside_is_what_a_job_that_ends_there_delivers(undisturbed, tiny_plan, tmp_path):
    shorter = {**QUANTISED, "training": {**QUANTISED["training"], "quantise": None, "epochs": 2}}
    train(tiny_plan(**shorter), tmp_path)
    assert same(learnt(undisturbed[0], BEFORE), learnt(tmp_path))
    assert not same(learnt(undisturbed[0], BEFORE), learnt(undisturbed[0]))


@pytest.mark.parametrize("stop_at", [13, 18])
def test_a_job_that_is_stopped_as_int8_goes_on_to_the_same_bits(undisturbed, tiny_plan, tmp_path, stop_at):
    """Behind the teacher's 4 steps and the student's 8 in float."""
    plan = tiny_plan(**QUANTISED)
    train(plan, tmp_path, stop_at=stop_at)
    position = json.loads((tmp_path / "checkpoint.json").read_text())
    assert f"runs/distil/{BEFORE}" in [file["path"] for file in position["files"]]
    train(plan, tmp_path)
    assert same(learnt(undisturbed[0]), learnt(tmp_path))
    assert same(learnt(undisturbed[0], BEFORE), learnt(tmp_path, BEFORE))


@pytest.mark.slow
def test_the_result_has_the_int8_file_with_and_without_the_quantised_epochs(undisturbed, tiny_plan):
    found = kdcore.run(tiny_plan(**QUANTISED), undisturbed[0], lambda record: None)
    proved, student = found.document["quantisation"], found.document["models"]["student"]
    assert (proved["epochs"], proved["examples"], proved["metric"]) == (2, 359, "accuracy")
    assert proved["after"]["as_float"] == pytest.approx(student["score"])
    assert proved["change"] == pytest.approx(proved["after"]["as_int8"] - proved["before"]["as_int8"])
    low, high = proved["interval"]
    assert low <= proved["change"] <= high
    assert learnt(undisturbed[0]).keys() == load_file(found.artifacts / "student.safetensors").keys()
    assert "int8" in (found.artifacts / "report.html").read_text()
