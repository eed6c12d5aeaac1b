"""Detectors train by every method that is for them, and a whole job ends with a figure, a verdict and files."""

import json

import pytest
import torch
from shapes import shapes_pack, shapes_plan
from stepping import Bench

import kdcore
from kdcore.objective.networks import fingerprint
from kdcore.spec import SpecError, methods
from kdcore.train import validate

TINY = {"architecture": "detection/retinanet-tiny"}
TRAINING = {"epochs": 4, "batch_size": 8, "optimizer": {"name": "adamw", "lr": 0.002}, "precision": "float32"}
SPEC = {
    "name": "shapes",
    "teacher": {**TINY, "width": 0.25, "train": {"epochs": 2}},
    "student": {**TINY, "width": 0.125},
    "method": "hinton",
    "training": {**TRAINING, "compile": "off"},
    "resources": {"device": "cpu", "threads": 1},
}
OTHERS = ["hinton", "fitnet", "at", "born-again", "pcgrad"]
"""Methods that are written for classes and said for detectors."""
METHODS = [info.name for info in methods() if "detector" in info.kinds] + OTHERS


@pytest.fixture(scope="session")
def pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    shapes_pack(folder, train=40, test=16)
    return folder


@pytest.fixture
def make(pack):
    def made(**changes):
        spec = {**SPEC, **{key: value for key, value in changes.items() if key not in ("student", "training")}}
        student = {**SPEC["student"], **changes.get("student", {})}
        spec["student"] = {key: value for key, value in student.items() if value is not None}
        spec["training"] = {**SPEC["training"], **changes.get("training", {})}
        return shapes_plan(pack, spec)

    return made


@pytest.mark.parametrize("method", METHODS)
def test_three_steps_move_the_student_and_nothing_else(make, method):
    bench = Bench(make, method=method)
    for number in range(len(bench.run.stages)):
        stage = bench.stage(number)
        before = {name: fingerprint(network) for name, network in bench.networks.items()}
        for step in range(3):
            losses = stage.step(bench.batch, 0, step)
            assert all(value.isfinite() for value in losses.values()), losses
        moved = {name for name, network in bench.networks.items() if fingerprint(network) != before[name]}
        assert moved == {"student"}
        stage.close()


MIXED = {
    "fcos from retinanet": ("fgd", "detection/fcos-tiny", "detection/retinanet-tiny", {"width": 0.125}),
    "retinanet from fcos": ("pkd-detection", "detection/retinanet-tiny", "detection/fcos-tiny", {"width": 0.125}),
    "retinanet from faster r-cnn": (
        "pkd-detection",
        "detection/retinanet-tiny",
        "detection/fasterrcnn-tiny",
        {"width": 0.125},
    ),
    "faster r-cnn from faster r-cnn": (
        "pkd-detection",
        "detection/fasterrcnn-tiny",
        "detection/fasterrcnn-tiny",
        {"width": 0.125},
    ),
    "a small ssdlite from a large": (
        "mokd-detection",
        "detection/ssdlite-mobilenet_v3_small",
        "detection/ssdlite-mobilenet_v3_large",
        {},
    ),
}


@pytest.mark.parametrize("name", [*list(MIXED)[:-1], pytest.param(list(MIXED)[-1], marks=pytest.mark.slow)])
def test_detectors_of_other_kinds_and_sizes_teach_each_other(make, name):
    method, student, teacher, options = MIXED[name]
    asked = {"architecture": teacher, "train": {"epochs": 1}, **options}
    bench = Bench(make, method=method, teacher=asked, student={"architecture": student, **(options or {"width": None})})
    stage = bench.stage()
    first, *_, last = [float(stage.step(bench.batch, 0, step)["loss"]) for step in range(4)]
    assert first > 0
    assert last < first
    stage.close()


@pytest.mark.parametrize("method", ["fgd", "mokd-detection"])
def test_steps_on_one_batch_bring_the_loss_down(make, method):
    bench = Bench(make, method=method)
    stage = bench.stage()
    losses = [float(stage.step(bench.batch, 0, 0)["loss"]) for _ in range(15)]
    assert min(losses[-3:]) < losses[0]
    stage.close()


def test_the_plan_of_a_method_for_classes_has_the_losses_of_detection(make):
    (stage,) = make(method={"preset": "hinton", "temperature": 2}).run("distil").stages
    kinds = {term.name: (term.group, term.distance.kind, term.distance.options) for term in stage.terms}
    assert kinds == {
        "detection": ("task", "detection", {}),
        "detection_kl": ("distill", "detection_kl", {"temperature": 2.0}),
    }


def only_problem(make, **changes):
    with pytest.raises(SpecError) as caught:
        make(**changes)
    (problem,) = caught.value.problems
    return problem


def test_detectors_with_other_anchors_are_refused_with_the_remedy(make):
    teacher = {"architecture": "detection/retinanet-resnet18", "train": {"epochs": 1}}
    problem = only_problem(make, teacher=teacher)
    assert problem.code == "anchors_differ"
    assert "points fpn" in problem.message
    fcos = {"architecture": "detection/fcos-tiny", "train": {"epochs": 1}}
    assert only_problem(make, teacher=fcos).code == "anchors_differ"
    assert make(teacher=fcos, method="pkd-detection").method == "pkd-detection"


FASTER = {"architecture": "detection/fasterrcnn-tiny"}


@pytest.mark.parametrize("method", ["hinton", "mokd-detection", "born-again"])
def test_outputs_about_proposals_are_refused_with_the_remedy(make, method):
    teacher = {**FASTER, "width": 0.25, "train": {"epochs": 1}}
    problem = only_problem(make, teacher=teacher, student={**FASTER, "width": 0.25}, method=method)
    assert problem.code == "proposals_differ"
    assert "points fpn" in problem.message
    assert only_problem(make, teacher=teacher, method=method).code == "proposals_differ"


@pytest.mark.parametrize(
    "method", ["fgd", "mgd-detection", "cwd-detection", {"preset": "mokd-detection", "heads": False}]
)
def test_faster_rcnns_teach_each_other_by_their_pyramids(make, method):
    teacher = {**FASTER, "width": 0.25, "train": {"epochs": 1}}
    bench = Bench(make, method=method, teacher=teacher, student=FASTER)
    stage = bench.stage()
    before = fingerprint(bench.networks["teacher"])
    for step in range(2):
        assert all(value.isfinite() for value in stage.step(bench.batch, 0, step).values())
    assert fingerprint(bench.networks["teacher"]) == before
    stage.close()


def test_the_first_stages_of_faster_rcnns_are_compared_level_by_level(make):
    terms = [{"source": "labels", "distance": "detection"}, {"points": "class_maps", "distance": "mse"}]
    method = {"stages": [{"name": "distil", "epochs": 4, "terms": terms}]}
    bench = Bench(make, method=method, teacher={**FASTER, "width": 0.25, "train": {"epochs": 1}}, student=FASTER)
    stage = bench.stage()
    assert stage.step(bench.batch, 0, 0)["loss"].isfinite()
    stage.close()


def test_a_teacher_with_as_many_anchors_of_other_sizes_is_refused_before_training(make):
    teacher = {**SPEC["teacher"], "options": {"anchor_scale": 4.0}}
    bench = Bench(make, teacher=teacher)
    with pytest.raises(kdcore.EngineError, match="same anchors"):
        bench.stage()


def test_methods_on_class_probabilities_are_refused_for_detectors(make):
    assert only_problem(make, method="dkd").code == "method_not_for_task"


def test_the_largest_logits_of_a_detector_are_not_kept_alone(make):
    problem = only_problem(make, training={"cache": {"top_k": 2}})
    assert problem.pointer == "/training/cache/top_k"


def test_a_classifier_is_no_detector(make):
    problem = only_problem(make, student={"architecture": "resnet8"})
    assert problem.pointer == "/student/architecture"
    assert "detection/" in problem.message


def test_methods_for_detectors_are_refused_for_classes(tiny_plan):
    with pytest.raises(SpecError) as caught:
        tiny_plan(method="fgd")
    assert caught.value.problems


def test_the_figure_of_an_epoch_is_that_of_the_detections(make):
    bench = Bench(make)
    held_out, task = bench.workshop.data.validation, bench.workshop.task
    rows = validate.rows(bench.networks["student"], task, held_out, bench.workshop.normalise)
    answers = task.answers(bench.networks["student"], bench.workshop.normalise(held_out.inputs))
    assert torch.equal(rows, task.statistics(answers, held_out.targets))
    assert bench.networks["student"].training


@pytest.mark.slow
def test_a_whole_job_ends_with_mean_average_precision_a_verdict_and_files_that_answer(make, tmp_path):
    plan = make(method="mokd-detection", training={"augment": {"flip": True}}, deliver=["safetensors", "onnx"])
    kdcore.run(plan, tmp_path, lambda record: None)
    result = json.loads((tmp_path / "artifacts" / "result.json").read_text())
    assert result["metric"]["name"] == "map"
    for part in ("teacher", "alone", "student"):
        figures = result["models"][part]
        assert set(figures["metrics"]) == {"map", "map_50", "map_75"}
        assert [one["name"] for one in figures["per_class"]] == ["disc", "square"]
        low, high = figures["interval"]
        assert low <= figures["score"] <= high
    verified = {export["format"] for export in result["exports"] if export["verified"]}
    assert verified >= {"safetensors", "onnx"}
    assert result["verdict"]["metric"] == "map"


@pytest.mark.slow
def test_a_job_with_faster_rcnns_ends_with_weights_and_says_why_there_is_no_graph(make, tmp_path):
    teacher = {**FASTER, "width": 0.25, "train": {"epochs": 1}}
    plan = make(
        teacher=teacher,
        student=FASTER,
        method="pkd-detection",
        training={"epochs": 2},
        deliver=["safetensors", "onnx"],
    )
    kdcore.run(plan, tmp_path, lambda record: None)
    result = json.loads((tmp_path / "artifacts" / "result.json").read_text())
    exports = {export["format"]: export for export in result["exports"]}
    weights, graph = exports["safetensors"], exports["onnx"]
    assert weights["verified"]
    assert not graph["verified"]
    assert "proposals" in graph["reason"]
