"""What a training asks for beside its losses, in whole jobs: averages, early ends, frozen layers, checkpoints."""

import hashlib
from pathlib import Path

import pytest
from safetensors.torch import load_file

import kdcore
from kdcore.prepare import open_workshop
from kdcore.spec import SpecError

AVERAGE = {"average": {"decay": 0.9}}


def weights(workdir, run="distil"):
    return load_file(Path(workdir) / "runs" / run / "weights.safetensors")


def digest(workdir, run="distil"):
    return hashlib.sha256((Path(workdir) / "runs" / run / "weights.safetensors").read_bytes()).hexdigest()


def train(plan, workdir, *, stop_at=None, report=lambda record: None):
    last, asked = Path(workdir) / "runs" / "distil" / "weights.safetensors", []

    def stop():
        asked.append(1)
        return "pause" if len(asked) == stop_at else "trained" if last.exists() else None

    with pytest.raises(kdcore.Stopped, match="trained" if stop_at is None else "pause"):
        kdcore.run(plan, workdir, report, stop=stop)


def findings(records, text):
    return [record["message"] for record in records if record["type"] == "log" and text in record["message"]]


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_average_is_delivered_instead_of_the_last_weights(tiny_plan, tmp_path, keep):
    for name, training in (("plain", {}), ("average", AVERAGE)):
        train(tiny_plan(training={**training, "keep": keep}, method="hinton"), tmp_path / name)
    for run in ("alone", "distil"):
        plain, average = (weights(tmp_path / name, run) for name in ("plain", "average"))
        assert not plain["head.weight"].equal(average["head.weight"])


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [3, 13, 22, 31])
@pytest.mark.parametrize(
    "training",
    [
        {**AVERAGE, "early_stopping": {"patience": 1}, "optimizer": {"name": "adamw"}},
        {**AVERAGE, "schedule": {"name": "one_cycle"}, "accumulate": 2, "layer_decay": 0.7},
    ],
)
def test_a_run_with_an_average_and_an_early_end_goes_on_to_the_same_bits(tiny_plan, tmp_path, stop_at, training):
    plan = tiny_plan(training={**training, "checkpoints": {"every_seconds": 0.01}})
    train(plan, tmp_path / "whole")
    train(plan, tmp_path / "cut", stop_at=stop_at)
    train(plan, tmp_path / "cut")
    assert all(digest(tmp_path / "whole", run) == digest(tmp_path / "cut", run) for run in ("alone", "distil"))


@pytest.mark.parametrize("background", [True, False])
def test_checkpoints_in_the_background_change_no_bit(tiny_plan, tmp_path, background):
    records = []
    every = {"every_seconds": 0.01, "background": background}
    train(tiny_plan(), tmp_path / "rare")
    train(tiny_plan(training={"checkpoints": every}), tmp_path / "often", report=records.append)
    assert digest(tmp_path / "rare") == digest(tmp_path / "often")
    steps = [record["step"] for record in records if record["type"] == "checkpoint"]
    assert steps == sorted(steps)
    assert len(steps) > 5


def test_a_stage_that_does_not_get_better_ends_and_says_so(tiny_plan, tmp_path):
    records = []
    plan = tiny_plan(method="hinton", training={"early_stopping": {"patience": 1, "min_delta": 1.0}})
    train(plan, tmp_path, report=records.append)
    assert len(findings(records, "early stopping: stage")) == 3  # teacher, student alone, student
    epochs = [r["epoch"] for r in records if r["type"] == "metrics" and r["run"] == "distil"]
    assert max(epochs) == 2


def test_a_frozen_layer_stays_as_it_began_in_every_run_of_the_student(tiny_plan, tmp_path):
    plan = tiny_plan(method="hinton", training={"freeze": ["stages.0", "stem"]})
    began = {name: value.clone() for name, value in open_workshop(plan, None).fresh("student").named_parameters()}
    train(plan, tmp_path)
    for run in ("alone", "distil"):
        ended = weights(tmp_path, run)
        moved = {name.split(".blocks")[0] for name, value in began.items() if not value.equal(ended[name])}
        assert moved == {"stages.1", "stages.2", "head.weight", "head.bias"}


def test_a_frozen_layer_that_is_not_there_is_refused_with_the_nearest(tiny_plan):
    with pytest.raises(SpecError) as caught:
        tiny_plan(training={"freeze": ["stage.0"]})
    (found,) = caught.value.problems
    assert found.pointer == "/training/freeze/0"
    assert "stages.0" in found.message


def test_layers_decay_by_depth_and_by_what_the_method_says(tiny_plan):
    method = {"stages": [{"name": "distil", "epochs": 4, "layer_rates": {"stages": 0.5}, "terms": [
        {"from": "labels", "distance": "cross_entropy"}, {"distance": "kl"}]}]}  # fmt: skip
    plan = tiny_plan(method=method, training={"layer_decay": 0.5})
    rates = {run.name: run.stages[0].layer_rates for run in plan.runs}
    assert rates["alone"]["stages.1"] == 0.25
    assert rates["distil"]["stages.1"] == 0.125
    assert rates["teacher"] == {}


@pytest.mark.parametrize("training", [{"freeze": ["stem"]}, {"layer_decay": 0.5}])
def test_options_of_layers_are_refused_where_a_path_is_delivered(tiny_plan, training):
    with pytest.raises(SpecError) as caught:
        tiny_plan(method="simkd", training=training)
    (found,) = caught.value.problems
    assert found.pointer == f"/training/{next(iter(training))}"
    assert "leave it out" in found.message


def test_an_early_end_is_news_and_no_warning(tiny_plan, tmp_path):
    records = []
    plan = tiny_plan(method="hinton", training={"early_stopping": {"patience": 1, "min_delta": 1.0}})
    train(plan, tmp_path, report=records.append)
    assert {record["level"] for record in records if record.get("message", "").startswith("early stopping")} == {"info"}
