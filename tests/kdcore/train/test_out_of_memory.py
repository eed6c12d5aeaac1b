"""A step that does not fit into memory is taken again in smaller parts, or the piece that forbids it is named."""

import json
import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from stepping import SOFT, TASK, Bench, method

import kdcore
from kdcore.errors import EngineError
from kdcore.models.vit import VisionTransformer
from kdcore.objective.networks import fingerprint
from kdcore.train.fitting import Cut, memory_is_full

TRANSFORMERS = {
    "teacher": {"architecture": "vit-3", "width": 0.25, "train": {"epochs": 1}},
    "student": {"architecture": "vit-2", "width": 0.125, "labels": None},
}
RKD = {"points": "penultimate", "distance": "rkd", "name": "relations"}


class Full:
    """A device whose memory is full as soon as a network sees more than ``most`` pictures in training.

    Args:
        passes: forward passes that succeed before, whatever their size.
        backward: whether it is the backward pass that finds no memory.
    """

    def __init__(self, network, most, *, passes=0, backward=False):
        self.most, self.passes, self.backward, self.errors = most, passes, backward, 0
        network.register_forward_hook(self.passed)

    def passed(self, module, inputs, output):
        if not torch.is_grad_enabled():
            return
        self.passes -= 1
        if self.passes < 0 and len(inputs[0]) > self.most:
            if self.backward:
                output.register_hook(self.fail)
            else:
                self.fail()

    def fail(self, *gradient):
        self.errors += 1
        raise torch.OutOfMemoryError("no memory is left")


def bench_of(make, *terms, **changes):
    stage = {"balance": {"student": changes.pop("balance", "fixed")}}
    bench = Bench(make, method=method(*(terms or (TASK, SOFT)), **stage), **{**TRANSFORMERS, **changes})
    bench.networks["student"].get_submodule("blocks.0").register_forward_hook(
        lambda module, inputs, output: F.dropout(output, 0.3, module.training)
    )
    return bench


def stepped(stage, bench, steps):
    torch.manual_seed(7)
    for step in steps:
        stage.step(bench.batch, 0, step)


@pytest.mark.parametrize("balance", ["fixed", "uncertainty", "mokd", "pcgrad", "gradnorm", "dot"])
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
def test_a_step_taken_again_is_to_the_bit_that_of_as_many_micro_batches(tiny_plan, balance, backward):
    """The memory is full in the second of two micro-batches, after the first has left gradients and random draws."""
    disturbed = bench_of(tiny_plan, balance=balance, training={"accumulate": 2})
    full = Full(disturbed.networks["student"], 8, passes=3, backward=backward)
    plain = bench_of(tiny_plan, balance=balance, training={"accumulate": 2})
    stages = disturbed.stage(), plain.stage()
    stepped(stages[0], disturbed, range(4))
    torch.manual_seed(7)
    for step in range(4):
        stages[1].cut.count = 2 if step == 0 else 4
        stages[1].step(plain.batch, 0, step)
    assert (full.errors, stages[0].cut.count) == (1, 4)
    assert fingerprint(disturbed.networks["student"]) == fingerprint(plain.networks["student"])
    assert str(stages[0].state()) == str(stages[1].state())
    assert stages[0].cut.news() == [{"stage": "distil", "step": 1, "parts": 4, "pictures": 8}]


def test_without_full_memory_nothing_is_noticed_and_batches_stay_whole(tiny_plan):
    bench = bench_of(tiny_plan)
    stage = bench.stage()
    stepped(stage, bench, range(2))
    assert (stage.cut.count, stage.cut.news()) == (1, [])


def test_a_step_is_halved_until_it_fits_and_that_is_told_once(tiny_plan):
    bench = bench_of(tiny_plan)
    full, stage = Full(bench.networks["student"], 1), bench.stage()
    stepped(stage, bench, range(2))
    assert (full.errors, stage.cut.count) == (5, 32)
    assert [facts["parts"] for facts in stage.cut.news()] == [32]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"student": {"architecture": "resnet8", "width": 0.25, "labels": None}},
            r"layer 'stem.bn' of network 'student' \(BatchNorm2d\) takes its statistics from the batch, as do 8 more",
        ),
        ({"terms": [TASK, SOFT, RKD]}, r"term 'relations' \(distance 'rkd'\) compares the pictures"),
        ({"student": {**TRANSFORMERS["student"], "labels": 40}}, r"\(distance 'cross_entropy'\) averages over those"),
        ({"balance": {"kind": "mokd", "form": "amortised"}}, "balance 'mokd' of 'student' weighs the losses"),
        (
            {
                "terms": [TASK, {"points": "penultimate", "distance": "mse", "name": "hint",
                                 "adapter": {"kind": "pointwise", "norm": True}}],
                "student": {"architecture": "fitnet1", "width": 0.25, "labels": None},
                "teacher": {"architecture": "resnet8", "width": 0.5},
            },
            r"layer 'adapter.\S+' of term 'hint' \(BatchNorm1d\)",
        ),
    ],
    ids=["layer", "distance", "labels", "balance", "adapter"],
)  # fmt: skip
def test_what_couples_the_batch_is_named_and_no_weight_has_moved(tiny_plan, changes, said):
    terms = changes.get("terms", [TASK, SOFT])
    stage = {"balance": {"student": changes.get("balance", "fixed")}}
    networks = {who: changes.get(who, TRANSFORMERS[who]) for who in TRANSFORMERS}
    bench = Bench(tiny_plan, method=method(*terms, **stage), **networks)
    Full(bench.networks["student"], 16)
    stage = bench.stage()
    before = [parameter.clone() for parameter in bench.networks["student"].parameters()]
    with pytest.raises(EngineError, match=said) as caught:
        stepped(stage, bench, [0])
    assert (caught.value.code, caught.value.param) == ("out_of_memory", "/training/batch_size")
    assert "set training.accumulate above 1" in caught.value.message
    assert all(map(torch.equal, before, bench.networks["student"].parameters()))
    assert stage.cut.count == 1


def test_a_frozen_teacher_with_batch_norm_couples_nothing(tiny_plan):
    bench = bench_of(tiny_plan, teacher={"architecture": "resnet8", "width": 0.25})
    Full(bench.networks["student"], 16)
    stage = bench.stage()
    stepped(stage, bench, [0])
    assert stage.cut.count == 2


def test_micro_batches_that_were_asked_for_are_taken_whatever_they_change(tiny_plan):
    student = {"architecture": "resnet8", "width": 0.25, "labels": None}
    bench = Bench(tiny_plan, method=method(TASK, SOFT), student=student, training={"accumulate": 4})
    full, stage = Full(bench.networks["student"], 8), bench.stage()
    stepped(stage, bench, range(2))
    assert full.errors == 0


def test_a_picture_that_does_not_fit_on_its_own_ends_the_run(tiny_plan):
    bench = bench_of(tiny_plan)
    Full(bench.networks["student"], 0)
    with pytest.raises(EngineError, match="even with one picture at a time") as caught:
        stepped(bench.stage(), bench, [0])
    assert caught.value.code == "out_of_memory"


def cut(count=1, alone=True):
    return Cut(count, "stage", alone, couplings=list, forget=lambda: None)


def failing(error, fits):
    def take(count):
        if count < fits:
            raise error
        return count

    return take


@pytest.mark.parametrize(
    ("pictures", "start", "counts"), [(96, 1, [1, 2, 4, 8]), (90, 1, [1, 2, 5, 10]), (9, 3, [3, 9])]
)
def test_every_count_divides_the_batch_and_at_least_doubles(pictures, start, counts):
    room, seen = cut(start), []

    def take(count):
        seen.append(count)
        if count < counts[-1]:
            raise MemoryError

    room.taken(take, pictures, 0)
    assert seen == counts


def test_other_errors_pass_and_so_does_full_memory_among_several_processes():
    with pytest.raises(RuntimeError, match="shapes"):
        cut().taken(failing(RuntimeError("shapes do not fit"), 2), 8, 0)
    with pytest.raises(torch.OutOfMemoryError):
        cut(alone=False).taken(failing(torch.OutOfMemoryError("full"), 2), 8, 0)


def test_an_earlier_state_does_not_make_parts_larger_again():
    room = cut(4)
    room.restore(1)
    assert room.count == 4
    room.restore(8)
    assert room.count == 8


def test_the_allocators_own_words_are_understood():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)
    assert memory_is_full(caught.value)
    assert not memory_is_full(RuntimeError("size mismatch"))


REAL = """
import resource, sys, torch
torch.set_num_threads(1)
sys.path.insert(0, "tests/support")
from stepping import SOFT, TASK, Bench, method
from kdcore.data.batches import Batch
from kdcore.spec import parse_spec, plan

spec = {"name": "real", "dataset": {"name": "digits", "limit": 128}, "resources": {"device": "cpu", "threads": 1}}
networks = {"teacher": {"architecture": "vit-2", "train": {"epochs": 1}}, "student": {"architecture": "vit-2"}}
training = {"epochs": 4, "batch_size": 32}
bench = Bench(
    lambda **changes: plan(parse_spec({**spec, **changes}), allow_paths=True),
    method=method(TASK, SOFT), training=training, **networks
)
whole = bench.batch
big = Batch(whole.inputs.repeat(8, 1, 1, 1), whole.targets.repeat(8), whole.index.repeat(8))
stage = bench.stage()
stage.step(whole, 0, 0)
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 150 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
loss = stage.step(big, 0, 1)["loss"]
assert loss.isfinite()
print(stage.cut.news())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited by Linux")
def test_memory_that_really_ends_is_enough_for_smaller_parts():
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run([sys.executable, "-c", REAL], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "'parts': " in done.stdout


class Job:
    """Jobs of transformers whose student sees at most eight pictures at once, while ``full`` is set."""

    def __init__(self, make, workdir, monkeypatch):
        self.make, self.workdir, self.full, self.records = make, workdir, True, []
        plain = VisionTransformer.forward

        def forward(network, images):
            if self.full and torch.is_grad_enabled() and len(network.blocks) == 2 and len(images) > 8:
                raise torch.OutOfMemoryError("no memory is left")
            return plain(network, images)

        monkeypatch.setattr(VisionTransformer, "forward", forward)

    def run(self, *, stop_at=None, **changes):
        last, asked = self.workdir / "runs" / "distil" / "weights.safetensors", []

        def stop():
            asked.append(1)
            return "pause" if len(asked) == stop_at else "trained" if last.exists() else None

        plan = self.make(method="hinton", baseline=False, **{**TRANSFORMERS, **changes})
        with pytest.raises(kdcore.Stopped, match="trained" if stop_at is None else "pause"):
            kdcore.run(plan, self.workdir, self.records.append, stop=stop)
        return load_file(last) if last.exists() else None

    def findings(self):
        return json.loads((self.workdir / "runs" / "distil" / "findings.json").read_text())


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_a_job_goes_on_in_smaller_parts_says_so_and_ends_like_one_that_asked_for_them(tiny_plan, tmp_path, monkeypatch):
    job = Job(tiny_plan, tmp_path / "full", monkeypatch)
    found = job.run()
    (finding,) = job.findings()
    assert finding == {"kind": "out_of_memory", "run": "distil", "stage": finding["stage"], "step": 0, "parts": 4,
                       "pictures": 8}  # fmt: skip
    said = [record["message"] for record in job.records if record.get("level") == "warning"]
    assert said == [f"the device's memory was full at step 0 of stage {finding['stage']!r}: batches are now taken in 4 "
                    "micro-batches of 8 pictures"]  # fmt: skip
    teacher = str(tmp_path / "full" / "runs" / "teacher" / "weights.safetensors")
    asked = Job(tiny_plan, tmp_path / "asked", monkeypatch)
    brought = {**TRANSFORMERS["teacher"], "train": None, "weights": teacher}
    expected = asked.run(teacher=brought, training={"accumulate": 4})
    assert asked.findings() == []
    assert same(found, expected)


def test_a_resumed_job_stays_with_its_parts_and_ends_with_the_same_bits(tiny_plan, tmp_path, monkeypatch):
    expected = Job(tiny_plan, tmp_path / "undisturbed", monkeypatch).run()
    job = Job(tiny_plan, tmp_path / "resumed", monkeypatch)
    job.run(stop_at=9)
    job.full = False
    assert same(job.run(), expected)
    assert [finding["parts"] for finding in job.findings()] == [4]


def test_the_finding_is_in_the_result_and_the_report(tiny_plan, tmp_path, monkeypatch):
    job = Job(tiny_plan, tmp_path, monkeypatch)
    plan = job.make(method="hinton", baseline=False, **TRANSFORMERS)
    result = kdcore.run(plan, tmp_path, job.records.append)
    assert [finding["kind"] for finding in result.document["diagnostics"]["findings"]] == ["out_of_memory"]
    assert "4 micro-batches of 8 pictures" in (result.artifacts / "report.html").read_text()
