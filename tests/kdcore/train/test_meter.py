"""What a run tells of the machine: how fast it goes and what it holds, and nothing of it in what a run computes."""

import json
import mmap
import time

import pytest

import kdcore
from kdcore.train.meter import Meter


def test_only_what_lies_between_two_readings_counts():
    meter = Meter("cpu")
    meter.add(1000)
    meter.begin()
    meter.add(10)
    time.sleep(0.05)
    assert 0 < meter.read()["examples_per_second"] <= 10 / 0.05
    assert meter.read()["examples_per_second"] == 0


def test_memory_is_what_the_process_holds_now():
    before = Meter("cpu").read()["memory_bytes"]
    # Not a tensor: its memory may be some that the process has held all along.
    with mmap.mmap(-1, 2**26) as block:
        block.write(b"1" * 2**26)
        assert Meter("cpu").read()["memory_bytes"] >= before + 0.9 * 2**26


@pytest.fixture(scope="module")
def told(tiny_plan, tmp_path_factory):
    """The metric records of a trained job, and its folder."""
    workdir, records = tmp_path_factory.mktemp("job"), []
    last = workdir / "runs" / "distil" / "weights.safetensors"
    with pytest.raises(kdcore.Stopped, match="trained"):
        kdcore.run(tiny_plan(), workdir, records.append, stop=lambda: "trained" if last.exists() else None)
    return [record for record in records if record["type"] == "metrics"], workdir


def test_every_training_record_has_a_reading_of_the_machine_beside_it(told):
    places = {
        split: [(record["run"], record["step"]) for record in told[0] if record["split"] == split]
        for split in ("train", "machine")
    }
    assert places["machine"] == places["train"] != []
    readings = [record["values"] for record in told[0] if record["split"] == "machine"]
    assert all(set(values) == {"examples_per_second", "memory_bytes"} for values in readings)
    assert all(values["examples_per_second"] > 0 for values in readings)


def test_readings_of_the_machine_stay_out_of_what_is_kept(told):
    for run in ("teacher", "alone", "distil"):
        history = json.loads((told[1] / "runs" / run / "history.json").read_text())
        assert {record["split"] for record in history} == {"train", "validation"}
