"""Losses between values and between independent labels: known answers, unknown targets, no gradient to the teacher."""

import math

import pytest
import torch
from torch.nn import functional as F

from kdcore.objective.distances import distance

NAN = float("nan")


def test_squared_error_by_hand_and_without_those_that_have_no_target():
    outputs = torch.tensor([[1.0], [2.0], [5.0]], requires_grad=True)
    loss = distance("squared_error")(outputs, None, torch.tensor([[0.0], [NAN], [3.0]]))
    loss.backward()
    assert float(loss) == pytest.approx((1 + 4) / 2)
    assert outputs.grad.flatten().tolist() == [1.0, 0.0, 2.0]


@pytest.mark.parametrize("kind", ["squared_error", "binary_cross_entropy"])
def test_a_batch_without_any_target_gives_nothing(kind):
    outputs = torch.randn(3, 2, requires_grad=True)
    loss = distance(kind)(outputs, None, torch.full((3, 2), NAN))
    loss.backward()
    assert float(loss) == 0
    assert not outputs.grad.any()


def test_binary_cross_entropy_is_torchs():
    logits, labels = torch.randn(6, 4), (torch.rand(6, 4) > 0.5).float()
    expected = F.binary_cross_entropy_with_logits(logits, labels)
    assert float(distance("binary_cross_entropy")(logits, None, labels)) == pytest.approx(float(expected))


def test_binary_kl_by_hand():
    # Teacher 3/4, student 1/2, at temperature 1.
    teacher, student = torch.tensor([[math.log(3)]]), torch.zeros(1, 1)
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert float(distance("binary_kl", temperature=1)(student, teacher)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", ["binary_kl", "squared_difference"])
def test_equal_outputs_are_no_distance_and_the_teacher_gets_no_gradient(kind):
    teacher = torch.randn(4, 3, requires_grad=True)
    student = teacher.detach().clone().requires_grad_()
    loss = distance(kind)(student, teacher)
    loss.backward()
    assert float(loss) == pytest.approx(0, abs=1e-7)
    assert teacher.grad is None


def test_binary_kl_stays_finite_on_very_sure_networks():
    found = distance("binary_kl", temperature=1)(torch.tensor([[-500.0]]), torch.tensor([[500.0]]))
    assert float(found) == pytest.approx(500)


def test_binary_kl_of_large_temperatures_is_the_squared_difference_of_logits_over_eight():
    # T² KL(Bernoulli(s(t/T)) || Bernoulli(s(s/T))) -> (t - s)² / 8, as s'(0) = 1/4.
    student, teacher = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    found = distance("binary_kl", temperature=1000)(student, teacher)
    assert float(found) == pytest.approx(float((student - teacher).square().mean() / 8), rel=1e-4)
