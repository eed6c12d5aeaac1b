"""Whole jobs of text generation: they learn, say what they learnt, and go on to the same bits after a stop."""

import json

import pytest
import texts
import torch
from safetensors.torch import load_file

import kdcore

pytestmark = pytest.mark.slow

PACKS = {"bart": texts.reversed_words, "t5": texts.reversed_words, "gpt": texts.cycles}
EXACT = {"precision": "float32", "memory_format": "contiguous", "compile": "off"}
METHODS = [("word-kd", "t5"), ("seq-kd", "bart"), ("gkd", "gpt"), ("gkd", "bart"), ("layer-matching", "bart")]


def job(folder, method, family, **changes):
    folder.mkdir()
    training = {**texts.TRAINING, **EXACT, **changes.pop("training", {})}
    names = {"teacher": f"{family}-2", "student": f"{family}-1"}
    return texts.planned(folder, PACKS[family](folder), method=method, training=training, **names, **changes)


def trained(plan, workdir):
    """The student's weights when training has ended; nothing is measured."""
    last = workdir / "runs" / "distil" / "weights.safetensors"
    with pytest.raises(kdcore.Stopped, match="trained"):
        kdcore.run(plan, workdir, lambda record: None, stop=lambda: "trained" if last.exists() else None)
    return load_file(last)


@pytest.mark.parametrize(("method", "family"), METHODS)
def test_a_job_that_is_stopped_goes_on_to_the_same_bits(tmp_path, method, family):
    plan = job(tmp_path / "pack", method, family, baseline=False, training={"epochs": 2})
    whole = trained(plan, tmp_path / "whole")
    begun, asked = [], []

    def report(record):
        if record["type"] == "phase" and record["run"] == "distil":
            begun.append(record)

    def stop():
        if begun:
            asked.append(1)
        return "pause" if len(asked) == 5 else None

    with pytest.raises(kdcore.Stopped):
        kdcore.run(plan, tmp_path / "cut", report, stop=stop)
    cut = trained(plan, tmp_path / "cut")
    assert all(torch.equal(value, cut[name]) for name, value in whole.items())


def test_texts_that_the_teacher_wrote_are_part_of_the_checkpoints(tmp_path):
    plan = job(tmp_path / "pack", "seq-kd", "bart", baseline=False)
    said, asked = [], []

    def stop():
        written = [line for line in said if line.startswith("the teacher has written")]
        asked.extend([1] * bool(written))
        return "pause" if asked else None

    def report(record):
        if record["type"] == "log":
            said.append(record["message"])

    with pytest.raises(kdcore.Stopped):
        kdcore.run(plan, tmp_path / "work", report, stop=stop)
    manifest = json.loads((tmp_path / "work" / "checkpoint.json").read_text())
    assert [file["path"] for file in manifest["files"] if "texts" in file["path"]] == ["runs/distil/texts-0-0.npy"]
    said.clear()
    kdcore.run(plan, tmp_path / "work", report)
    assert [line for line in said if line.startswith("the teacher")] == [
        "the teacher has written to 96 of 96 examples for stage 'distil'"
    ]


def test_a_language_model_learns_a_cycle_from_its_teacher_and_is_delivered(tmp_path):
    training = {"epochs": 6, "optimizer": {"name": "adamw", "lr": 0.01}}
    teacher = {"architecture": "gpt-2", "options": texts.SIZES, "train": {"epochs": 8}}
    folder = tmp_path / "pack"
    folder.mkdir()
    card = texts.cycles(folder)
    names = {"teacher": "gpt-2", "student": "gpt-1"}
    spec = texts.planned(folder, card, **names, method="gkd", training={**texts.TRAINING, **EXACT, **training})
    spec = {**spec.spec.model_dump(mode="json", by_alias=True, exclude_unset=True), "teacher": teacher}
    result = kdcore.run(texts.replanned(folder, card, spec), tmp_path / "work", lambda record: None)
    models = result.document["models"]
    assert models["student"]["metrics"]["token_accuracy"] > 0.8
    assert models["teacher"]["metrics"]["token_accuracy"] > 0.8
    assert [one["verified"] for one in result.document["exports"]] == [True, True, True]
    assert (result.artifacts / "student.onnx").exists()
