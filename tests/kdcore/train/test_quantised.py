"""A network that trains as its int8 file will compute: what it says and remembers, and what a teacher repairs."""

import copy
from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F
from stepping import HINT, SOFT, TASK, Bench, method
from torch import nn

from kdcore.batching import batches_of
from kdcore.errors import EngineError
from kdcore.export import export_int8, export_onnx
from kdcore.export.verification import file_answers
from kdcore.objective.networks import freeze
from kdcore.prepare import open_workshop
from kdcore.train import quantised as module
from kdcore.train.quantised import OUTPUT, quantised
from kdcore.train.stage import Stage

CALIBRATION = 256
OUTLIER = 300.0
"""Factor on one channel within each block, undone by the weights behind it."""


def asked(share=0.5, **changes):
    training = {"quantise": {"share": share}, **changes.pop("training", {})}
    return {"deliver": ["safetensors", "onnx-int8"], "training": training, **changes}


@pytest.fixture(scope="module")
def shop(tiny_plan):
    """All digits, for a student that sees every label."""
    training = {
        "quantise": {"share": 0.75, "learning_rate_scale": 1},
        "optimizer": {"name": "adamw", "lr": 5e-3},
        "augment": {"shift": 0},
    }
    every = {"dataset": {"limit": None}, "student": {"labels": None}, "method": method(SOFT)}
    return open_workshop(tiny_plan(**asked(**every, training=training)), None)


@pytest.fixture(scope="module")
def learnt(shop):
    """A float student after six epochs."""
    network, train = shop.fresh("student").train(), shop.data.train
    inputs, optimizer = shop.normalise(train.inputs), torch.optim.AdamW(network.parameters(), 5e-3)
    stream = torch.Generator().manual_seed(0)
    for rows in (rows for _ in range(6) for rows in torch.randperm(len(train), generator=stream).split(64)):
        optimizer.zero_grad()
        F.cross_entropy(network(inputs[rows]), train.targets[rows]).backward()
        optimizer.step()
    return network.eval()


def int8_answers(shop, network, folder):
    """What the delivered int8 file of a network says of the validation split."""
    export_onnx(network, shop.plan.dataset.input_shape, folder / "float.onnx")
    export_int8(folder / "float.onnx", folder / "int8.onnx", shop.normalise(shop.data.train.inputs[:CALIBRATION]))
    return torch.from_numpy(file_answers(folder / "int8.onnx", "onnx-int8", held_out(shop)))


def held_out(shop):
    return shop.normalise(shop.data.validation.inputs)


def accuracy(shop, answers):
    return float((answers.argmax(1) == shop.data.validation.targets).double().mean())


@contextmanager
def as_exported(shop, network, monkeypatch):
    """A stretch with the ranges that the export finds: those of the float network on the calibration examples."""
    with quantised(network) as found:
        with monkeypatch.context() as patch:
            patch.setattr(module, "rounded", lambda values, ends: values)
            patch.setattr(module, "rounded_weight", lambda weight: weight)
            network(shop.normalise(shop.data.train.inputs[:CALIBRATION]))
        found.advance()
        yield found


def test_the_step_computes_as_the_delivered_file_does(shop, learnt, tmp_path, monkeypatch):
    """Most outputs are the file's own; the others round a number between two steps of their grid to the other one."""
    with torch.no_grad():
        plain = learnt(held_out(shop))
    with as_exported(shop, learnt, monkeypatch) as found, torch.no_grad():
        own = learnt(held_out(shop))
    low, high = found.ranges[OUTPUT].ends.tolist()
    steps = (own - int8_answers(shop, learnt, tmp_path)).abs() / (high - low) * 255
    assert steps.max() < 2.01
    assert (steps < 0.01).double().mean() > 0.75
    assert ((own - plain).abs() / (high - low) * 255 > 0.01).double().mean() > 0.9


def with_an_outlier(network):
    """The same function in float, and one that leaves eight bits nothing of the other channels."""
    found = copy.deepcopy(network)
    with torch.no_grad():
        for block in (one for one in found.modules() if hasattr(one, "conv2")):
            block.bn1.weight[0] *= OUTLIER
            block.bn1.bias[0] *= OUTLIER
            block.conv2.weight[:, 0] /= OUTLIER
    return found


def taught(shop, student, teacher):
    """The student after the job's quantised epochs, in which it hears its teacher alone."""
    run = shop.plan.run("distil")
    networks = {"student": student.train(), "teacher": freeze(copy.deepcopy(teacher))}
    stage = Stage(run, run.stages[1], networks, held_out(shop)[:2], shop.machine, samples=len(shop.data.train))
    batches = batches_of(run, shop, shop.data.train)
    for epoch in range(run.stages[1].epochs):
        for step, batch in enumerate(batches.epoch(epoch, 0)):
            stage.step(batch, epoch, epoch * run.steps_per_epoch + step)
    stage.close()
    return student.eval()


@pytest.mark.slow
def test_a_teacher_repairs_what_quantisation_alone_destroys(shop, learnt, tmp_path):
    student = with_an_outlier(learnt)
    with torch.no_grad():
        torch.testing.assert_close(student(held_out(shop)), learnt(held_out(shop)), rtol=1e-3, atol=1e-2)
        assert accuracy(shop, student(held_out(shop))) > 0.9
    assert accuracy(shop, int8_answers(shop, student, tmp_path)) < 0.5
    assert accuracy(shop, int8_answers(shop, taught(shop, student, learnt), tmp_path)) > 0.75


def test_the_network_comes_back_as_it_was(shop, learnt):
    names, weights = list(learnt.state_dict()), copy.deepcopy(learnt.state_dict())
    with torch.no_grad():
        before = learnt(held_out(shop))
        with quantised(learnt):
            assert not torch.equal(learnt(held_out(shop)), before)
            assert list(learnt.state_dict()) == names
        assert torch.equal(learnt(held_out(shop)), before)
    assert all(torch.equal(value, weights[name]) for name, value in learnt.state_dict().items())
    assert not any("forward" in vars(one) for one in learnt.modules())


def test_every_parameter_learns_through_the_rounding(shop, learnt):
    network = copy.deepcopy(learnt).train()
    with quantised(network):
        network(held_out(shop)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())


def test_only_steps_that_are_taken_move_a_range(shop, learnt):
    inputs = held_out(shop)
    with quantised(learnt) as found:
        learnt(inputs[:32])
        found.advance()
        before = {name: ends.clone() for name, ends in found.state().items()}
        with torch.no_grad():
            learnt(100 * inputs)
        found.advance()
        learnt(100 * inputs)
        found.forget()
        found.advance()
    assert set(before) >= {OUTPUT, "stem.conv", "head", "add#1@0", "add#1@1"}
    assert all(torch.equal(ends, before[name]) for name, ends in found.state().items())


class Squared(nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs) ** 2


def test_a_layer_that_answers_in_a_way_of_its_own_stays_float():
    network = nn.Sequential(Squared(3, 3), nn.Linear(3, 2))
    with quantised(network) as found:
        network(torch.rand(4, 3))
        found.advance()
        assert set(found.state()) == {"1", OUTPUT}


def test_a_network_with_nothing_to_round_is_refused():
    with pytest.raises(EngineError, match=r"leave training\.quantise out"), quantised(nn.BatchNorm1d(3)):
        pass


@pytest.mark.parametrize("balance", ["fixed", "mokd"])
def test_micro_batches_and_second_looks_find_the_ranges_of_one_pass(tiny_plan, balance):
    terms = method(TASK, SOFT, balance={"student": balance})
    found = []
    for parts in (1, 4):
        bench = Bench(tiny_plan, **asked(method=terms, training={"accumulate": parts}))
        bench.networks["student"].eval()  # batch norm sees micro-batches; its fixed statistics do not
        stage = bench.stage(1)
        stage.step(bench.batch, 0, 0)
        found.append(stage.state()["quantised"])
        stage.close()
    assert found[0].keys() == found[1].keys()
    for name, ends in found[0].items():  # a first step has the grids of its own parts
        torch.testing.assert_close(ends, found[1][name], rtol=2e-2, atol=1e-3)


def test_the_second_half_takes_over_adapters_and_goes_on_with_ramps(tiny_plan):
    ramp = {**HINT, "weight": {"from": 0, "to": 1, "over": 4}}
    bench = Bench(tiny_plan, **asked(0.25, method=method(TASK, ramp)))
    first = bench.stage(0)
    first.step(bench.batch, 2, 0)
    second = bench.stage(1)
    second.go_on_from(first)
    ours, theirs = (dict(stage.objective.named_parameters()) for stage in (second, first))
    losses = second.losses(bench.batch, 0)
    first.close()
    second.close()
    assert any("adapter" in name for name in ours)
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    task, hint = losses.terms.values()
    torch.testing.assert_close(losses.groups["student"]["distill"], 0.75 * hint)
    torch.testing.assert_close(losses.groups["student"]["task"], task)
