"""Guards speak when they should, once, and go on where they were."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdcore.train.guards import SaturationAlarm, SpikeGuard


def heard(alarm, shares):
    return [alarm.look({"task": share, "distill": 1 - share}) for share in shares]


def test_the_alarm_sounds_once_when_a_share_has_stayed_above_the_threshold():
    assert heard(SaturationAlarm(0.98, steps=3), [0.99] * 6) == [None, None, "task", None, None, None]


def test_the_alarm_names_the_group_that_has_everything():
    assert heard(SaturationAlarm(0.98, steps=2), [0.005] * 2) == [None, "distill"]


def test_a_share_that_comes_down_arms_the_alarm_anew():
    shares = [0.99, 0.99, 0.5, 0.99, 0.99, 0.99, 0.5, 0.99, 0.99, 0.99]
    found = heard(SaturationAlarm(0.98, steps=3), shares)
    assert [place for place, group in enumerate(found) if group] == [5, 9]


def test_a_single_group_saturates_nothing():
    alarm = SaturationAlarm(0.98, steps=1)
    assert alarm.look({"task": 1.0}) is None
    assert alarm.look({"task": 0.99, "distill": 0.01}) == "task"


@given(st.lists(st.sampled_from([0.5, 0.99, 0.001]), max_size=30), st.integers(0, 30))
def test_an_alarm_taken_up_from_its_state_goes_on_as_if_nothing_had_happened(shares, cut):
    whole, first, second = (SaturationAlarm(0.98, steps=3) for _ in range(3))
    found = heard(first, shares[:cut])
    second.restore(first.state())
    assert heard(whole, shares) == found + heard(second, shares[cut:])


def test_a_loss_that_leaps_above_its_median_is_a_spike():
    guard = SpikeGuard(factor=3, window=10)
    assert [guard.look(1.0 + 0.1 * (step % 3)) for step in range(20)] == [None] * 20
    assert guard.look(2.9) is None
    assert "leapt to 3.5" in guard.look(3.5)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_a_spike_at_once(loss):
    assert str(loss) in SpikeGuard().look(loss)


def test_a_spike_does_not_enter_the_median():
    guard = SpikeGuard(factor=3, window=4)
    for loss in (1.0, 1.0, 1.0, 1.0):
        guard.look(loss)
    assert all(guard.look(100.0) for _ in range(10))
    assert guard.state() == {"recent": [1.0] * 4}


def test_too_few_losses_are_no_median():
    guard = SpikeGuard(factor=2, window=10)
    assert [guard.look(loss) for loss in (1.0, 50.0, 1.0, 50.0)] == [None] * 4


def test_the_median_follows_a_loss_that_falls():
    guard = SpikeGuard(factor=3, window=10)
    assert all(guard.look(100 * 0.9**step) is None for step in range(60))
    assert guard.look(10.0) is not None


def test_a_loss_near_zero_may_flicker():
    guard = SpikeGuard(factor=3, window=4, margin=0.1)
    assert [guard.look(loss) for loss in (1e-6, 1e-6, 1e-6, 0.01, 1e-6)] == [None] * 5
    assert guard.look(0.2) is not None


def test_a_loss_below_zero_leaps_by_its_size():
    guard = SpikeGuard(factor=2, window=4)
    for _ in range(4):
        guard.look(-3.0)
    assert guard.look(-0.5) is None
    assert guard.look(0.5) is not None


@given(st.lists(st.floats(0, 20), max_size=40), st.integers(0, 40))
def test_a_guard_taken_up_from_its_state_goes_on_as_if_nothing_had_happened(losses, cut):
    whole, first, second = (SpikeGuard(factor=2, window=6) for _ in range(3))
    found = [first.look(loss) for loss in losses[:cut]]
    second.restore(first.state())
    assert [whole.look(loss) for loss in losses] == found + [second.look(loss) for loss in losses[cut:]]


@pytest.mark.parametrize("options", [{"factor": 1.0}, {"window": 1}])
def test_a_guard_that_could_not_work_is_refused(options):
    with pytest.raises(ValueError, match="factor above 1"):
        SpikeGuard(**options)
