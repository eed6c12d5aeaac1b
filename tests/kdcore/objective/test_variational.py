"""VID: a Gaussian around the student's prediction, with a learned variance for each channel of the teacher."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learned_parts import noise, round_trip
from torch import nn

from kdcore.objective import distance

SHAPES = [(4, 6), (4, 5, 6), (4, 6, 3, 3)]


def sized(shape, **options):
    piece = distance("vid", **options)
    piece.size(shape, shape, 100)
    return piece.double()


def with_scales(piece, seed=0):
    piece.scale.data = noise(len(piece.scale), seed=seed)
    return piece


@given(st.floats(0.01, 100))
def test_at_equality_it_is_half_the_logarithm_of_the_variance(variance):
    t = noise(3, 4)
    loss = sized((3, 4), initial_variance=variance)(t, t.clone())
    assert loss.item() == pytest.approx(0.5 * math.log(variance), abs=1e-6)


def test_a_difference_of_one_at_the_initial_variance_of_five_adds_a_tenth():
    t = noise(3, 4)
    assert sized((3, 4))(t + 1, t).item() == pytest.approx(0.1 + 0.5 * math.log(5), rel=1e-6)


def test_it_falls_below_zero_with_the_variances():
    piece = sized((3, 4))
    piece.scale.data.fill_(-20)
    t = noise(3, 4)
    assert piece(t, t).item() == pytest.approx(0.5 * math.log(1e-5), rel=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_channel_of_the_teacher_has_one_registered_variance(shape):
    piece = sized(shape)
    assert {name: tuple(p.shape) for name, p in piece.named_parameters()} == {"scale": (6,)}
    student, teacher = torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.float64)
    channel = -1 if len(shape) == 3 else 1
    student.select(channel, 2).fill_(3.0)
    (gradient,) = torch.autograd.grad(piece(student, teacher), piece.scale)
    odd = gradient - gradient[0]
    assert odd[2] < 0  # the channel that differs asks for a larger variance
    assert odd[[1, 3, 4, 5]].abs().max() < 1e-15


def test_the_variances_learn_how_far_the_student_is_off():
    piece, t = sized((64, 2)), noise(64, 2)
    s = t + torch.tensor([0.1, 2.0]) * noise(64, 2, seed=1)
    optimiser = torch.optim.Adam(piece.parameters(), lr=0.1)
    for _ in range(300):
        optimiser.zero_grad()
        piece(s, t).backward()
        optimiser.step()
    torch.testing.assert_close(piece.variance.detach(), (s - t).square().mean(0), rtol=0.02, atol=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_is_the_finite_difference(shape):
    piece = with_scales(sized(shape))
    student = noise(*shape).requires_grad_()
    assert torch.autograd.gradcheck(lambda s, _: piece(s, noise(*shape, seed=1)), (student, piece.scale))


def test_no_gradient_reaches_the_teacher():
    student, teacher = noise(3, 4).requires_grad_(), noise(3, 4, seed=1).requires_grad_()
    sized((3, 4))(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


@pytest.mark.parametrize("built", [True, False])
def test_a_state_dict_comes_back_into_a_fresh_piece(built):
    piece = with_scales(sized((3, 4)))
    fresh = sized((3, 4)) if built else distance("vid")
    assert round_trip(piece, fresh, noise(3, 4), noise(3, 4, seed=1))


def test_half_precision_is_measured_in_float32_under_autocast():
    piece = distance("vid")
    piece.size((4, 6), (4, 6), 0)
    s, t = noise(4, 6).bfloat16(), noise(4, 6, seed=1).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = piece(s, t)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, piece(s.float(), t.float()))


def test_one_sample_of_huge_numbers_stays_finite():
    student = (1e6 * noise(1, 4)).requires_grad_()
    loss = sized((1, 4))(student, -1e6 * noise(1, 4))
    loss.backward()
    assert loss.isfinite()
    assert student.grad.isfinite().all()


def test_the_first_forward_pass_builds_what_nobody_has_sized():
    piece = distance("vid")
    loss = piece(noise(3, 4), noise(3, 4, seed=1))
    assert isinstance(piece.scale, nn.Parameter)
    assert loss == piece(noise(3, 4), noise(3, 4, seed=1))


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="vid compares equal shapes"):
        distance("vid")(noise(3, 4), noise(3, 5))
