"""The distance of hidden states counts real tokens alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.objective import distance

NORMALISATIONS = ["none", "layer", "token"]


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def lengths(*counts, of=7):
    return torch.arange(of) < torch.tensor(counts).unsqueeze(1)


MASK = lengths(7, 3, 1)


def measured(student, teacher, mask=MASK, **options):
    return distance("hidden", **options)(student, teacher, context={} if mask is None else {"mask": mask})


def test_ones_against_zeros_cost_one_per_number():
    assert measured(torch.zeros(3, 7, 5), torch.ones(3, 7, 5)).item() == 1


def test_without_a_mask_it_is_the_mean_squared_difference_of_tokens_vectors_and_maps():
    for shape in ((3, 7, 5), (3, 5), (3, 5, 4, 4)):
        student, teacher = noise(*shape), noise(*shape, seed=1)
        expected = (student - teacher).square().mean().item()
        assert measured(student, teacher, mask=None).item() == pytest.approx(expected)


def test_the_sum_is_divided_by_the_tokens_that_count():
    student, teacher = noise(3, 7, 5), noise(3, 7, 5, seed=1)
    squares = [(student[i, :n] - teacher[i, :n]).square().sum() for i, n in enumerate((7, 3, 1))]
    assert measured(student, teacher).item() == pytest.approx(sum(squares).item() / (11 * 5))


@pytest.mark.parametrize("normalise", NORMALISATIONS)
@pytest.mark.parametrize("filler", [5.0, 1e30, float("inf"), float("nan")])
def test_what_stands_at_padding_changes_neither_loss_nor_gradient(normalise, filler):
    teacher, results = noise(3, 7, 5, seed=1), []
    for value in (0.0, filler):
        student = noise(3, 7, 5).masked_fill(~MASK.unsqueeze(-1), value).requires_grad_()
        loss = measured(student, teacher.masked_fill(~MASK.unsqueeze(-1), -value), normalise=normalise)
        loss.backward()
        results.append((loss.item(), student.grad))
    assert results[0][0] == results[1][0] > 0
    assert torch.equal(results[0][1], results[1][1])
    assert results[0][1][~MASK].abs().sum() == 0


@pytest.mark.parametrize("normalise", NORMALISATIONS)
@given(st.integers(0, 6))
def test_right_padding_of_any_length_changes_nothing(normalise, more):
    student, teacher = noise(3, 7, 5), noise(3, 7, 5, seed=1)
    longer = [torch.cat([side, noise(3, more, 5, seed=2)], 1) for side in (student, teacher)]
    padded = torch.cat([MASK, torch.zeros(3, more, dtype=torch.bool)], 1)
    expected = measured(student, teacher, normalise=normalise).item()
    assert measured(*longer, mask=padded, normalise=normalise).item() == pytest.approx(expected, rel=1e-12)


def test_unit_tokens_cost_two_minus_two_cosines_whatever_each_token_s_scale():
    student, teacher = noise(3, 7, 5), noise(3, 7, 5, seed=1)
    cosines = torch.nn.functional.cosine_similarity(student, teacher, dim=-1)
    expected = (2 - 2 * cosines)[MASK].mean().item()
    assert measured(student, teacher, normalise="token").item() == pytest.approx(expected)
    scale = noise(3, 7, 1, seed=2).exp()
    assert measured(student * scale, teacher, normalise="token").item() == pytest.approx(expected)


def test_standardised_layers_do_not_see_scale_and_shift():
    student, teacher = noise(3, 7, 5), noise(3, 7, 5, seed=1)
    expected = measured(student, teacher, normalise="layer").item()
    assert measured(40 * student + 9, teacher, normalise="layer").item() == pytest.approx(expected, rel=1e-4)


def test_the_first_token_alone_may_count():
    student, teacher = noise(3, 7, 5), noise(3, 7, 5, seed=1)
    expected = (student[:, 0] - teacher[:, 0]).square().mean().item()
    assert measured(student, teacher, tokens="first").item() == pytest.approx(expected)


@pytest.mark.parametrize("normalise", NORMALISATIONS)
def test_equal_states_cost_nothing_and_another_layer_something(normalise):
    layers = [noise(3, 7, 5, seed=seed) for seed in range(3)]
    assert measured(layers, layers, normalise=normalise).item() == 0
    assert measured(layers, layers[::-1], normalise=normalise).item() > 0


@pytest.mark.parametrize("normalise", NORMALISATIONS)
@pytest.mark.parametrize("mask", [torch.zeros(3, 7, dtype=torch.bool), MASK, None])
def test_constant_states_and_sequences_of_padding_stay_finite(normalise, mask):
    student = torch.zeros(3, 7, 5, requires_grad=True)
    loss = measured(student, torch.zeros(3, 7, 5), mask=mask, normalise=normalise)
    loss.backward()
    assert loss.item() == 0
    assert student.grad.isfinite().all()


@pytest.mark.parametrize("normalise", NORMALISATIONS)
def test_the_gradient_is_that_of_finite_differences_and_reaches_no_teacher(normalise):
    student, teacher = noise(2, 3, 4).requires_grad_(), noise(2, 3, 4, seed=1).requires_grad_()
    mask = lengths(3, 2, of=3)
    assert torch.autograd.gradcheck(lambda s: measured(s, teacher.detach(), mask, normalise=normalise), (student,))
    measured(student, teacher, mask, normalise=normalise).backward()
    assert teacher.grad is None


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised_to_float32(dtype):
    loss = measured(noise(3, 7, 5).to(dtype), noise(3, 7, 5, seed=1).to(dtype))
    assert loss.dtype == torch.float32
    assert loss.isfinite()


def test_shapes_and_masks_that_do_not_fit_are_refused_with_both():
    with pytest.raises(ValueError, match="use an adapter"):
        measured(noise(3, 7, 5), noise(3, 7, 6))
    with pytest.raises(ValueError, match=r"mask of \(3, 7\), not \(3, 6\)"):
        measured(noise(3, 7, 5), noise(3, 7, 5), mask=torch.ones(3, 6))
