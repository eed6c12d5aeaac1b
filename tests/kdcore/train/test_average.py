"""The moving average of the weights: known values, what is averaged and what is copied, and resuming to the bit."""

import io

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from kdcore.spec.training import Average as Options
from kdcore.train.average import Average


def at(network, value):
    with torch.no_grad():
        network.weight.fill_(value)
    return network


def small():
    return nn.Linear(1, 1, bias=False).double()


def network():
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3 * 36, 2))
    return made.train()


def learn(made, steps, average=None):
    optimizer = torch.optim.SGD(made.parameters(), lr=0.01)
    for step in steps:
        optimizer.zero_grad()
        made(torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(step))).square().mean().backward()
        optimizer.step()
        if average is not None:
            average.update(made)


def equal(a, b):
    return a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)


def test_the_first_updates_keep_two_of_eleven_and_three_of_twelve_parts():
    made = at(small(), 0.0)
    average = Average(made, Options(decay=0.999))
    average.update(at(made, 1.0))
    assert average.weights()["weight"].item() == pytest.approx(9 / 11)
    average.update(at(made, 3.0))
    assert average.weights()["weight"].item() == pytest.approx(9 / 11 * 3 / 12 + 3 * 9 / 12)


def test_after_many_steps_the_decay_is_the_one_asked_for():
    made = at(small(), 0.0)
    average = Average(made, Options(decay=0.5))
    for _ in range(20):
        average.update(made)
    average.update(at(made, 1.0))
    assert average.decay == 0.5
    assert average.weights()["weight"].item() == 0.5


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=30), st.floats(0.01, 0.999))
def test_the_average_stays_between_the_least_and_the_most(values, decay):
    made = at(small(), values[0])
    average = Average(made, Options(decay=decay))
    for value in values:
        average.update(at(made, value))
    assert min(values) - 1e-9 <= average.weights()["weight"].item() <= max(values) + 1e-9


def test_what_never_moves_is_kept_to_the_bit():
    made = network()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    average = Average(made, Options(decay=0.9))
    for _ in range(30):
        average.update(made)
    assert equal(average.weights(), before)


def test_running_statistics_are_averaged_and_counters_copied():
    made = network()
    average = Average(made, Options(decay=0.9))
    means = [made[1].running_mean.clone()]
    for step in range(3):
        learn(made, [step], average)
        means.append(made[1].running_mean.clone())
    expected = means[0]
    for step, mean in enumerate(means[1:], 1):
        kept = (1 + step) / (10 + step)
        expected = kept * expected + (1 - kept) * mean
    torch.testing.assert_close(average.weights()["1.running_mean"], expected)
    assert average.weights()["1.num_batches_tracked"] == made[1].num_batches_tracked == 3


def test_inside_the_stretch_the_network_is_the_average_and_afterwards_itself():
    made = network()
    average = Average(made, Options(decay=0.9))
    learn(made, range(3), average)
    own = {name: value.clone() for name, value in made.state_dict().items()}
    with average.swapped(made):
        assert equal(dict(made.state_dict()), average.weights())
        assert not equal(average.weights(), own)
    assert equal(dict(made.state_dict()), own)


def test_the_network_s_own_weights_come_back_after_an_error():
    made = network()
    average = Average(made, Options(decay=0.9))
    learn(made, range(3), average)
    own = {name: value.clone() for name, value in made.state_dict().items()}
    with pytest.raises(RuntimeError, match="no validation"), average.swapped(made):
        raise RuntimeError("no validation")
    assert equal(dict(made.state_dict()), own)


def test_an_average_does_not_change_what_is_learned():
    with_average, without = network(), network()
    average = Average(with_average, Options())
    for step in range(4):
        learn(with_average, [step], average)
        learn(without, [step])
        with average.swapped(with_average):
            pass
    assert equal(dict(with_average.state_dict()), dict(without.state_dict()))


def test_weights_that_were_handed_out_do_not_move_on():
    made = network()
    average = Average(made, Options(decay=0.9))
    handed = average.weights()
    before = {name: value.clone() for name, value in handed.items()}
    learn(made, range(2), average)
    assert equal(handed, before)


def test_an_average_taken_up_from_a_file_goes_on_to_the_same_bits():
    made = network()
    average = Average(made, Options(decay=0.95))
    learn(made, range(3), average)
    file = io.BytesIO()
    torch.save((made.state_dict(), average.state()), file)
    file.seek(0)
    learn(made, range(3, 7), average)
    weights, state = torch.load(file, weights_only=True)
    again = network()
    taken_up = Average(again, Options(decay=0.95))
    again.load_state_dict(weights)
    taken_up.restore(state)
    learn(again, range(3, 7), taken_up)
    assert equal(taken_up.weights(), average.weights())
    assert taken_up.decay == average.decay
