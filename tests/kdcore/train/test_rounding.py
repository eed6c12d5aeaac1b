"""Fake quantisation against known answers: the grid of the int8 file, and gradients that pass straight through."""

import pytest
import torch

from kdcore.train.rounding import KEPT, Range, rounded, rounded_weight


def test_weights_lie_on_the_symmetric_grid_of_their_own_channel():
    weight = torch.tensor([[1.27, -0.014, 0.0], [0.0, 127.0, -63.4], [-2.54, 1.0, 0.03]])
    expected = torch.tensor([[1.27, -0.01, 0.0], [0.0, 127.0, -63.0], [-2.54, 1.0, 0.04]])
    torch.testing.assert_close(rounded_weight(weight), expected)


def test_a_channel_of_zeros_stays_one():
    assert torch.equal(rounded_weight(torch.zeros(2, 3, 1, 1)), torch.zeros(2, 3, 1, 1))


def test_a_factor_on_a_whole_channel_goes_through_the_rounding():
    """So BatchNorm may be folded into the layer before or after it: the int8 numbers are the same."""
    torch.manual_seed(0)
    weight, factor = torch.randn(8, 4, 3, 3), torch.randn(8, 1, 1, 1)
    torch.testing.assert_close(rounded_weight(weight * factor), rounded_weight(weight) * factor)


def test_activations_take_256_steps_over_their_range_and_are_cut_beyond_it():
    values = torch.tensor([-9.0, -1.0, 0.0, 0.4, 0.6, 100.0, 254.0, 300.0])
    found = rounded(values, torch.tensor([-1.0, 254.0]))
    assert torch.equal(found, torch.tensor([-1.0, -1.0, 0.0, 0.0, 1.0, 100.0, 254.0, 254.0]))


@pytest.mark.parametrize(("low", "high"), [(3.0, 7.0), (-7.0, -3.0), (0.0, 0.0), (-0.3, 5.1)])
def test_zero_is_always_on_the_grid(low, high):
    assert float(rounded(torch.zeros(1), torch.tensor([low, high]))) == 0.0


def test_the_gradient_is_one_inside_the_range_and_zero_outside():
    values = torch.tensor([-2.0, -0.5, 0.3, 0.9, 1.5], requires_grad=True)
    rounded(values, torch.tensor([-1.0, 1.0])).sum().backward()
    assert torch.equal(values.grad, torch.tensor([0.0, 1.0, 1.0, 1.0, 0.0]))


def test_every_weight_has_the_gradient_of_its_rounded_self():
    weight = torch.tensor([[0.5, -1.0], [3.0, 0.001]], requires_grad=True)
    pull = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    (rounded_weight(weight) * pull).sum().backward()
    assert torch.equal(weight.grad, pull)


def test_a_range_moves_once_a_step_however_often_it_looks():
    once, twice = Range(), Range()
    parts = torch.tensor([-1.0, 4.0]), torch.tensor([-3.0, 2.0])
    once.look(torch.cat(parts))
    for part in (*parts, *parts):  # micro-batches, and a second pass over them
        twice.look(part)
        assert twice.ends is None
    once.advance()
    twice.advance()
    assert once.ends.tolist() == twice.ends.tolist() == [-3.0, 4.0]


def test_a_range_grows_at_once_shrinks_slowly_and_forgets_a_step_that_was_not_taken():
    found = Range()
    for values in ([-1.0, 1.0], [-2.0, 0.0]):
        found.look(torch.tensor(values))
        found.advance()
    assert found.ends.tolist() == pytest.approx([-2.0, KEPT])
    found.look(torch.tensor([-50.0, 50.0]))
    found.forget()
    found.advance()
    assert found.ends.tolist() == pytest.approx([-2.0, KEPT])
