"""Checkpoints behind the training: what is written, when it is told and by whom, and what a crash leaves."""

import hashlib
import os
import resource
import subprocess
import sys
import threading
from collections import OrderedDict

import pytest
import torch
from torch import nn

from kdcore.errors import EngineError
from kdcore.train.checkpoint import CheckpointFolder
from kdcore.train.writer import CheckpointWriter, in_main_memory

PLAN = "a" * 64


class Gated(CheckpointFolder):
    """A folder on a disk that can be stopped."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.gate, self.begun, self.together = threading.Event(), 0, 0

    def save(self, *arguments):
        self.begun += 1
        self.together += 1
        assert self.together == 1
        assert self.gate.wait(30)
        self.together -= 1
        return super().save(*arguments)


def position(step):
    return {"run": "distil", "step": step, "done": []}


def state(step, best=None):
    return {"weights": torch.full((50,), float(step)), "best": best}


def steps(records):
    return [record["step"] for record in records]


def test_what_is_written_is_the_state_at_the_time_of_the_call(tmp_path):
    folder, moving, history = Gated(tmp_path, PLAN), torch.zeros(3), [{"loss": 1}]
    with CheckpointWriter(folder, lambda record: None) as writer:
        writer.save(position(1), {"weights": moving, "history": history}, [])
        moving.add_(1)
        history.append({"loss": 2})
        history[0]["loss"] = 3
        folder.gate.set()
    held = folder.load()[1]
    assert held["weights"].tolist() == [0, 0, 0]
    assert held["history"] == [{"loss": 1}]


def test_a_checkpoint_is_told_by_the_thread_that_trains_and_only_once_its_files_are_whole(tmp_path):
    told = []

    def written(record):
        assert threading.current_thread() is threading.main_thread()
        for entry in record["files"]:
            assert hashlib.sha256((tmp_path / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
        told.append(record["step"])

    folder = Gated(tmp_path, PLAN)
    writer = CheckpointWriter(folder, written)
    writer.save(position(1), state(1), [])
    writer.poll()
    assert writer.busy
    assert told == []
    folder.gate.set()
    writer.wait()
    assert not writer.busy
    assert told == [1]
    writer.poll()
    assert told == [1]


def test_at_most_one_is_under_way_and_they_are_told_in_order(tmp_path):
    folder, told = Gated(tmp_path, PLAN), []
    with CheckpointWriter(folder, told.append) as writer:
        writer.save(position(1), state(1), [])
        threading.Timer(0.05, folder.gate.set).start()
        for step in (2, 3, 4):
            writer.save(position(step), state(step), [])
            assert folder.begun <= step
            assert steps(told)[: step - 1] == list(range(1, step))
    assert steps(told) == [1, 2, 3, 4]


def test_without_a_background_it_is_written_and_told_at_once(tmp_path):
    told, running = [], set(threading.enumerate())
    writer = CheckpointWriter(CheckpointFolder(tmp_path, PLAN), told.append, background=False)
    writer.save(position(1), state(1), [])
    assert steps(told) == [1]
    assert set(threading.enumerate()) <= running
    assert not writer.busy


def test_the_best_weights_are_written_again_only_when_they_are_others(tmp_path):
    folder, best = CheckpointFolder(tmp_path, PLAN), {"score": 0.5, "weights": torch.ones(2)}
    with CheckpointWriter(folder, lambda record: None) as writer:
        for step in (1, 2, 3):
            writer.save(position(step), state(step, best), [])
        writer.save(position(4), state(4, {"score": 0.6, "weights": torch.zeros(2)}), [])
    assert sorted(path.name for path in tmp_path.glob("runs/*/best-*")) == ["best-1.pt", "best-4.pt"]
    assert folder.load()[1]["best"]["weights"].tolist() == [0, 0]


def full_disk():
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    return limits


@pytest.mark.parametrize("surfaces", ["poll", "wait", "save", "exit"])
def test_a_full_disk_is_said_at_the_next_call_and_the_checkpoint_before_survives(tmp_path, surfaces):
    folder, told = Gated(tmp_path, PLAN), []
    folder.gate.set()
    writer = CheckpointWriter(folder, told.append)
    writer.save(position(1), state(1), [])
    writer.wait()
    limits = full_disk()
    try:
        writer.save(position(2), state(2), [])
        writer._write.join()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    calls = {"poll": writer.poll, "wait": writer.wait, "save": lambda: writer.save(position(3), state(3), [])}
    with pytest.raises(EngineError, match="no space left"):
        calls.get(surfaces, lambda: writer.__exit__(None, None, None))()
    assert steps(told) == [1]
    assert folder.load()[0] == position(1)
    writer.save(position(4), state(4), [])
    writer.wait()
    assert steps(told) == [1, 4]


def fail(writer, what):
    """Training that makes a checkpoint and then breaks."""
    with writer:
        writer.save(position(1), what, [])
        raise RuntimeError("the loss is no number")


def test_an_error_of_the_training_is_not_hidden_by_one_of_the_write(tmp_path):
    writer = CheckpointWriter(CheckpointFolder(tmp_path, PLAN), lambda record: None)
    with pytest.raises(RuntimeError, match="the loss is no number") as caught:
        fail(writer, {"weights": lambda: None})
    assert "was not written" in caught.value.__notes__[0]


def test_an_error_of_the_training_still_leaves_the_checkpoint_under_way(tmp_path):
    folder, told = Gated(tmp_path, PLAN), []
    threading.Timer(0.05, folder.gate.set).start()
    with pytest.raises(RuntimeError, match="the loss is no number"):
        fail(CheckpointWriter(folder, told.append), state(1))
    assert steps(told) == [1]
    assert folder.load()[0] == position(1)


def test_a_copy_in_main_memory_shares_nothing_and_keeps_a_state_s_versions():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    tree = {"a": network.state_dict(), "b": [(torch.ones(2), 1.5), None, "x", True]}
    copied = in_main_memory(tree)
    with torch.no_grad():
        network[0].weight.zero_()
        tree["b"][0][0].zero_()
    assert copied["a"]["0.weight"].any()
    assert isinstance(copied["a"], OrderedDict)
    assert copied["a"]._metadata["1"] == {"version": 2}
    assert copied["b"][1:] == [None, "x", True]
    assert isinstance(copied["b"][0], tuple)
    assert copied["b"][0][0].tolist() == [1, 1]
    network.load_state_dict(copied["a"])


def test_a_copy_of_a_part_of_a_large_tensor_is_as_small_as_the_part():
    assert in_main_memory(torch.zeros(1000)[:10]).untyped_storage().nbytes() == 40


NURSERY = """
import os, pathlib, random, signal, sys, time
import torch
from kdcore.train.checkpoint import CheckpointFolder
from kdcore.train.writer import CheckpointWriter

def train(workdir, first, pipe):
    def written(record):
        os.write(pipe, b"%d\\n" % record["step"])
    folder = CheckpointFolder(workdir, "a" * 64, keep=3)
    best, steps = {"weights": torch.full((100_000,), float(first))}, first
    weights = torch.empty(300_000)
    with CheckpointWriter(folder, written) as writer:
        while True:
            steps += 1
            weights.fill_(steps)
            if steps % 4 == 0:
                best = {"weights": torch.full((100_000,), float(steps))}
            if not writer.busy:
                writer.save({"run": "distil", "step": steps}, {"weights": weights, "best": best}, [])
            writer.poll()

def check(workdir, told):
    found = CheckpointFolder(workdir, "a" * 64, keep=3).load()
    if found is None:
        assert told == 0, told
        return 0
    position, state = found
    assert position["step"] >= told, (position, told)
    assert state["weights"].eq(position["step"]).all()
    best = state["best"]["weights"]
    assert best.eq(best[0]).all()
    assert best[0] >= position["step"] - position["step"] % 4 or best[0] % 4 != 0, (best[0], position)
    return position["step"]

draw, workdir, at, told = random.Random(int(sys.argv[2])), pathlib.Path(sys.argv[1]), 0, 0
for kill in range(int(sys.argv[3])):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        train(workdir, at, writing)
    os.close(writing)
    with os.fdopen(reading) as lines:
        for _ in range(draw.randint(0, 3)):
            told = int(lines.readline())
        time.sleep(draw.random() * 0.1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        told = max([told, *(int(line) for line in lines)])
    at = check(workdir, told)
    assert len(list(workdir.glob("runs/*/state-*"))) <= 3 + 1
    assert len(list(workdir.glob("runs/*/best-*"))) <= 3 + 1
print(at)
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_process_killed_at_any_moment_leaves_a_whole_checkpoint_not_older_than_the_last_one_told(tmp_path, seed):
    """kill -9 again and again while checkpoints are written one after the other."""
    done = subprocess.run(
        [sys.executable, "-c", NURSERY, str(tmp_path), str(seed), "25"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 25
