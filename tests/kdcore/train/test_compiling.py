"""Compiled parts of networks: nobody can tell but by the clock, and what cannot be compiled says so."""

import dataclasses

import pytest
import torch
from safetensors.torch import load_file
from stepping import HINT, SOFT, TASK, Bench, method

import kdcore
from kdcore import EngineError
from kdcore.objective.points import Capture
from kdcore.spec import SpecError
from kdcore.train import compiling, numerics
from kdcore.train import machine as machines
from kdcore.train.compiling import NotCompiled, compiled, regions
from kdcore.train.machine import Machine
from kdcore.train.numerics import Compared, whether_compiled


def stepped(make, *, compiles, steps=3, **changes):
    """Losses of some steps, and the student's weights behind them."""
    bench = Bench(make, **changes)
    machine = dataclasses.replace(bench.workshop.machine, compiled=compiles)
    object.__setattr__(bench.workshop, "machine", machine)
    stage = bench.stage()
    assert bool(stage.regions.modules) == compiles
    losses = [float(stage.step(bench.batch, 1, step)["loss"]) for step in range(steps)]
    stage.close()
    assert not any("forward" in vars(module) for network in bench.networks.values() for module in network.modules())
    return losses, bench.networks["student"].state_dict()


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["mokd", "dfpt-kd"])
def test_compiled_steps_are_those_of_plain_networks(tiny_plan, asked):
    plain, weights = stepped(tiny_plan, compiles=False, method=asked)
    quick, others = stepped(tiny_plan, compiles=True, method=asked)
    assert quick == pytest.approx(plain, rel=1e-3)
    for name, value in weights.items():
        torch.testing.assert_close(others[name], value, rtol=1e-2, atol=1e-3)


def test_no_region_hides_a_point_that_somebody_looks_at(tiny_plan):
    network = Bench(tiny_plan).networks["student"]
    whole = regions([network])
    assert whole == [network]
    with Capture(network, ["stages.1.blocks.0", "logits"]):
        found = regions([network])
    point = network.get_submodule("stages.1.blocks.0")
    assert point in found
    assert not any(point in list(module.modules())[1:] for module in found)


def test_forward_passes_are_put_back_and_names_stay(tiny_plan):
    network = Bench(tiny_plan).networks["student"]
    names = list(network.state_dict())
    with compiled([network]) as opened:
        assert opened.modules
        assert list(network.state_dict()) == names
    assert not any("forward" in vars(module) for module in network.modules())


@pytest.mark.slow
def test_a_compiled_job_that_is_stopped_goes_on_to_the_same_bits(tiny_plan, tmp_path):
    plan = tiny_plan(method=method(TASK, SOFT, HINT), baseline=False, training={"compile": "on"})

    def train(folder, stop_at=None):
        last, asked, records = folder / "runs" / "distil" / "weights.safetensors", [], []

        def stop():
            asked.append(1)
            return "pause" if len(asked) == stop_at else "trained" if last.exists() else None

        with pytest.raises(kdcore.Stopped):
            kdcore.run(plan, folder, records.append, stop=stop)
        (resolved,) = [record["resolved"] for record in records if record["type"] == "resolved"]
        assert resolved["machine"]["compiled"]
        assert resolved["compile"].startswith("on, as asked")
        return load_file(last) if last.exists() else None

    whole = train(tmp_path / "whole")
    assert train(tmp_path / "cut", stop_at=14) is None
    resumed = train(tmp_path / "cut")
    assert all(torch.equal(whole[name], value) for name, value in resumed.items())


def steps_that_take(monkeypatch, plain, quick, compiler=0.0):
    monkeypatch.setattr(numerics, "_seconds", lambda machine, make_step: plain)
    monkeypatch.setattr(numerics, "_compared", lambda machine, make_step: Compared(plain, quick, compiler))


@pytest.mark.parametrize(
    ("steps", "plain", "quick", "compiler", "taken", "why"),
    [
        (10_000, 0.1, 0.05, 60, True, "on: 100.0 ms a step, compiled 50.0 ms, 60 s to compile"),
        (10_000, 0.1, 0.095, 60, False, "off: 100.0 ms"),
        (10_000, 0.1, 0.08, 300, False, "off: 100.0 ms"),
        (1_000, 0.1, 0.05, 10, False, "would not repay"),
    ],
)
def test_it_is_taken_where_it_repays(tiny_plan, monkeypatch, steps, plain, quick, compiler, taken, why):
    steps_that_take(monkeypatch, plain, quick, compiler)
    machine = Bench(tiny_plan).workshop.machine
    found, reason = whether_compiled(machine, "auto", None, steps)
    assert found.compiled == taken
    assert why in reason


def fails(message):
    def step():
        raise torch._dynamo.exc.InternalTorchDynamoError(message)

    return step


@pytest.mark.parametrize(
    ("compiled_step", "why"),
    [(fails("no such operator"), "no such operator"), (lambda: 2.0, "loss is 2 "), (lambda: float("nan"), "is nan ")],
)
def test_networks_that_the_compiler_cannot_do_stay_plain_and_say_why(tiny_plan, monkeypatch, compiled_step, why):
    def make(machine):
        return compiled_step if machine.compiled else (lambda: 1.0), lambda: None

    monkeypatch.setattr(numerics, "_seconds", lambda machine, make_step: 1.0)
    machine = Bench(tiny_plan).workshop.machine
    found, reason = whether_compiled(machine, "auto", make, 10**6)
    assert found == machine
    assert reason.startswith("off: the networks of this job cannot be compiled")
    assert why in reason
    with pytest.raises(NotCompiled, match=why):
        whether_compiled(machine, "on", make, 10**6)


def test_an_error_of_the_networks_themselves_is_not_the_compiler_s():
    with pytest.raises(RuntimeError, match="shapes"), compiling.told():
        raise RuntimeError("shapes do not fit")


def test_hooks_that_a_path_puts_inside_while_it_runs_are_seen(tiny_plan, monkeypatch):
    monkeypatch.setattr(compiling, "_quick", lambda forward: lambda images: "compiled")
    network = Bench(tiny_plan).networks["student"]
    images = torch.randn(2, 1, 8, 8)
    with compiled([network]) as opened:
        assert network(images) != "compiled"
        with opened.open():
            assert network(images) == "compiled"
            with Capture(network, ["stages.1"]) as capture:
                assert capture(images)["stages.1"].shape[0] == 2
            assert network(images) == "compiled"


def test_a_machine_without_a_compiler_says_so(tiny_plan, monkeypatch):
    spec = tiny_plan(training={"compile": "on"}).spec
    pinned = {**Machine.of_this(spec).pinned(), "compiled": True}
    for module in (machines, numerics):
        monkeypatch.setattr(module, "missing", lambda device: "a C++ compiler")
    with pytest.raises(EngineError) as caught:
        Machine.of_this(spec)
    assert (caught.value.code, caught.value.param) == ("device_missing", "/training/compile")
    plain = Machine.of_this(tiny_plan().spec)
    assert not plain.as_pinned(pinned).compiled
    steps_that_take(monkeypatch, 1.0, 0.1)
    assert whether_compiled(plain, "auto", None, 10**6) == (plain, "off: this machine lacks a C++ compiler")


def test_several_processes_share_no_compiled_network(tiny_plan):
    with pytest.raises(SpecError) as caught:
        tiny_plan(training={"compile": "on"}, resources={"processes": 2})
    (found,) = caught.value.problems
    assert found.pointer == "/training/compile"
