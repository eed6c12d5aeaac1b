"""Trees as a teacher: grown in the job, judged like any teacher, and looked up from then on."""

import numpy as np
import pytest
import tiny_packs

import kdcore
from kdcore.data.pack import Split, seal, write_split
from kdcore.prepare import open_workshop
from kdcore.spec import SpecError, parse_spec, plan
from kdcore.spec.brought import Brought, BroughtDataset
from kdcore.trees import TREES

SPEC = {
    "name": "trees",
    "teacher": {"trees": {"iterations": 20, "leaves": 8}},
    "student": {"architecture": "mlp-2", "width": 0.125},
    "method": "hinton",
    "training": {
        "epochs": 2,
        "batch_size": 32,
        "precision": "float32",
        "compile": "off",
        "checkpoints": {"every_seconds": 3600},
    },
    "deliver": ["safetensors"],
    "resources": {"device": "cpu", "threads": 1},
}


def planned(folder, card, **changes):
    brought = Brought(datasets={str(folder): BroughtDataset(card, folder=str(folder))})
    spec = {**SPEC, "dataset": {"path": str(folder)}, **changes}
    return plan(parse_spec(spec), allow_paths=True, brought=brought)


@pytest.fixture
def table(tmp_path):
    folder = tmp_path / "table"
    return folder, tiny_packs.table(folder)


def with_values(folder, task, targets, classes):
    """A table of 5 columns whose targets are ``targets`` of them."""
    splits = {}
    for at, (name, count) in enumerate({"train": 96, "validation": 32, "test": 32}.items()):
        inputs = np.random.default_rng(at).standard_normal((count, 5)).astype(np.float32)
        write_split(folder, name, Split(inputs, targets(inputs).astype(np.float32)))
        splits[name] = {"count": count}
    target = {"classes": classes}
    if task == "regression":
        target |= {"mean": [1.0] * len(classes), "std": [2.0] * len(classes)}
    card = {"name": task, "task": task, "input": {"kind": "table", "shape": [5]}, "target": target}
    return seal(folder, {**card, "splits": splits, "mean": [0.0] * 5, "std": [1.0] * 5})


def test_trees_speak_about_every_split_and_are_grown_once(table, tmp_path):
    job = planned(*table)
    assert job.networks["teacher"].kind == "trees"
    first = open_workshop(job, None, tmp_path / "job")
    written = (tmp_path / "job" / TREES).read_bytes()
    again = open_workshop(job, None, tmp_path / "job")
    assert (tmp_path / "job" / TREES).read_bytes() == written
    import torch

    index = torch.arange(24)
    for split in ("train", "validation", "test"):
        assert torch.equal(first.tables["teacher"].rows(split, index), again.tables["teacher"].rows(split, index))
    rows = first.tables["teacher"].rows("train", torch.arange(64))
    assert (rows.argmax(1) == first.data.train.targets).float().mean() > 0.95
    assert torch.allclose(rows.softmax(1).sum(1), torch.ones(64))


@pytest.mark.parametrize(
    ("task", "targets", "classes"),
    [
        ("regression", lambda x: np.stack([3 * x[:, 0] + 1, x[:, 1] ** 2], 1), ["a", "b"]),
        ("multilabel", lambda x: np.stack([x[:, 0] > 0, x[:, 1] > 0.5, np.ones(len(x))], 1), ["a", "b", "always"]),
    ],
)
def test_trees_answer_values_and_labels_as_networks_learn_them(tmp_path, task, targets, classes):
    card = with_values(tmp_path / "pack", task, targets, classes)
    workshop = open_workshop(planned(tmp_path / "pack", card), None, tmp_path / "job")
    import torch

    rows = workshop.tables["teacher"].rows("validation", torch.arange(32))
    figures = workshop.task.judged(rows, workshop.data.validation.targets).figures()
    assert float(figures["r2" if task == "regression" else "label_accuracy"]) > 0.6


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["table", "series"])
def test_a_job_on_trees_measures_them_like_any_teacher(tmp_path, kind):
    folder = tmp_path / kind
    student = {
        "table": {"architecture": "mlp-2", "width": 0.125},
        "series": {"architecture": "resnet1d-8", "width": 0.25},
    }
    card = getattr(tiny_packs, kind)(folder)
    job = planned(folder, card, student=student[kind], deliver=["safetensors", "onnx"])
    document = kdcore.run(job, tmp_path / "job", lambda record: None).document
    teacher = document["models"]["teacher"]
    assert (teacher["parameters"], teacher["macs"], teacher["bytes"]) == (None, None, None)
    assert document["resolved"]["gate"]["teacher"]["metric"] == "accuracy"
    assert document["models"]["student"]["agreement_with_teacher"] is not None
    assert (tmp_path / "job" / "artifacts" / "report.html").exists()


def test_trees_are_no_teacher_for_pictures_or_for_methods_that_look_inside(table):
    with pytest.raises(SpecError, match="trees take tables and series, the dataset has inputs of kind image"):
        plan(parse_spec({**SPEC, "dataset": {"name": "digits"}, "student": {"architecture": "resnet8"}}))
    with pytest.raises(SpecError, match="is an ensemble of trees"):
        planned(*table, method="fitnet")


def test_trees_have_options_of_their_own(table):
    for teacher in (
        {"trees": {}, "train": {"epochs": 1}},
        {"trees": {"depth": 0}},
        {"trees": {}, "architecture": "mlp-2"},
    ):
        with pytest.raises(SpecError):
            planned(*table, teacher=teacher)
    assert planned(*table, teacher={"trees": {}}).networks["teacher"].options["iterations"] == 200
