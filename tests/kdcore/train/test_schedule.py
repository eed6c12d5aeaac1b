"""Learning-rate schedules: known rates at given steps, no leaps, and nothing but the step decides."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.spec.training import LearningRateSchedule
from kdcore.train.schedule import factor

NAMES = tuple(LearningRateSchedule.OPTIONS)
SMOOTH = ("cosine", "linear", "exponential", "one_cycle", "constant")


def schedule(name, **options):
    none = {} if name == "one_cycle" else {"warmup_epochs": 0}
    return LearningRateSchedule(name=name, **{**none, **options})


def at(made, *steps, total=100, per_epoch=10):
    return [factor(made, step, total, per_epoch) for step in steps]


def test_the_cosine_is_at_half_its_way_in_the_middle_and_ends_at_its_floor():
    assert at(schedule("cosine"), 0, 50, 100) == pytest.approx([1, 0.5, 0])
    assert at(schedule("cosine", floor=0.2), 0, 25, 50, 100) == pytest.approx([1, 0.6 + 0.4 * math.sqrt(0.5), 0.6, 0.2])


def test_the_line_falls_evenly_to_its_floor():
    assert at(schedule("linear"), 0, 25, 50, 99) == pytest.approx([1, 0.75, 0.5, 0.01])
    assert at(schedule("linear", floor=0.5), 0, 50, 100) == pytest.approx([1, 0.75, 0.5])


def test_the_exponential_falls_by_the_same_factor_in_every_step():
    assert at(schedule("exponential"), 0, 50, 100) == pytest.approx([1, 0.1, 0.01])


def test_the_steps_are_where_crd_has_them():
    assert at(schedule("step"), 149, 150, 179, 180, 209, 210, total=240, per_epoch=1) == pytest.approx(
        [1, 0.1, 0.1, 0.01, 0.01, 0.001]
    )


def test_milestones_of_one_and_more_are_epochs_and_below_one_shares():
    epochs, shares = schedule("step", milestones=(2, 5), gamma=0.5), schedule("step", milestones=(0.2, 0.5), gamma=0.5)
    for made in (epochs, shares):
        assert at(made, 19, 20, 49, 50, 99) == [1, 0.5, 0.5, 0.25, 0.25]
    assert at(schedule("step", milestones=(20,)), 99) == [1]


def test_one_cycle_goes_up_to_its_peak_and_down_to_nothing():
    made = schedule("one_cycle", start=0.1, peak=0.25)
    assert at(made, 0, 25, 100) == pytest.approx([0.1, 1, 0])
    assert at(made, 10, 40) == pytest.approx([0.1 + 0.9 * 0.4, 0.8])


def test_one_cycle_is_the_one_of_torch_with_straight_lines():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, total_steps=101, pct_start=0.301, anneal_strategy="linear", div_factor=20, final_div_factor=50
    )
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    peak = (0.301 * 101 - 1) / 100
    assert at(schedule("one_cycle", start=0.05, floor=0.001, peak=peak), *range(100)) == pytest.approx(rates)


def test_the_warm_up_grows_evenly_and_never_takes_more_than_half_of_the_stage():
    made = LearningRateSchedule(name="constant", warmup_epochs=3)
    assert at(made, 0, 14, 29, 30) == pytest.approx([1 / 31, 15 / 31, 30 / 31, 1])
    assert at(made, 9, 10, total=20) == pytest.approx([10 / 11, 1])


def test_after_the_warm_up_the_curve_begins_at_its_top():
    for name in ("cosine", "linear", "exponential"):
        made = LearningRateSchedule(name=name, warmup_epochs=2)
        assert at(made, 20) == [1]
        assert at(made, 60) == pytest.approx(at(schedule(name), 40, total=80))


@given(st.sampled_from(NAMES), st.integers(1, 400), st.integers(1, 60), st.data())
def test_every_rate_is_above_zero_and_at_most_the_top(name, steps, per_epoch, data):
    step = data.draw(st.integers(0, steps - 1))
    assert 0 < factor(LearningRateSchedule(name=name), step, steps, per_epoch) <= 1 + 1e-12


@given(st.sampled_from(SMOOTH), st.integers(4, 400), st.floats(0, 20), st.integers(1, 60))
def test_a_smooth_schedule_does_not_leap(name, steps, warmup, per_epoch):
    made = schedule(name) if name == "one_cycle" else LearningRateSchedule(name=name, warmup_epochs=warmup)
    rates = at(made, *range(steps), total=steps, per_epoch=per_epoch)
    ramp = min(round((made.warmup_epochs or 0) * per_epoch), steps // 2)
    steepest = {"cosine": math.pi / 2, "exponential": math.log(100), "one_cycle": 0.96 / 0.3}.get(name, 1.0)
    most = max(steepest / (steps - ramp), 1 / (ramp + 1) if ramp else 0.0)
    assert all(abs(b - a) <= most + 1e-12 for a, b in pairwise(rates))


@given(st.sampled_from(NAMES), st.integers(0, 500))
def test_beyond_its_end_a_schedule_stays_where_it_ended(name, beyond):
    made = LearningRateSchedule(name=name)
    assert at(made, 100 + beyond) == at(made, 100)
