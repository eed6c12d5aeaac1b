"""Whole jobs with networks of their own, searches, guards and copies; all five systems in one, stopped and resumed."""

import json
from pathlib import Path

import pytest
import torch
import yaml

import kdcore
from kdcore.objective.networks import fingerprint
from kdcore.prepare import open_workshop
from kdcore.spec import parse_spec, plan

pytestmark = pytest.mark.slow

TASK = {"from": "labels", "distance": "cross_entropy"}
EXAMPLE = Path(__file__).parents[3] / "distillery" / "examples" / "five-at-once.yaml"


def finished(made, workdir):
    records = []
    result = kdcore.run(made, workdir, records.append)
    return result.document, records


def trained(made, workdir, report=lambda record: None, left=("weights.safetensors",)):
    """The job until its student has been trained; nothing is measured."""
    ended = [workdir / "runs" / "distil" / name for name in left]
    with pytest.raises(kdcore.Stopped, match="trained"):
        kdcore.run(made, workdir, report, stop=lambda: "trained" if all(path.exists() for path in ended) else None)


def weights(workdir):
    return {path.relative_to(workdir): path.read_bytes() for path in sorted(workdir.glob("runs/*/*.safetensors"))}


@pytest.mark.parametrize(
    "method",
    [
        {"preset": "mutual", "peers": 2},
        "born-again",
        {"preset": "teacher-assistant", "assistants": ["resnet8"]},
        {"preset": "several-teachers", "teachers": ["resnet8"], "combine": "agreement"},
        "dfpt-kd-outputs",
    ],
    ids=lambda method: method if isinstance(method, str) else method["preset"],
)
def test_a_method_with_networks_of_its_own_ends_in_a_proof_like_any_other(tiny_plan, tmp_path, method):
    document, _ = finished(tiny_plan(method=method, student={"labels": None}), tmp_path)
    assert document["verdict"]["outcome"] in {"better", "no difference", "worse"}
    assert document["diagnostics"]["overhead"]["identical"]


def test_a_search_takes_the_pair_whose_short_run_was_best(tiny_plan, tmp_path):
    pairs = [["stages.0.blocks.0", "stages.0.blocks.0"], ["middle", "middle"]]
    made = tiny_plan(method={"preset": "fitnet", "candidates": pairs}, student={"labels": None})
    records = []
    trained(made, tmp_path, records.append)
    said = [record["message"] for record in records if record["type"] == "log" and "search" in record["message"]]
    best = said[0].split()[2].rstrip(",")
    accuracy = {}
    for run in ("search-1", "search-2"):
        history = json.loads((tmp_path / "runs" / run / "history.json").read_text())
        accuracy[run] = [r["values"]["accuracy"] for r in history if "accuracy" in r["values"]][-1]
    assert len(said) == 2
    assert accuracy[best] == max(accuracy.values())


@pytest.mark.parametrize("action", ["report", "drop"])
def test_a_guard_reports_matching_that_does_harm_and_drops_it_where_asked(tiny_plan, tmp_path, action):
    harmful = {"points": "penultimate", "distance": "mse", "weight": 1e5}
    stage = {"name": "distil", "epochs": 4, "terms": [TASK, harmful, {"distance": "kl"}]}
    made = tiny_plan(
        method={"guard": {"share": 0.5, "tolerance": 0, "action": action}, "stages": [stage]},
        student={"labels": None},
        training={"gradient_clip": 1.0, "optimizer": {"lr": 0.02}},
    )
    document, _ = finished(made, tmp_path)
    (finding,) = document["diagnostics"]["findings"]
    assert finding["harmful"]
    assert finding["dropped"] == (action == "drop")
    history = json.loads((tmp_path / "runs" / "distil" / "history.json").read_text())
    last = [record["values"] for record in history if record["split"] == "train"][-1]
    assert ("term.mse.penultimate" in last) == (action == "report")


def test_a_copied_student_starts_with_its_teachers_blocks_to_the_bit(tiny_plan, tmp_path):
    made = tiny_plan(
        teacher={"architecture": "resnet14"},
        student={"width": 0.5, "labels": None, "copy": {"layers": "spread"}},
        method="hinton",
        training={"epochs": 1},
    )
    trained(made, tmp_path)
    workshop = open_workshop(made, None)
    student = workshop.networks(made.run("distil"), tmp_path)["student"]
    teacher = workshop.speaker("teacher", tmp_path)
    copied = dict(made.run("distil").copies.blocks)
    for own, other in copied.items():
        assert fingerprint(student.get_submodule(own)) == fingerprint(teacher.get_submodule(other))
    assert copied


def all_five(epochs=4):
    """The shipped example, cut to a few seconds."""
    spec = yaml.safe_load(EXAMPLE.read_text())
    spec["dataset"]["limit"] = 128
    spec["teacher"] = {"architecture": "resnet8", "width": 0.5, "train": {"epochs": 1}}
    spec["student"] |= {"width": 0.25, "labels": 40}
    spec["method"]["stages"][0]["epochs"], spec["method"]["stages"][1]["epochs"] = 1, epochs - 1
    spec["training"] |= {"epochs": epochs, "batch_size": 32, "checkpoints": {"every_seconds": 3600}}
    spec["training"]["rollback"] = {"factor": 50, "window": 5}
    spec["deliver"], spec["resources"] = ["safetensors"], {"threads": 1, "device": "cpu"}
    return plan(parse_spec(spec))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("whole")
    return workdir, kdcore.run(all_five(), workdir, lambda record: None).document


@pytest.mark.parametrize("at", [9, 19, 28])
def test_all_five_systems_in_one_resume_to_the_bit_wherever_they_are_stopped(undisturbed, tmp_path, at):
    asked = []

    def stop():
        asked.append(1)
        return "pause" if len(asked) == at else None

    with pytest.raises(kdcore.Stopped):
        kdcore.run(all_five(), tmp_path, lambda record: None, stop=stop)
    torch.manual_seed(at)
    trained(all_five(), tmp_path, left=("weights.safetensors", "prompted.safetensors"))
    assert weights(tmp_path) == weights(undisturbed[0])
    assert {path.name for path in weights(tmp_path)} == {"weights.safetensors", "prompted.safetensors"}


def test_all_five_systems_in_one_leave_a_trail_and_their_findings(undisturbed):
    found = undisturbed[1]["diagnostics"]
    assert {finding["kind"] for finding in found["findings"]} >= {"harm_guard"}
    assert found["trails"]["prompted"]["light"] in {"green", "amber", "red"}
    assert len(set(found["trails"]["prompted"]["hashes"].values())) == 3
    assert len(found["angles"]["layers"]) == 3


def test_a_loss_that_leaps_brings_the_run_back_at_a_lower_rate_and_it_ends(tiny_plan, tmp_path):
    wild = {"optimizer": {"lr": 30.0}, "rollback": {"factor": 3, "window": 5, "rate": 0.01, "most": 50}}
    made = tiny_plan(method="hinton", student={"labels": None}, training=wild)
    document, _ = finished(made, tmp_path)
    returns = [finding for finding in document["diagnostics"]["findings"] if finding["kind"] == "rollback"]
    assert returns
    assert all(finding["rate"] <= 0.01 and finding["to"] <= finding["step"] for finding in returns)
