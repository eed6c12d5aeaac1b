"""Alignment of samples, batch and classes at several temperatures."""

import pytest
import torch

from kdcore.objective import distance


def noise(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_with_everything_counted_it_is_the_sum_of_its_three_distances_at_each_temperature():
    student, teacher = noise((6, 5)), noise((6, 5), 1)
    parts = [
        weight * distance(name, temperature=T)(student, teacher)
        for T in (2, 5)
        for name, weight in [("kl", 1), ("batch_correlation", 3), ("class_correlation", 0.5)]
    ]
    piece = distance("multi_level", temperatures=(2, 5), share=1, batch=3, by_class=0.5)
    torch.testing.assert_close(piece(student, teacher), torch.stack(parts).sum())


def test_only_the_samples_that_the_teacher_is_least_sure_of_are_followed():
    teacher = torch.eye(4, dtype=torch.float64) * torch.tensor([1.0, 2.0, 8.0, 9.0])[:, None]
    student = noise((4, 4)).requires_grad_()
    distance("multi_level", batch=0, by_class=0)(student, teacher).backward()
    pulled = student.grad.abs().sum(1) > 0
    assert pulled.tolist() == [True, True, False, False]


def test_equal_logits_cost_nothing_and_no_gradient_reaches_the_teacher():
    student, teacher = noise((6, 5)).requires_grad_(), noise((6, 5)).requires_grad_()
    loss = distance("multi_level")(student, teacher)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert student.grad.abs().max() < 1e-12
    assert teacher.grad is None


def test_the_gradient_of_all_levels_is_the_finite_difference():
    student, teacher = noise((6, 5)).requires_grad_(), noise((6, 5), 1)
    assert torch.autograd.gradcheck(lambda s: distance("multi_level")(s, teacher), student)


def test_one_sample_and_extreme_logits_stay_finite():
    student = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = distance("multi_level")(student, torch.tensor([[-1e4, 1e4, 0.0]]))
    loss.backward()
    assert loss.isfinite()
    assert student.grad.isfinite().all()


def test_a_shuffled_teacher_costs_more_than_the_true_one():
    teacher = 2 * noise((32, 5))
    student = teacher + 0.1 * noise((32, 5), 1)
    piece = distance("multi_level")
    assert piece(student, teacher.roll(1, 0)) > 10 * piece(student, teacher)
