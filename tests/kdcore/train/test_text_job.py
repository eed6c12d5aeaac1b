"""Whole jobs on texts: copied layers, a regression, and real sentences and pairs from files to delivered students."""

import json

import pytest
import torch
from bringing import bring, real
from sentences import PADDING, SEPARATOR, THIN, ids, pack, text_plan

import kdcore
import kdcore.models as models
from kdcore.export import load_safetensors
from kdcore.export.sizes import digest_of
from kdcore.prepare import open_workshop
from kdcore.spec import SpecError
from kdcore.spec.matching import copy_map, forward_map

ADAM = {"name": "adamw", "lr": 0.003}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("sentences")
    pack(path)
    return path


def networks_of(folder, tmp_path, layers):
    """Teacher and student as the distillation starts with them; the teacher's weights come from a file."""
    given = {"architecture": "bert-6", "options": THIN}
    student = {"architecture": "bert-3", "options": THIN, "copy": {"layers": layers}}
    made = text_plan(folder, teacher={**given, "train": {"epochs": 1}}, student=student, baseline=False)
    torch.manual_seed(7)
    models.save(open_workshop(made, None).fresh("teacher"), tmp_path / "teacher.safetensors")
    teacher = {**given, "weights": str(tmp_path / "teacher.safetensors")}
    made = text_plan(folder, teacher=teacher, student=student, baseline=False)
    return open_workshop(made, None).networks(made.run("distil"), tmp_path)


@pytest.mark.parametrize(
    ("layers", "places"),
    [("forward", forward_map(3, 6)), ("reverse", forward_map(3, 6)[::-1]), ("spread", copy_map(3, 6))],
)
def test_a_student_starts_with_the_teachers_layers_embedding_and_pooler_bit_by_bit(folder, tmp_path, layers, places):
    found = networks_of(folder, tmp_path, layers)
    own, other = found["student"].state_dict(), found["teacher"].state_dict()
    for name, tensor in own.items():
        block = name.split(".")[1] if name.startswith("blocks.") else None
        source = name if block is None else name.replace(f"blocks.{block}.", f"blocks.{places[int(block)]}.", 1)
        assert torch.equal(tensor, other[source]), name
    assert {"embedding.segments.weight", "pooler.linear.weight", "head.weight"} <= set(own)


def test_layers_of_another_width_cannot_be_copied(folder):
    student = {"architecture": "bert-2", "options": {**THIN, "hidden": 12}, "copy": {"layers": "forward"}}
    with pytest.raises(SpecError, match="no block of bert-2 has the shape of one of bert-4"):
        text_plan(folder, student=student)


def finished(made, workdir):
    kdcore.run(made, workdir, lambda record: None)
    return json.loads((workdir / "artifacts" / "result.json").read_text())


@pytest.mark.slow
def test_a_regression_on_texts_is_matched_layer_by_layer_and_judged_by_correlations(tmp_path):
    pack(tmp_path / "pack", task="regression", train=400)
    training = {"epochs": 6, "batch_size": 32, "optimizer": ADAM}
    made = text_plan(tmp_path / "pack", method="layer-matching", training=training)
    result = finished(made, tmp_path / "job")
    student = result["models"]["student"]["metrics"]
    assert set(student) == {"rmse", "mae", "r2", "pearson", "spearman"}
    assert student["pearson"] > 0.7
    assert student["spearman"] > 0.7
    assert all(one["verified"] for one in result["exports"])


@pytest.mark.slow
def test_a_job_of_two_stages_on_attention_leaves_the_same_weights_when_it_is_done_again(folder, tmp_path):
    made = text_plan(folder, method="tinybert", student={"architecture": "bert-2", "options": {**THIN, "dropout": 0.1}})
    first, second = (finished(made, tmp_path / name) for name in ("a", "b"))
    assert first["hashes"] == second["hashes"]


@pytest.mark.slow
def test_a_folder_for_transformers_answers_as_the_student_does_and_holds_the_model_card(folder, tmp_path):
    from transformers import AutoModelForSequenceClassification

    training = {"epochs": 6, "batch_size": 32, "optimizer": ADAM}
    alone = {"teacher": None, "method": "student-alone", "baseline": False}
    made = text_plan(folder, deliver=["safetensors", "huggingface"], training=training, **alone)
    result = finished(made, tmp_path / "job")
    (found,) = [one for one in result["exports"] if one["format"] == "huggingface"]
    assert (found["verified"], found["reason"]) == (True, None)
    artifacts = tmp_path / "job" / "artifacts"
    assert (artifacts / "hf" / "README.md").read_text() == (artifacts / "README.md").read_text()
    assert digest_of(artifacts / "hf") == found["sha256"]
    rows = torch.from_numpy(ids(40, seed=9)).long()
    theirs = AutoModelForSequenceClassification.from_pretrained(artifacts / "hf").eval()
    ends = (rows == SEPARATOR).long()
    mask = (rows != PADDING).long()
    segments = ((ends.cumsum(1) - ends) == 1).long() * mask
    with torch.no_grad():
        own = load_safetensors(artifacts / "student.safetensors")(rows)
        logits = theirs(input_ids=rows, attention_mask=mask, token_type_ids=segments).logits
    assert own.std() > 0.01
    assert torch.allclose(logits, own, atol=1e-5)
    assert theirs.config.id2label == {0: "class 0", 1: "class 1", 2: "class 2"}


REAL = {
    "sst2": ({"text": 0, "target": 1, "reading": {"header": False}, "max_length": 40}, 0.58),
    "rte-resplit": ({"text": "sentence1", "pair": "sentence2", "target": "label", "max_length": 64}, 0.45),
}
"""How the files are read, and the accuracy below which something is broken; RTE is too small to learn from."""


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_texts_are_brought_taught_and_delivered(tmp_path, name):
    reading, least = REAL[name]
    tokenizer = {"train": {"kind": "wordpiece", "vocabulary": 2000}}
    brought = bring(real(name), tmp_path / "pack", format="text", task="classification", tokenizer=tokenizer, **reading)
    thin = {"hidden": 48, "heads": 4}
    made = text_plan(
        brought.folder,
        dataset={"path": str(brought.folder), "limit": 1200},
        teacher={"architecture": "bert-4", "options": thin, "train": {"epochs": 3}},
        student={"architecture": "bert-2", "options": thin, "copy": {"layers": "forward"}},
        method={"preset": "layer-matching", "match": "forward"},
        training={"epochs": 3, "batch_size": 32, "optimizer": ADAM},
        deliver=["safetensors", "onnx", "onnx-int8"],
        baseline=False,
    )
    result = finished(made, tmp_path / "job")
    student, teacher = (result["models"][role] for role in ("student", "teacher"))
    assert student["score"] > least
    assert student["parameters"] < teacher["parameters"]
    assert {one["format"] for one in result["exports"] if one["verified"]} >= {"safetensors", "onnx"}


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        ("tinybert", {"hidden": 24, "heads": 2}, "compares head by head, and there are 2 and 3: take networks with"),
        ("minilm", {"hidden": 16, "heads": 2}, "3 relation heads do not divide widths of 16 and 24: take one of 1, 2,"),
    ],
)
def test_heads_that_do_not_fit_are_refused_by_the_plan_with_those_that_do(folder, method, options, said):
    with pytest.raises(SpecError, match=said):
        text_plan(folder, method=method, student={"architecture": "bert-2", "options": {**THIN, **options}})
