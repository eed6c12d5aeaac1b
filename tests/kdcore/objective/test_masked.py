"""MGD: the teacher's map generated from a student's map of which parts are hidden."""

import pytest
import torch
from learned_parts import gradients, noise, round_trip

from kdcore.objective import distance

S, T = noise(3, 8, 4, 4), noise(3, 8, 4, 4, seed=1)


def sized(seed=0, **options):
    torch.manual_seed(seed)
    piece = distance("mgd", **options)
    piece.size(tuple(S.shape), tuple(T.shape), 100)
    return piece.double()


def passing_on(piece):
    """The generator as the identity on maps that are not negative."""
    for number in (0, 2):
        torch.nn.init.dirac_(piece.generator[number].weight)
        torch.nn.init.zeros_(piece.generator[number].bias)
    return piece


def test_with_nothing_hidden_and_a_generator_that_passes_on_equals_cost_nothing():
    piece, t = passing_on(sized(share=0)), T.abs()
    assert piece(t.clone(), t).item() == 0
    assert piece(torch.zeros_like(t), t).item() == pytest.approx((t.square().sum() / 3).item())


@pytest.mark.parametrize("over", ["positions", "channels"])
def test_what_is_hidden_costs_the_teacher_s_squares_there(over):
    piece, t = passing_on(sized(share=0.5, over=over)), T.abs()
    hidden = t - piece._shown(t, 0) * t
    assert piece(t.clone(), t).item() == pytest.approx((hidden.square().sum() / 3).item())
    whole = (0, 2, 3) if over == "channels" else (0, 1)
    assert set(piece._shown(t, 0).expand_as(t).sum(whole[1:]).unique().tolist()) <= {0.0, 8.0, 16.0}


@pytest.mark.parametrize("over", ["positions", "channels"])
def test_the_share_is_hidden_on_average(over):
    piece = sized(share=0.65, over=over)
    shown = torch.stack([piece._shown(S, step).mean() for step in range(200)])
    assert 1 - shown.mean().item() == pytest.approx(0.65, abs=0.02)


def test_a_step_hides_the_same_twice_and_another_step_something_else():
    piece = sized()
    first = piece(S, T, context={"step": 5})
    assert piece(S, T, context={"step": 5}) == first
    assert piece(S, T, context={"step": 6}) != first
    assert sized(seed=0)(S, T, context={"step": 5}) == first


def test_the_generator_learns_and_the_teacher_gets_no_gradient():
    piece, student, teacher = sized(), S.clone().requires_grad_(), T.clone().requires_grad_()
    found = gradients(piece(student, teacher), student, teacher, *piece.parameters())
    assert found[1] is None
    assert len(found) == 6
    assert all(gradient.abs().sum() > 0 for i, gradient in enumerate(found) if i != 1)


def test_the_gradient_is_the_finite_difference():
    piece = sized()
    assert torch.autograd.gradcheck(lambda s: piece(s, T[:1]), S[:1].clone().requires_grad_())


def test_a_state_dict_comes_back_into_a_fresh_piece():
    assert round_trip(sized(), sized(seed=1), S, T)
    assert round_trip(sized(), distance("mgd"), S, T)


def test_half_precision_is_measured_in_float32():
    with torch.autocast("cpu", torch.bfloat16):
        loss = sized().float()(S.bfloat16(), T.bfloat16())
    assert loss.dtype == torch.float32


def test_features_without_positions_are_refused():
    with pytest.raises(ValueError, match=r"mgd looks at maps \[B, C, H, W\]"):
        distance("mgd")(noise(3, 8), noise(3, 8))
