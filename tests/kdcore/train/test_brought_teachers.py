"""Jobs on teachers that users bring: weights, an ONNX graph, a table of outputs; all pass the gate first."""

import json

import numpy as np
import pytest
import torch

import kdcore
import kdcore.models as models
from kdcore.bring.caps import Caps
from kdcore.bring.models import model
from kdcore.data import load
from kdcore.data.readers import read
from kdcore.errors import EngineError
from kdcore.export.graph import export_onnx
from kdcore.seeds import seeded
from kdcore.spec import SpecError, parse_spec, plan
from kdcore.spec.bringing.models import parse_model
from kdcore.spec.brought import Brought, BroughtModel

IMAGE = {"kind": "image", "shape": [1, 8, 8]}
SPEC = {
    "name": "brought",
    "dataset": {"name": "digits", "limit": 128},
    "student": {"architecture": "resnet8", "width": 0.25},
    "method": "hinton",
    "training": {
        "epochs": 2,
        "batch_size": 32,
        "optimizer": {"lr": 0.05},
        "checkpoints": {"every_seconds": 3600},
        "precision": "float32",
        "memory_format": "contiguous",
        "compile": "off",
    },
    "baseline": False,
    "deliver": ["safetensors"],
    "resources": {"device": "cpu", "threads": 1},
}


def bring(source, out, **options):
    return model(
        source, parse_model({"name": "teacher", **options}), out, caps=Caps(), report=lambda r: None, stop=lambda: None
    )


def planned(card, folder, teacher=None, **changes):
    known = Brought(models={"mdl_1": BroughtModel(card, version=1, folder=str(folder))})
    spec = parse_spec({**SPEC, "teacher": {"id": "mdl_1", **(teacher or {})}, **changes})
    return plan(spec, brought=known)


def finished(job, workdir):
    said = []
    result = kdcore.run(job, workdir, said.append)
    return result.document, said


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network that knows digits a little, with the figures its inputs were normalised by."""
    digits = load("digits", "train")
    inputs = (digits.inputs.float() / 255 - 0.5) / 0.25
    with seeded(3, "trained"):
        network = models.build("resnet8", 10, width=0.5, in_channels=1)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
        for step in range(60):
            part = torch.arange(step * 64, step * 64 + 64) % len(inputs)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(inputs[part]), digits.targets[part]).backward()
            optimizer.step()
    return network.eval()


@pytest.fixture(scope="module")
def weights(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    torch.save(trained.state_dict(), folder / "w.pt")
    card = bring(
        folder / "w.pt", folder / "out", architecture="resnet8", width=0.5, input=IMAGE, mean=[0.5], std=[0.25]
    )
    return card, folder / "out"


@pytest.fixture(scope="module")
def graph(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    export_onnx(trained, (1, 8, 8), folder / "m.onnx")
    return bring(folder / "m.onnx", folder / "out", format="onnx", input=IMAGE, mean=[0.5], std=[0.25]), folder / "out"


@pytest.fixture(scope="module")
def table(trained, tmp_path_factory):
    """What the network says of every digit, by index, as a table."""
    folder = tmp_path_factory.mktemp("table")
    everything = read("digits", "train")
    with torch.no_grad():
        said = trained((everything.inputs.float() / 255 - 0.5) / 0.25)
    np.savez(folder / "o.npz", **{"train/outputs": said.numpy()})
    return bring(folder / "o.npz", folder / "out", format="outputs"), folder / "out"


def losses(said):
    return [r["values"]["term.kl"] for r in said if r["type"] == "metrics" and r["split"] == "train"]


@pytest.mark.slow
def test_three_ways_to_bring_a_teacher_teach_the_same(weights, graph, table, tmp_path):
    found = {}
    for name, (card, folder) in {"weights": weights, "graph": graph, "table": table}.items():
        document, said = finished(planned(card, folder), tmp_path / name)
        gate = document["resolved"]["gate"]["teacher"]
        assert gate["passed"]
        assert gate["value"] > 0.6
        assert gate["blind"] < 0.2
        assert len(gate["per_class"]) == 10
        assert any(gate["message"] == r.get("message") for r in said)
        found[name] = gate["value"], document["models"]["teacher"]["score"], losses(said)
    assert found["weights"][:2] == found["graph"][:2] == found["table"][:2]
    assert found["graph"][2] == pytest.approx(found["weights"][2], rel=1e-3)
    assert found["table"][2] == pytest.approx(found["weights"][2], rel=1e-3)


@pytest.mark.slow
def test_a_resumed_job_finds_its_gate_and_does_not_look_again(table, tmp_path):
    job = planned(*table)
    stops = iter([None] * 6 + ["pause"])
    with pytest.raises(kdcore.Stopped):
        kdcore.run(job, tmp_path, lambda record: None, stop=lambda: next(stops))
    document, said = finished(job, tmp_path)
    whole, _ = finished(job, tmp_path / "whole")
    assert document["hashes"] == whole["hashes"]
    assert json.loads((tmp_path / "resolved.json").read_text())["gate"]["teacher"]["passed"]
    assert not [r for r in said if r["type"] == "log" and "without looking" in r["message"]]


@pytest.mark.slow
def test_outputs_prompts_lead_through_a_table_and_through_a_graph(table, graph, tmp_path):
    method = {
        "networks": {"prompted": {"of": "teacher", "path": "outputs"}},
        "stages": [
            {
                "name": "distil",
                "epochs": 2,
                "terms": [
                    {"from": "labels", "distance": "cross_entropy"},
                    {"from": "prompted", "distance": "kl"},
                    {"to": "prompted", "from": "labels", "distance": "cross_entropy"},
                    {"to": "prompted", "from": "teacher", "distance": "kl"},
                ],
            }
        ],
    }
    found = []
    for name, (card, folder) in {"table": table, "graph": graph}.items():
        document, said = finished(planned(card, folder, method=method), tmp_path / name)
        assert document["diagnostics"]["trails"]["prompted"]["of"] == "teacher"
        found.append([r["values"]["loss"] for r in said if r["type"] == "metrics" and r["split"] == "train"])
    assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_kept_outputs_work_for_a_graph_and_are_not_needed_for_a_table(table, graph):
    training = {**SPEC["training"], "epochs": 4, "cache": {"mode": "auto"}}
    kept = planned(*graph, training=training).kept
    assert [one.mode for group in kept for one in group] == ["later"] or kept[0][0].mode in {"memory", "file"}
    (one,) = planned(*table, training=training).kept[0]
    assert one.mode == "off"
    assert "table of stored outputs" in one.reason


@pytest.mark.slow
def test_a_brought_network_is_trained_further(weights, tmp_path):
    job = planned(*weights, teacher={"train": {"epochs": 1}})
    assert job.networks["teacher"].starts is not None
    assert job.networks["teacher"].weights is None
    document, _ = finished(job, tmp_path)
    assert document["models"]["teacher"]["score"] > 0.6
    assert document["resolved"]["gate"] == {}


@pytest.mark.slow
def test_a_student_begins_with_brought_weights(weights, tmp_path):
    card, folder = weights
    known = Brought(models={"mdl_1": BroughtModel(card, folder=str(folder))})
    student = {"architecture": "resnet8", "width": 0.5, "init": {"id": "mdl_1"}}
    training = {**SPEC["training"], "epochs": 1, "optimizer": {"lr": 1e-9}}
    spec = {**SPEC, "student": student, "method": "student-alone", "training": training}
    job = plan(parse_spec(spec), brought=known)
    assert [warning.code for warning in job.warnings] == ["licence_unknown", "normalised_otherwise"]
    finished(job, tmp_path)
    kept, ended = models.weights.read(folder / "weights.safetensors"), tmp_path / "runs/distil/weights.safetensors"
    ended = models.weights.read(ended)
    assert torch.allclose(kept["head.weight"], ended["head.weight"], atol=1e-5)


@pytest.mark.slow
def test_the_gate_refuses_where_it_is_told_to(table, tmp_path):
    with pytest.raises(EngineError, match=r"at least 0.999 wanted.*no teacher for this dataset") as caught:
        finished(planned(*table, teacher={"gate": {"at_least": 0.999, "action": "refuse"}}), tmp_path)
    assert caught.value.code == "teacher_refused"
    assert caught.value.param == "/teacher/gate"


@pytest.mark.slow
def test_a_teacher_that_knows_nothing_is_warned_of(tmp_path):
    folder = tmp_path / "noise"
    folder.mkdir()
    wrong = -torch.nn.functional.one_hot(read("digits", "train").targets, 10).float().numpy()
    np.savez(folder / "o.npz", **{"train/outputs": wrong})
    card = bring(folder / "o.npz", folder / "out", format="outputs", says="logits")
    document, said = finished(planned(card, folder / "out"), tmp_path / "job")
    assert document["resolved"]["gate"]["teacher"]["passed"] is False
    warned = [r["message"] for r in said if r.get("level") == "warning"]
    assert any("no teacher for this dataset" in message for message in warned)


@pytest.mark.slow
def test_a_table_that_lacks_training_rows_is_refused_with_their_places(tmp_path):
    np.savez(tmp_path / "o.npz", **{"train/outputs": np.zeros((100, 10), dtype=np.float32)})
    card = bring(tmp_path / "o.npz", tmp_path / "out", format="outputs", says="logits")
    with pytest.raises(EngineError, match=r"no row for \d+ of the 128 examples of train \(place \d+"):
        finished(planned(card, tmp_path / "out"), tmp_path / "job")


@pytest.mark.slow
def test_a_table_keyed_by_names_needs_a_dataset_that_has_some(tmp_path):
    np.savez(tmp_path / "o.npz", outputs=np.zeros((2, 10), dtype=np.float32), names=["a", "b"])
    card = bring(tmp_path / "o.npz", tmp_path / "out", format="outputs", says="logits")
    with pytest.raises(EngineError, match="this dataset's samples have none"):
        finished(planned(card, tmp_path / "out"), tmp_path / "job")


@pytest.mark.parametrize("method", ["fitnet", "dfpt-kd", "mokd", "crd"])
def test_methods_that_look_inside_are_refused_for_a_black_box(graph, table, method):
    for one in (graph, table):
        with pytest.raises(SpecError, match=r"is a (black box|table)") as caught:
            planned(*one, method=method)
        assert {problem.code for problem in caught.value.problems} == {"black_box"}


def test_mixed_pictures_are_refused_for_a_table_and_changed_ones_warned_of(table):
    with pytest.raises(SpecError, match="has none of them"):
        planned(*table, training={**SPEC["training"], "augment": {"mixup": 0.2}})
    job = planned(*table, training={**SPEC["training"], "augment": {"shift": 1}})
    assert "stored_outputs_of_unchanged_inputs" in [warning.code for warning in job.warnings]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"num_outputs": 7}, "class_count_differs"),
        ({"task": "regression"}, "wrong_task"),
        ({"classes": tuple("9876543210")}, "classes_differ"),
    ],
)
def test_what_a_card_says_has_to_suit_the_dataset(table, changes, code):
    card, folder = table
    with pytest.raises(SpecError) as caught:
        planned(card.model_copy(update=changes), folder)
    assert [problem.code for problem in caught.value.problems] == [code]


def test_another_input_than_the_graph_s_is_refused(graph):
    card, folder = graph
    other = card.input.model_copy(update={"shape": (1, 16, 16)})
    with pytest.raises(SpecError, match=r"takes image of shape \(1, 16, 16\)"):
        planned(card.model_copy(update={"input": other}), folder)


def test_a_model_that_is_not_ready_and_a_path_are_refused():
    spec = {**SPEC, "teacher": {"id": "mdl_9", "version": 2}}
    with pytest.raises(SpecError, match="no model 'mdl_9/2' that is ready"):
        plan(parse_spec(spec))
    with pytest.raises(SpecError, match="paths are for"):
        plan(parse_spec({**SPEC, "teacher": {"path": "/models/x"}}))


@pytest.mark.parametrize(
    "teacher",
    [
        {},
        {"id": "mdl_1", "architecture": "resnet8"},
        {"id": "mdl_1", "width": 2},
        {"architecture": "resnet8", "version": 2},
        {"id": "mdl_1", "version": 2, "alias": "champion"},
    ],
)
def test_a_teacher_has_one_source(teacher):
    with pytest.raises(SpecError):
        parse_spec({**SPEC, "teacher": teacher})
