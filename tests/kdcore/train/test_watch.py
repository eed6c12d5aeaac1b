"""The watch over a stage: it goes back where the loss leaps, gives up in the end, and says when a balance saturates."""

import copy

import pytest
import torch
from stepping import SOFT, TASK, Bench, method

from kdcore.errors import EngineError
from kdcore.objective.networks import fingerprint
from kdcore.spec.training import Rollback
from kdcore.train.watch import Watch


@pytest.fixture
def bench(tiny_plan):
    made = Bench(tiny_plan, method=method(TASK, SOFT))
    made.made = made.stage()
    yield made
    made.made.close()


def watching(bench, **changes):
    found = []
    watch = Watch(
        bench.networks["student"], Rollback(factor=10, window=5, **changes), lambda kind, facts: found.append(kind)
    )
    watch.begin(bench.made, 0)
    return watch, found


def looked(watch, bench, losses, start=0):
    return [watch.look(bench.made, {"loss": torch.tensor(loss)}, start + i) for i, loss in enumerate(losses)]


def test_a_leap_brings_weights_and_momentum_back_and_slows_the_learning_rate(bench):
    watch, found = watching(bench)
    good = fingerprint(bench.networks["student"]), copy.deepcopy(bench.made.state())
    assert all(looked(watch, bench, [1.0, 1.1, 0.9]))
    for step in range(2):
        bench.made.step(bench.batch, 0, step)
    assert fingerprint(bench.networks["student"]) != good[0]
    assert looked(watch, bench, [40.0], 3) == [False]
    assert fingerprint(bench.networks["student"]) == good[0]
    assert str(bench.made.state()["optimizers"]) == str(good[1]["optimizers"])
    assert (watch.rate, found) == (0.5, ["rollback"])


def test_a_loss_that_is_no_number_is_a_leap(bench):
    watch, found = watching(bench)
    assert looked(watch, bench, [1.0, float("nan")]) == [True, False]
    assert found == ["rollback"]


def test_after_the_allowed_returns_the_run_ends_with_the_reason(bench):
    watch, _ = watching(bench, most=2)
    assert looked(watch, bench, [1.0, float("nan"), float("nan")]) == [True, False, False]
    with pytest.raises(EngineError, match="after 2 returns") as caught:
        looked(watch, bench, [float("nan")])
    assert caught.value.code == "non_finite_loss"


def test_the_state_goes_on_as_if_never_interrupted(bench):
    watch, _ = watching(bench)
    looked(watch, bench, [1.0, 1.1, 0.9, 1.2])
    other, _ = watching(bench)
    other.restore(copy.deepcopy(watch.state()))
    assert looked(other, bench, [50.0], 4) == looked(watch, bench, [50.0], 4) == [False]
    assert other.rate == watch.rate


def test_a_saturated_balance_is_said_once(bench):
    watch, found = watching(bench)
    values = {
        "loss": torch.tensor(1.0),
        "balance.student.share.task": torch.tensor(0.99),
        "balance.student.share.distill": torch.tensor(0.01),
    }
    for step in range(250):
        watch.look(bench.made, values, step)
    assert found == ["saturation"]
