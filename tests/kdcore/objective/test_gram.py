"""FSP: how the channels of consecutive layers go along with each other."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learned_parts import noise

from kdcore.objective import distance


def layers(*sizes, channels=(3, 4, 5), seed=0):
    return [noise(2, c, n, n, seed=seed + i) for i, (c, n) in enumerate(zip(channels, sizes, strict=False))]


def test_two_layers_of_ones_flow_one_and_so_differ_from_silence_by_one():
    ones, zeros = [torch.ones(2, 3, 4, 4), torch.ones(2, 5, 4, 4)], [torch.zeros(2, 3, 4, 4), torch.zeros(2, 5, 4, 4)]
    assert distance("fsp")(ones, zeros).item() == 1


def test_the_flow_is_the_mean_product_of_two_channels_over_positions():
    first, second = noise(1, 1, 2, 2), noise(1, 1, 2, 2, seed=1)
    nothing = [torch.zeros_like(first), torch.zeros_like(second)]
    expected = (first * second).mean().square()
    torch.testing.assert_close(distance("fsp")([first, second], nothing), expected)


def test_pairs_of_consecutive_layers_are_summed():
    s, t = layers(8, 4, 4), layers(8, 4, 4, seed=9)
    whole = distance("fsp")(s, t)
    torch.testing.assert_close(whole, distance("fsp")(s[:2], t[:2]) + distance("fsp")(s[1:], t[1:]))


@given(st.integers(0, 50))
def test_the_order_of_positions_does_not_matter_as_long_as_it_is_the_same_in_both_layers(seed):
    s, t = layers(3, 3), layers(3, 3, seed=9)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(seed))
    moved = [layer.flatten(2)[..., order].reshape(layer.shape) for layer in s]
    torch.testing.assert_close(distance("fsp")(s, t), distance("fsp")(moved, t))


def test_the_larger_of_two_layers_is_averaged_and_both_networks_may_have_sizes_of_their_own():
    s, t = layers(8, 4), layers(6, 3, seed=9)
    averaged = [torch.nn.functional.avg_pool2d(s[0], 2), s[1]]
    torch.testing.assert_close(distance("fsp")(s, t), distance("fsp")(averaged, t))


def test_equal_networks_cost_nothing():
    s = [layer.requires_grad_() for layer in layers(8, 4, 4)]
    loss = distance("fsp")(s, [layer.detach().clone() for layer in s])
    loss.backward()
    assert loss.item() == 0
    assert all(layer.grad.abs().max() == 0 for layer in s)


def test_the_gradient_is_the_finite_difference_and_none_reaches_the_teacher():
    s, t = (
        [layer.requires_grad_() for layer in layers(4, 2)],
        [layer.requires_grad_() for layer in layers(4, 2, seed=9)],
    )
    assert torch.autograd.gradcheck(lambda a, b: distance("fsp")([a, b], t), s)
    distance("fsp")(s, t).backward()
    assert all(layer.grad is None for layer in t)


def test_half_precision_is_measured_in_float32():
    s, t = ([layer.bfloat16() for layer in side] for side in (layers(4, 2), layers(4, 2, seed=9)))
    with torch.autocast("cpu", torch.bfloat16):
        assert distance("fsp")(s, t).dtype == torch.float32


@pytest.mark.parametrize(
    ("students", "teachers", "reason"),
    [
        (layers(4), layers(4), "fsp needs two layers or more"),
        (layers(4, 4), layers(4, 4, channels=(3, 5)), "use an adapter"),
        ([noise(2, 3), noise(2, 4)], [noise(2, 3), noise(2, 4)], r"maps \[B, C, H, W\]"),
    ],
)
def test_what_has_no_flow_is_refused(students, teachers, reason):
    with pytest.raises(ValueError, match=reason):
        distance("fsp")(students, teachers)
