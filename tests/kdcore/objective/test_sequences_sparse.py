"""A teacher of whom only the likeliest tokens are known."""

from itertools import pairwise

import pytest
import torch

from kdcore.objective import distance


def noise(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def stored(teacher, k):
    """What a file of a teacher's answers keeps: log-probabilities and indices of the k likeliest."""
    return teacher.log_softmax(-1).topk(k, -1)


@pytest.mark.parametrize("rest", ["bucket", "renormalise"])
def test_all_tokens_as_the_top_k_are_the_dense_divergence(rest):
    student, teacher = noise((2, 3, 8)), noise((2, 3, 8), 1)
    dense = distance("kl", temperature=1)(student, teacher)
    values, indices = stored(teacher, 8)
    torch.testing.assert_close(distance("top_k_kl", k=8, rest=rest)(student, teacher), dense)
    sparse = distance("top_k_kl", k=8, rest=rest)(student, values, context={"teacher_indices": indices})
    torch.testing.assert_close(sparse, dense)


@pytest.mark.parametrize("rest", ["bucket", "renormalise"])
def test_a_stored_teacher_costs_what_the_dense_one_reduced_to_it_costs(rest):
    student, teacher = noise((2, 3, 8)), noise((2, 3, 8), 1)
    values, indices = stored(teacher, 3)
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    piece = distance("top_k_kl", k=3, rest=rest)
    sparse = piece(student, values, context={"teacher_indices": indices, "mask": mask})
    torch.testing.assert_close(sparse, piece(student, teacher, context={"mask": mask}))


def test_the_rest_as_one_bucket_bounds_the_dense_divergence_from_below_and_grows_with_k():
    student, teacher = noise((20, 8)), noise((20, 8), 1)
    costs = [distance("top_k_kl", k=k)(student, teacher).item() for k in range(1, 9)]
    assert all(more >= fewer - 1e-12 for fewer, more in pairwise(costs))
    assert costs[-1] == pytest.approx(distance("kl", temperature=1)(student, teacher).item())


def test_the_bucket_has_the_probability_that_the_others_have_together():
    teacher = torch.tensor([[0.6, 0.2, 0.1, 0.1]], dtype=torch.float64).log()
    student = torch.tensor([[0.3, 0.3, 0.2, 0.2]], dtype=torch.float64).log()
    expected = 0.6 * torch.tensor(2.0).log() + 0.4 * (torch.tensor(0.4 / 0.7)).log()
    assert distance("top_k_kl", k=1)(student, teacher).item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_certain_stored_teacher_leaves_nothing_for_the_others_and_stays_finite():
    values, indices = torch.tensor([[0.0, -200.0]]), torch.tensor([[2, 0]])
    student = noise((1, 5)).float().requires_grad_()
    loss = distance("top_k_kl", k=2)(student, values, context={"teacher_indices": indices})
    loss.backward()
    assert loss.item() == pytest.approx(-student.log_softmax(-1)[0, 2].item(), rel=1e-4)
    assert student.grad.isfinite().all()


def test_the_rest_of_a_stored_teacher_is_refused_at_other_temperatures():
    values, indices = stored(noise((2, 8), 1), 3)
    with pytest.raises(ValueError, match="known at temperature 1 only"):
        distance("top_k_kl", k=3, temperature=2)(noise((2, 8)), values, context={"teacher_indices": indices})


def test_a_teacher_of_another_width_without_indices_is_refused():
    with pytest.raises(ValueError, match="teacher_indices"):
        distance("top_k_kl", k=3)(noise((2, 8)), noise((2, 3)))
