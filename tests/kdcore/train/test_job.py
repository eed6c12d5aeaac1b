"""A whole job: what it leaves behind, what it never touches, and how it goes on after a crash."""

import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import kdcore
import kdcore.models as models
from kdcore.data import TestSplitClosed
from kdcore.objective.networks import fingerprint
from kdcore.prepare import open_workshop
from kdcore.train import validate

RUNS = ("teacher", "alone", "distil")


def weights(workdir):
    """Digest of every run's final weights."""
    files = [Path(workdir) / "runs" / run / "weights.safetensors" for run in RUNS]
    return {file.parent.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.exists()}


def train(plan, workdir, report=lambda record: None, stop=lambda: None):
    """Run the job up to its last trained network: what comes behind does not touch the weights."""
    last = Path(workdir) / "runs" / "distil" / "weights.safetensors"
    with pytest.raises(kdcore.Stopped, match="trained"):
        kdcore.run(plan, workdir, report, stop=lambda: "trained" if last.exists() else stop())


def stopped(plan, workdir, at, report=lambda record: None):
    """Run the job until its step number ``at``, where it is asked to stop."""
    asked = []

    def stop():
        asked.append(1)
        return "pause" if len(asked) == at else None

    with pytest.raises(kdcore.Stopped, match="pause"):
        kdcore.run(plan, workdir, report, stop=stop)


@pytest.fixture(scope="module")
def undisturbed(tiny_plan, tmp_path_factory):
    """One job that nobody disturbs, with its records."""
    workdir, records = tmp_path_factory.mktemp("job"), []
    result = kdcore.run(tiny_plan(), workdir, records.append)
    return workdir, records, result


def test_the_delivered_files_are_all_there_and_their_checksums_hold(undisturbed):
    folder = undisturbed[2].artifacts
    expected = {"student.safetensors", "student.onnx", "result.json", "report.html", "spec.yaml", "manifest.json"}
    expected |= {"README.md", "config.json", "load_student.py", "SHA256SUMS"}
    assert {path.name for path in folder.iterdir()} == expected
    assert subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=False).returncode == 0


def test_the_phases_come_in_order(undisturbed):
    phases = [record["phase"] for record in undisturbed[1] if record["type"] == "phase"]
    assert phases == ["prepare", "teacher", "train", "train", "evaluate", "export", "report"]


def test_the_result_compares_teacher_student_alone_and_student(undisturbed):
    document = undisturbed[2].document
    assert set(document["models"]) == {"teacher", "alone", "student"}
    assert document["verdict"]["outcome"] in {"better", "no difference", "worse"}
    assert document["models"]["student"]["parameters"] < document["models"]["teacher"]["parameters"]
    assert json.loads((undisturbed[2].artifacts / "result.json").read_text()) == document


def test_the_regressor_is_not_in_the_delivered_student(undisturbed, tiny_plan):
    network = tiny_plan().networks["student"]
    expected = models.build(network.architecture, network.num_classes, **network.options).state_dict().keys()
    delivered = load_file(undisturbed[2].artifacts / "student.safetensors").keys()
    assert set(delivered) == set(expected)


def test_steps_are_counted_over_the_whole_job_and_reach_the_end(undisturbed, tiny_plan):
    steps = [record["step"] for record in undisturbed[1] if record["type"] == "metrics"]
    assert steps == sorted(steps)
    assert steps[-1] == tiny_plan().steps


def test_both_students_start_from_the_same_bits(tiny_plan, tmp_path):
    workshop = open_workshop(tiny_plan(), None)
    torch.manual_seed(123)
    first = fingerprint(workshop.fresh("student"))
    torch.rand(7)
    assert fingerprint(workshop.fresh("student")) == first
    assert fingerprint(workshop.fresh("teacher")) != first


def test_the_test_split_is_closed_while_anything_can_be_chosen(tiny_plan, tmp_path, monkeypatch):
    seen = []
    original = validate.rows

    def spy(network, task, examples, *further):
        seen.append(len(examples))
        return original(network, task, examples, *further)

    monkeypatch.setattr(validate, "rows", spy)
    plan = tiny_plan(baseline=False)
    train(plan, tmp_path)
    assert set(seen) == {plan.dataset.counts.validation}
    with pytest.raises(TestSplitClosed):
        _ = open_workshop(plan, None).data.test


def test_the_same_plan_gives_the_same_bits_again(undisturbed, tiny_plan, tmp_path):
    train(tiny_plan(), tmp_path)
    assert weights(tmp_path) == weights(undisturbed[0])


def test_another_seed_gives_other_bits(undisturbed, tiny_plan, tmp_path):
    train(tiny_plan(training={"seed": 1}, baseline=False), tmp_path)
    assert weights(tmp_path)["distil"] != weights(undisturbed[0])["distil"]


@pytest.mark.parametrize("stop_at", [3, 9, 17, 25])
def test_a_run_stopped_at_any_step_goes_on_to_the_same_bits(undisturbed, tiny_plan, tmp_path, stop_at):
    records = []
    stopped(tiny_plan(), tmp_path, stop_at, records.append)
    assert records[-1]["type"] == "checkpoint"
    train(tiny_plan(), tmp_path)
    assert weights(tmp_path) == weights(undisturbed[0])


def test_a_resumed_job_ends_with_the_same_result_and_says_that_its_bits_are_the_same(undisturbed, tiny_plan, tmp_path):
    stopped(tiny_plan(), tmp_path, 14)
    result = kdcore.run(tiny_plan(), tmp_path, lambda record: None)
    assert result.document["resolved"]["bitwise"] is True
    assert result.document["models"]["student"]["score"] == undisturbed[2].document["models"]["student"]["score"]
    assert result.document["hashes"] == undisturbed[2].document["hashes"]


def test_a_checkpoint_names_every_file_that_another_machine_needs(undisturbed, tiny_plan, tmp_path):
    first, second, records = tmp_path / "first", tmp_path / "second", []
    stopped(tiny_plan(), first, 20, records.append)
    for entry in records[-1]["files"]:
        target = second / entry["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(first / entry["path"], target)
        assert hashlib.sha256(target.read_bytes()).hexdigest() == entry["sha256"]
    train(tiny_plan(), second)
    assert weights(second) == weights(undisturbed[0])


SCRIPT = """
import json, sys, pathlib, torch
torch.set_num_threads(1)
import kdcore
from kdcore.spec import Plan
plan = Plan.model_validate(json.loads(pathlib.Path(sys.argv[1]).read_text()))
last = pathlib.Path(sys.argv[2]) / "runs" / "distil" / "weights.safetensors"
try:
    kdcore.run(
        plan,
        sys.argv[2],
        lambda record: print(record["type"], flush=True),
        stop=lambda: "trained" if last.exists() else None,
    )
except kdcore.Stopped:
    pass
"""


@pytest.mark.slow
def test_a_job_killed_at_random_moments_ends_with_the_same_bits(undisturbed, tiny_plan, tmp_path):
    """kill -9 again and again, with a checkpoint every few steps, until it gets through."""
    document = tiny_plan(training={"checkpoints": {"every_seconds": 0.02}}).document()
    path, workdir = tmp_path / "plan.json", tmp_path / "work"
    path.write_text(json.dumps(document))
    draw, kills = random.Random(0), 0
    while True:
        job = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(path), str(workdir)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        wanted = draw.randint(1, 12) if kills < 4 else 10**9
        seen = 0
        for line in job.stdout:
            seen += line.strip() in {"checkpoint", "metrics"}
            if seen >= wanted:
                time.sleep(draw.random() * 0.02)
                job.kill()
                kills += 1
                break
        job.stdout.close()
        if job.wait() == 0:
            break
    assert kills >= 3
    assert weights(workdir) == weights(undisturbed[0])


def test_a_truncated_checkpoint_is_refused_and_the_one_before_is_taken(undisturbed, tiny_plan, tmp_path):
    stopped(tiny_plan(), tmp_path, 12)
    stopped(tiny_plan(), tmp_path, 4)
    newest = max(tmp_path.glob("runs/*/state-*.pt"), key=lambda path: path.stat().st_mtime)
    newest.write_bytes(newest.read_bytes()[:100])
    train(tiny_plan(), tmp_path)
    assert weights(tmp_path) == weights(undisturbed[0])


def test_when_every_checkpoint_is_damaged_the_error_says_which_and_what_to_do(tiny_plan, tmp_path):
    stopped(tiny_plan(), tmp_path, 12)
    for path in tmp_path.glob("runs/*/state-*.pt"):
        path.write_bytes(b"not a checkpoint")
    (tmp_path / "checkpoint.previous.json").unlink(missing_ok=True)
    with pytest.raises(kdcore.EngineError, match=r"has 16 of \d+ bytes; start again in an empty") as caught:
        kdcore.run(tiny_plan(), tmp_path, lambda record: None)
    assert caught.value.code == "checkpoint_damaged"


def test_a_checkpoint_of_another_plan_is_refused(tiny_plan, tmp_path):
    stopped(tiny_plan(), tmp_path, 12)
    with pytest.raises(kdcore.EngineError, match="belongs to another plan") as caught:
        kdcore.run(tiny_plan(training={"seed": 5}), tmp_path, lambda record: None)
    assert caught.value.code == "checkpoint_mismatch"


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_term(tiny_plan, tmp_path):
    plan = tiny_plan(method="hinton", training={"optimizer": {"lr": 100.0, "name": "sgd"}, "epochs": 30})
    with pytest.raises(kdcore.EngineError, match="became NaN or infinite in stage") as caught:
        kdcore.run(plan, tmp_path, lambda record: None)
    assert caught.value.code == "non_finite_loss"
    assert caught.value.param == "/training/optimizer/lr"


def test_a_gpu_that_is_not_there_is_an_error_not_a_silent_cpu(tiny_plan, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(kdcore.EngineError, match="a GPU was asked for") as caught:
        kdcore.run(tiny_plan(resources={"device": "cuda"}), tmp_path, lambda record: None)
    assert caught.value.code == "device_missing"


def test_teacher_weights_of_another_network_are_refused_with_the_shapes(undisturbed, tiny_plan, tmp_path):
    weights_of_student = undisturbed[0] / "runs" / "distil" / "weights.safetensors"
    plan = tiny_plan(
        teacher={"architecture": "resnet8", "width": 0.5, "train": None, "weights": str(weights_of_student)}
    )
    with pytest.raises(kdcore.EngineError, match="has shape") as caught:
        kdcore.run(plan, tmp_path, lambda record: None)
    assert caught.value.param == "/teacher/weights"


def test_a_teacher_brought_as_weights_is_not_trained_and_teaches_as_before(undisturbed, tiny_plan, tmp_path):
    file = undisturbed[0] / "runs" / "teacher" / "weights.safetensors"
    train(tiny_plan(teacher={"train": None, "weights": str(file)}, baseline=False), tmp_path)
    assert weights(tmp_path)["distil"] == weights(undisturbed[0])["distil"]
    assert "teacher" not in weights(tmp_path)


def test_a_full_disk_is_told_apart_and_the_checkpoint_before_survives(tiny_plan, tmp_path):
    stopped(tiny_plan(), tmp_path, 12)
    before = (tmp_path / "checkpoint.json").read_text()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(kdcore.EngineError, match="no space left") as caught:
            kdcore.run(tiny_plan(), tmp_path, lambda record: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.code == "disk_full"
    assert (tmp_path / "checkpoint.json").read_text() == before


@pytest.mark.slow
def test_two_processes_take_the_job_to_the_same_result(tiny_plan, tmp_path):
    changes = {
        "method": "hinton",
        "baseline": False,
        "deliver": ["safetensors"],
        "training": {"optimizer": {"name": "sgd", "lr": 0.001}},
    }
    runs = []
    for count in (1, 2):
        records = []
        plan = tiny_plan(resources={"processes": count}, **changes)
        result = kdcore.run(plan, tmp_path / str(count), records.append)
        metrics = [record for record in records if record["type"] == "metrics" and record["split"] != "machine"]
        runs.append((result.document, metrics, records))
    (_, alone, _), (document, together, records) = runs
    assert [record["type"] for record in records].count("result") == 1
    assert document["resolved"]["bitwise"]
    assert [(record["run"], record["step"]) for record in together] == [(r["run"], r["step"]) for r in alone]
    for own, expected in zip(together, alone, strict=True):
        assert own["values"]["loss"] == pytest.approx(expected["values"]["loss"], rel=1e-3)
