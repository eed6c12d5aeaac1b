"""A training loop in two processes: the curve of one, a lost process, a stop, and what a resumed run ends with."""

import json
import os
import sys

import pytest
import shared_job
import torch
from shared_steps import trained

from kdcore.distributed import Solo, launch
from kdcore.errors import EngineError

pytestmark = pytest.mark.slow

METHOD = {
    "stages": [
        {
            "name": "distil",
            "epochs": 4,
            "terms": [
                {"from": "labels", "distance": "cross_entropy"},
                {"points": "penultimate", "distance": "rkd", "weight": 0.1},
                {"points": "penultimate", "distance": "crd", "weight": 0.1},
            ],
            "balance": {"student": {"kind": "mokd", "form": "amortised"}},
        }
    ]
}


@pytest.fixture(scope="module")
def plan(tiny_plan):
    return tiny_plan(method=METHOD, student={"labels": None}, training={"accumulate": 2})


@pytest.fixture(scope="module")
def whole(plan, tmp_path_factory):
    """An uninterrupted run in two processes."""
    folder = tmp_path_factory.mktemp("whole")
    run(plan, folder)
    return folder


def run(plan, folder, stop=lambda: None, **environment):
    """What the first of two processes says until both have ended."""
    (folder / "plan.json").write_text(plan.model_dump_json())
    heard = []
    path = os.pathsep.join(sys.path)
    command = [sys.executable, shared_job.__file__, str(folder)]
    told = {**os.environ, "PYTHONPATH": path, **environment}
    launch(command, 2, hear=lambda rank, line: heard.append(json.loads(line)), stop=stop, environment=told)
    return heard


def weights(folder):
    return torch.load(folder / "weights.pt")


def test_the_curve_is_that_of_one_process_with_the_same_batches(plan, whole):
    records, state = trained(Solo(), plan, shared_job.EPOCHS, torch.float64)
    found = json.loads((whole / "records.json").read_text())
    assert len(found) == len(records) >= 8
    for own, expected in zip(found, records, strict=True):
        assert own == pytest.approx(expected, rel=1e-6, abs=1e-9)
    for name, tensor in weights(whole).items():
        torch.testing.assert_close(tensor, state["learners"][name], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_killed_process_ends_the_attempt_and_the_resumed_run_ends_with_the_same_bits(plan, whole, tmp_path, lost):
    with pytest.raises(EngineError, match=f"rank {lost} of 2 processes was ended by SIGKILL"):
        run(plan, tmp_path, KILL=f"{lost}:5")
    assert not (tmp_path / "weights.pt").exists()
    heard = run(plan, tmp_path)
    assert 1 <= heard[0]["began"] <= 5
    expected = weights(whole)
    for name, tensor in weights(tmp_path).items():
        assert torch.equal(tensor, expected[name]), name
    assert (tmp_path / "records.json").read_text() == (whole / "records.json").read_text()


def test_a_stop_ends_all_processes_at_the_same_step(plan, whole, tmp_path):
    heard = run(plan, tmp_path, stop=lambda: "pause")
    assert heard[-1]["stopped"] == "pause"
    assert 1 <= heard[-1]["step"] < 8
    run(plan, tmp_path)
    for name, tensor in weights(tmp_path).items():
        assert torch.equal(tensor, weights(whole)[name]), name


def test_another_number_of_processes_than_asked_for_is_refused(plan, tmp_path, capfd):
    with pytest.raises(EngineError, match=r"ended with code 1"):
        run(plan, tmp_path, PROCESSES="3")
    said = capfd.readouterr().err
    assert "3 processes were asked for and 2 started: start as many, or set resources.processes to 2" in said
