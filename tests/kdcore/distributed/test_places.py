"""How processes find each other, and what is said when they do not."""

import pytest
import torch

from kdcore.distributed import Place, Solo, open_group
from kdcore.distributed.places import enough_devices
from kdcore.errors import EngineError


def test_a_place_is_read_as_launch_and_torchrun_set_it():
    assert Place.of({}) == Place(0, 1, 0, "env://")
    torchrun = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}
    assert Place.of(torchrun) == Place(5, 8, 1, "env://")
    launched = {"RANK": "1", "WORLD_SIZE": "2", "KDCORE_MEETING": "file:///tmp/x"}
    assert Place.of(launched) == Place(1, 2, 1, "file:///tmp/x")


def test_one_process_is_a_group_without_messages():
    group = open_group(1, "cpu", Place(0, 1, 0))
    assert isinstance(group, Solo)
    assert (group.rank, group.size, group.device, group.first) == (0, 1, "cpu", True)


def test_fewer_processes_than_asked_for_are_refused():
    with pytest.raises(EngineError, match="4 processes were asked for and 1 started") as told:
        open_group(4, "cpu", Place(0, 1, 0))
    assert (told.value.code, told.value.param) == ("invalid_data", "/resources/processes")


def test_processes_that_do_not_come_are_named(tmp_path):
    with pytest.raises(EngineError, match=r"not all of the 3 processes came within 0.2 s; missing: 0, 2"):
        open_group(3, "cpu", Place(1, 3, 1, f"file://{tmp_path / 'meeting'}"), patience=0.2)


def test_a_meeting_that_nobody_names_is_refused(monkeypatch):
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(EngineError, match="not all of the 2 processes came"):
        open_group(2, "cpu", Place(0, 2, 0, "env://"), patience=0.2)


def test_fewer_gpus_than_processes_are_refused():
    many = torch.cuda.device_count() + 1
    with pytest.raises(EngineError, match=f"{many} processes need as many GPUs and this machine has") as told:
        enough_devices(many, "cuda")
    assert (told.value.code, told.value.param) == ("device_missing", "/resources/processes")
    enough_devices(many, "cpu")
