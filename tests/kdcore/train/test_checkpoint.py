"""Checkpoints in a folder: whole or not there, the last few kept, the best weights written once."""

import hashlib
import json
import os
import resource

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.errors import EngineError
from kdcore.train.checkpoint import CheckpointFolder


def position(step, run="distil"):
    return {"run": run, "step": step, "done": []}


def state(step, best=None):
    return {"weights": {"w": torch.full((50,), float(step))}, "note": [step, None, "x"], "best": best}


def parts(workdir, part):
    return sorted(path.name for path in workdir.glob(f"runs/*/{part}-*"))


def loaded(folder):
    where, held = folder.load()
    assert held["weights"]["w"].eq(where["step"]).all()
    return where["step"]


def test_what_was_saved_is_loaded(tmp_path):
    folder = CheckpointFolder(tmp_path, "a" * 64)
    assert folder.load() is None
    folder.save(position(3), state(3, {"score": 0.5, "weights": torch.ones(2)}), [])
    where, held = CheckpointFolder(tmp_path, "a" * 64).load()
    assert where == position(3)
    assert held["note"] == [3, None, "x"]
    assert held["best"]["score"] == 0.5
    assert held["best"]["weights"].tolist() == [1, 1]


def test_between_two_runs_there_is_no_state(tmp_path):
    folder = CheckpointFolder(tmp_path, "a" * 64)
    folder.save(position(3), state(3), [])
    folder.save(position(4), None, [])
    assert folder.load() == (position(4), None)


def test_the_record_names_every_file_with_its_digest_and_the_manifest_last(tmp_path):
    (tmp_path / "resolved.json").write_text("{}")
    record = CheckpointFolder(tmp_path, "a" * 64).save(position(7), state(7, {"score": 1}), ["resolved.json"])
    assert [entry["path"] for entry in record["files"]] == [
        "resolved.json", "runs/distil/state-7.pt", "runs/distil/best-7.pt", "checkpoint.json",
    ]  # fmt: skip
    for entry in record["files"]:
        content = (tmp_path / entry["path"]).read_bytes()
        assert (entry["bytes"], entry["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_as_many_of_the_last_checkpoints_stay_as_were_asked_for(tmp_path, keep):
    folder = CheckpointFolder(tmp_path, "a" * 64, keep)
    for step in range(1, 9):
        folder.save(position(step), state(step), [])
        assert len(parts(tmp_path, "state")) == len(list(tmp_path.glob("checkpoint*.json"))) == min(step, keep)
    for step in range(8, 8 - keep, -1):
        assert loaded(folder) == step
        (tmp_path / f"runs/distil/state-{step}.pt").write_bytes(b"")
    with pytest.raises(EngineError, match=r"has 0 of \d+ bytes"):
        folder.load()


def test_the_best_weights_are_written_once_and_stay_as_long_as_a_checkpoint_names_them(tmp_path):
    folder, best = CheckpointFolder(tmp_path, "a" * 64), {"score": 0.5, "weights": torch.ones(3)}
    for step in (1, 2, 3, 4):
        folder.save(position(step), state(step, best), [])
    assert parts(tmp_path, "best") == ["best-1.pt"]
    folder.save(position(5), state(5, dict(best, score=0.6)), [])
    assert parts(tmp_path, "best") == ["best-1.pt", "best-5.pt"]
    assert folder.load()[1]["best"]["score"] == 0.6
    folder.save(position(6), state(6, None), [])
    folder.save(position(7), state(7, None), [])
    assert parts(tmp_path, "best") == []
    assert folder.load()[1]["best"] is None


def test_a_file_that_a_manifest_names_is_never_written_again(tmp_path):
    first = CheckpointFolder(tmp_path, "a" * 64)
    first.save(position(5), state(5, {"score": 1}), [])
    before = {path: path.read_bytes() for path in tmp_path.glob("runs/*/*.pt")}
    again = CheckpointFolder(tmp_path, "a" * 64)
    again.save(position(5), {**state(5, {"score": 2}), "note": "another machine"}, [])
    assert {path: path.read_bytes() for path in before} == before
    assert parts(tmp_path, "state") == ["state-5-1.pt", "state-5.pt"]
    (tmp_path / "runs/distil/state-5-1.pt").unlink()
    assert again.load()[1]["note"] == [5, None, "x"]


def test_a_crash_between_two_manifests_leaves_the_one_before(tmp_path):
    folder = CheckpointFolder(tmp_path, "a" * 64, keep=3)
    for step in (1, 2, 3):
        folder.save(position(step), state(step), [])
    (tmp_path / "checkpoint.json").unlink()
    (tmp_path / "runs/distil/state-4.pt.part").write_bytes(b"half")
    assert loaded(folder) == 2
    folder.save(position(4), state(4), [])
    assert loaded(folder) == 4
    assert parts(tmp_path, "state") == ["state-1.pt", "state-2.pt", "state-4.pt"]


def test_a_kept_file_that_was_changed_gets_its_new_digest(tmp_path):
    folder, kept = CheckpointFolder(tmp_path, "a" * 64), tmp_path / "resolved.json"
    kept.write_text("{}")
    folder.save(position(1), None, ["resolved.json"])
    kept.write_text("{ }")
    record = folder.save(position(2), None, ["resolved.json"])
    assert record["files"][0]["sha256"] == hashlib.sha256(b"{ }").hexdigest()
    assert folder.load() == (position(2), None)


@given(st.data())
def test_a_checkpoint_with_any_byte_changed_is_never_taken_for_whole(tmp_path_factory, data):
    tmp_path = tmp_path_factory.mktemp("flip")
    folder = CheckpointFolder(tmp_path, "a" * 64, keep=1)
    folder.save(position(1), state(1, {"score": 1}), [])
    file = data.draw(st.sampled_from(sorted(tmp_path.glob("runs/*/*.pt"))))
    content = bytearray(file.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(content)
    with pytest.raises(EngineError, match="another digest") as caught:
        folder.load()
    assert caught.value.code == "checkpoint_damaged"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1, "files": []}'])
def test_a_manifest_that_cannot_be_read_counts_as_damaged(tmp_path, content):
    folder = CheckpointFolder(tmp_path, "a" * 64)
    folder.save(position(1), state(1), [])
    folder.save(position(2), state(2), [])
    (tmp_path / "checkpoint.json").write_text(content)
    assert loaded(folder) == 1


def test_a_checkpoint_of_another_plan_is_refused(tmp_path):
    CheckpointFolder(tmp_path, "a" * 64).save(position(1), state(1), [])
    with pytest.raises(EngineError, match="belongs to another plan"):
        CheckpointFolder(tmp_path, "b" * 64).load()


@pytest.mark.parametrize("limit", [100, 900])
def test_on_a_full_disk_every_checkpoint_before_stays_as_it_was(tmp_path, limit):
    """The smaller limit stops the state, the larger one the manifest, which names many files."""
    folder = CheckpointFolder(tmp_path, "a" * 64)
    kept = [f"{number}.json" for number in range(20)]
    for name in kept:
        (tmp_path / name).write_text("{}")
    folder.save(position(1), None, kept)
    folder.save(position(2), None, kept)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("checkpoint*.json")}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        with pytest.raises(EngineError, match="no space left") as caught:
            folder.save(position(3), state(3) if limit == 100 else None, kept)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.code == "disk_full"
    assert {path.name: path.read_bytes() for path in tmp_path.glob("checkpoint*.json")} == before
    folder.save(position(3), state(3), kept)
    assert loaded(folder) == 3


def test_the_manifest_says_what_is_state_and_what_is_best(tmp_path):
    CheckpointFolder(tmp_path, "a" * 64).save(position(1), state(1, {"score": 1}), [])
    manifest = json.loads((tmp_path / "checkpoint.json").read_text())
    assert manifest["parts"] == {"state": "runs/distil/state-1.pt", "best": "runs/distil/best-1.pt"}
    assert not os.path.exists(tmp_path / "checkpoint.next.json")
