"""Numerics are chosen by what was measured, agree with plain float32, and resume to the bit."""

import dataclasses

import pytest
import torch
from stepping import HINT, SOFT, TASK, Bench, method

import kdcore
from kdcore.objective.networks import fingerprint
from kdcore.spec.training import Training
from kdcore.train import numerics
from kdcore.train.numerics import candidates, choose


class Clock:
    """A clock that stands unless steps are taken: on a busy machine a sleep lasts as long as it likes."""

    now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(numerics, "time", found)
    return found


def steps_of(clock, milliseconds, losses):
    """Steps that take so long and give such losses, by precision and memory format."""

    def make(machine):
        key = machine.precision, machine.memory_format

        def step():
            clock.now += milliseconds[key] / 1e3
            return losses.get(key, 1.0)

        return step, lambda: None

    return make


@pytest.fixture(scope="module")
def machine(tiny_plan):
    return dataclasses.replace(Bench(tiny_plan).workshop.machine, precision="float32", memory_format="contiguous")


PLAIN, LAST, HALF, BOTH = ((p, f) for p in ("float32", "bfloat16") for f in ("contiguous", "channels_last"))


def test_the_fastest_way_is_taken_where_it_pays(machine, clock):
    chosen, rows = choose(machine, Training(), steps_of(clock, {PLAIN: 9, LAST: 8.5, HALF: 6, BOTH: 3}, {}), 10**6)
    assert (chosen.precision, chosen.memory_format) == BOTH
    assert len(rows) == 4


def test_a_small_gain_is_left_alone(machine, clock):
    chosen, _ = choose(machine, Training(), steps_of(clock, {PLAIN: 6, LAST: 5.8, HALF: 9, BOTH: 9}, {}), 10**6)
    assert chosen == machine


def test_a_way_whose_loss_is_another_one_is_out(machine, clock):
    fast_but_wrong = steps_of(clock, {PLAIN: 9, LAST: 9, HALF: 9, BOTH: 3}, {BOTH: 1.2})
    assert choose(machine, Training(), fast_but_wrong, 10**6)[0] == machine
    broken = steps_of(clock, {PLAIN: 9, LAST: 9, HALF: 9, BOTH: 3}, {BOTH: float("nan")})
    assert choose(machine, Training(), broken, 10**6)[0] == machine


def test_a_short_job_is_not_measured(machine, clock):
    assert choose(machine, Training(), steps_of(clock, {PLAIN: 3, LAST: 1, HALF: 1, BOTH: 1}, {}), 10) == (machine, [])


def test_what_the_spec_says_is_not_measured(machine):
    said = Training(precision="bfloat16", memory_format="channels_last")
    assert [(one.precision, one.memory_format) for one in candidates(machine, said)] == [BOTH]
    assert len(candidates(machine, Training(precision="float32"))) == 2


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.05)])
@pytest.mark.parametrize("memory_format", ["contiguous", "channels_last"])
def test_a_step_gives_the_loss_of_plain_float32(tiny_plan, precision, memory_format, tolerance):
    losses = []
    for way in ({}, {"precision": precision, "memory_format": memory_format}):
        bench = Bench(tiny_plan, method=method(TASK, SOFT, HINT), training=way)
        machine = bench.workshop.machine
        bench.networks = {name: machine.laid_out_network(network) for name, network in bench.networks.items()}
        stage = bench.stage()
        losses.append(float(stage.step(bench.batch, 0, 0)["loss"]))
        stage.close()
    assert losses[1] == pytest.approx(losses[0], rel=tolerance)


@pytest.mark.slow
def test_half_precision_and_channels_last_resume_to_the_bit(tiny_plan, tmp_path):
    way = {"precision": "bfloat16", "memory_format": "channels_last", "accumulate": 2}
    made = tiny_plan(training=way, deliver=["safetensors"], student={"labels": None})

    def trained(folder, stop_at=None):
        last, asked = tmp_path / folder / "runs" / "distil" / "weights.safetensors", []

        def stop():
            asked.append(1)
            return "pause" if len(asked) == stop_at else "trained" if last.exists() else None

        with pytest.raises(kdcore.Stopped):
            kdcore.run(made, tmp_path / folder, lambda record: None, stop=stop)
        return last

    assert not trained("broken", stop_at=14).exists()
    assert trained("broken").read_bytes() == trained("whole").read_bytes()


def test_a_teacher_that_is_folded_speaks_as_before(tiny_plan, tmp_path):
    workshop = Bench(tiny_plan).workshop
    run = workshop.plan.run("distil")
    teacher = workshop.fresh("teacher").eval()
    quick = workshop.listened(teacher, "teacher", run)
    images = torch.randn(8, 1, 8, 8)
    torch.testing.assert_close(quick(images), teacher(images), rtol=1e-4, atol=1e-4)
    assert fingerprint(quick) != fingerprint(teacher)
    plain = dataclasses.replace(workshop, machine=dataclasses.replace(workshop.machine, folded=False))
    assert fingerprint(plain.listened(teacher, "teacher", run)) == fingerprint(teacher)
