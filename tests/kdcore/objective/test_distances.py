"""Known answers and properties of the distances."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.objective import distance
from kdcore.objective.distances import CLASSES, UNLABELLED
from kdcore.spec.rooms import DISTANCES, BadPiece

ZERO_AT_EQUALITY = [("kl", (6, 5)), ("hint", (2, 3, 4, 4)), ("mse", (2, 3, 4, 4))]


def noise(shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_the_engine_has_exactly_the_distances_that_specs_may_name():
    assert set(CLASSES) == set(DISTANCES)


def test_the_hint_of_ones_against_zeros_with_three_channels_is_one_and_a_half():
    teacher, student = torch.ones(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    assert distance("hint")(student, teacher).item() == 1.5


def test_the_normalised_hint_costs_one_for_a_student_that_says_nothing():
    teacher = 17 * noise((2, 3, 4, 4))
    assert distance("hint", normalise="teacher")(torch.zeros_like(teacher), teacher).item() == pytest.approx(1)


def test_the_normalised_hint_is_finite_for_a_silent_teacher():
    silent = torch.zeros(2, 3, 4, 4)
    assert math.isfinite(distance("hint", normalise="teacher")(torch.zeros_like(silent), silent).item())


def test_kl_of_two_coins_has_its_textbook_value():
    teacher, student = torch.tensor([[0.75, 0.25]]).log(), torch.tensor([[0.5, 0.5]]).log()
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert distance("kl", temperature=1)(student, teacher).item() == pytest.approx(expected, rel=1e-6)


def test_kl_tends_to_the_squared_distance_of_centred_logits_as_the_temperature_grows():
    student, teacher = noise((4, 10)), noise((4, 10), 1)
    gap = (student - student.mean(1, keepdim=True)) - (teacher - teacher.mean(1, keepdim=True))
    expected = gap.square().sum(1).mean() / (2 * 10)
    assert distance("kl", temperature=1000)(student, teacher).item() == pytest.approx(expected.item(), rel=1e-2)


def test_kl_stays_finite_for_logits_of_a_thousand():
    student = torch.tensor([[1000.0, 0.0, -1000.0]], requires_grad=True)
    loss = distance("kl", temperature=1)(student, torch.tensor([[-1000.0, 0.0, 1000.0]]))
    loss.backward()
    assert loss.isfinite()
    assert student.grad.isfinite().all()


def test_soft_cross_entropy_and_kl_have_the_same_gradient_up_to_t_squared():
    student, teacher = noise((4, 10)).requires_grad_(), noise((4, 10), 1)
    soft = torch.autograd.grad(distance("soft_cross_entropy", temperature=3)(student, teacher), student)[0]
    kl = torch.autograd.grad(distance("kl", temperature=3)(student, teacher), student)[0]
    torch.testing.assert_close(soft * 9, kl)


def test_cross_entropy_averages_over_the_labelled_pictures_only():
    logits, labels = noise((4, 3)), torch.tensor([0, UNLABELLED, 2, UNLABELLED])
    some = distance("cross_entropy")(logits, None, labels)
    torch.testing.assert_close(some, distance("cross_entropy")(logits[[0, 2]], None, labels[[0, 2]]))


def test_cross_entropy_of_a_batch_without_labels_is_zero_with_a_zero_gradient():
    logits = noise((4, 3)).requires_grad_()
    loss = distance("cross_entropy")(logits, None, torch.full((4,), UNLABELLED))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0


def test_cross_entropy_without_labels_is_refused():
    with pytest.raises(ValueError, match="needs target"):
        distance("cross_entropy")(noise((4, 3)), None)


@pytest.mark.parametrize(("name", "shape"), ZERO_AT_EQUALITY)
def test_the_distance_of_equals_is_zero_with_a_zero_gradient(name, shape):
    student = noise(shape).requires_grad_()
    loss = distance(name)(student, student.detach().clone())
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert student.grad.abs().max() < 1e-12


@pytest.mark.parametrize(("name", "shape"), [*ZERO_AT_EQUALITY, ("soft_cross_entropy", (6, 5))])
def test_no_gradient_reaches_the_teacher(name, shape):
    student, teacher = noise(shape).requires_grad_(), noise(shape, 1).requires_grad_()
    distance(name)(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad.abs().sum() > 0


@pytest.mark.parametrize(("name", "shape"), [*ZERO_AT_EQUALITY, ("soft_cross_entropy", (6, 5))])
def test_the_gradient_is_the_finite_difference(name, shape):
    student, teacher = noise(shape).requires_grad_(), noise(shape, 1)
    assert torch.autograd.gradcheck(lambda s: distance(name)(s, teacher), student)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("name", "shape"), ZERO_AT_EQUALITY)
def test_half_precision_inputs_are_measured_in_float32(name, shape, dtype):
    student, teacher = noise(shape).to(dtype), noise(shape, 1).to(dtype)
    loss = distance(name)(student, teacher)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, distance(name)(student.float(), teacher.float()))


@pytest.mark.parametrize(("name", "shape"), ZERO_AT_EQUALITY)
def test_forward_is_pure(name, shape):
    piece, student, teacher = distance(name), noise(shape), noise(shape, 1)
    assert piece(student, teacher) == piece(student, teacher)


@given(st.floats(0.5, 20), st.integers(0, 100))
def test_kl_is_never_negative(temperature, seed):
    assert distance("kl", temperature=temperature)(noise((3, 7), seed), noise((3, 7), seed + 1)).item() >= -1e-12


def test_a_shuffled_teacher_costs_more_than_the_true_one():
    teacher = noise((64, 10))
    student = teacher + 0.1 * noise((64, 10), 1)
    assert distance("kl")(student, teacher.roll(1, 0)) > 10 * distance("kl")(student, teacher)


def test_shapes_that_differ_are_refused_with_both_shapes_and_the_remedy():
    with pytest.raises(ValueError, match=r"student \(2, 3\), teacher \(2, 4\)\); use an adapter"):
        distance("mse")(noise((2, 3)), noise((2, 4)))


def test_an_unknown_distance_is_refused_with_the_nearest():
    with pytest.raises(BadPiece, match="nearest: kl"):
        distance("kll")


def test_an_unknown_option_is_refused_by_name():
    with pytest.raises(BadPiece, match="unknown field 'temprature'; nearest: temperature"):
        distance("kl", temprature=3)
