"""KD2M's distances between feature distributions: known answers, bounds, invariances."""

import pytest
import torch
from feature_samples import EVERY_MODE, LABELS, cloud, logits, points
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from kdcore.objective import distance


def test_one_dimensional_transport_costs_ten_where_pairs_cost_thirteen():
    student, teacher = points([0.0], [1.0]), points([5.0], [2.0])
    assert distance("wasserstein")(student, teacher).item() == pytest.approx(10)
    assert distance("mse")(student, teacher).item() == pytest.approx(13)


def test_a_translation_costs_its_squared_length():
    shift = points([1.0, 2.0, -2.0])
    student = cloud(width=3)
    assert distance("wasserstein")(student, student + shift).item() == pytest.approx(9)
    assert distance("sliced_wasserstein", projections=20_000)(student, student + shift).item() == pytest.approx(
        3, rel=0.05
    )
    assert distance("gaussian_wasserstein")(student, student + shift).item() == pytest.approx(9)


def test_the_debiased_divergence_of_a_unit_translation_is_one():
    student = cloud(8, 3)
    loss = distance("sinkhorn", epsilon=1, relative=False, iterations=500)(student, student + points([1.0, 0.0, 0.0]))
    assert loss.item() == pytest.approx(1, abs=1e-6)


def test_bures_distance_of_two_covariances_has_its_known_value():
    def samples(matrix, mean):
        root = torch.linalg.cholesky(points(*matrix))
        corners = points([1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0])
        return corners @ root.T + points(mean)

    a = samples(([2.0, 0.0], [0.0, 1.0]), (0.0, 0.0))
    b = samples(([1.5, 0.5], [0.5, 1.5]), (0.0, 0.0))
    full = distance("gaussian_wasserstein", covariance="full", shrinkage=0)
    assert full(a, b).item() == pytest.approx(0.169048, abs=1e-6)
    assert full(a, b + points([1.0, -1.0])).item() == pytest.approx(2.169048, abs=1e-6)
    assert distance("gaussian_wasserstein")(a, b).item() == pytest.approx(0.086409, abs=1e-6)


def test_gaussian_divergence_knows_its_direction():
    unit, wide = points([-1.0], [1.0]), points([-1.0], [3.0])
    student = distance("gaussian_kl")(unit, wide).item()
    teacher = distance("gaussian_kl", direction="teacher")(unit, wide).item()
    assert student == pytest.approx(0.443147, abs=1e-6)
    assert teacher == pytest.approx(1.306853, abs=1e-6)


def test_rbf_discrepancy_of_two_points_at_distance_two():
    assert distance("mmd")(points([0.0]), points([2.0])).item() == pytest.approx(1.729329, abs=1e-6)


def test_multi_kernel_discrepancy_averages_five_widths():
    factors = torch.tensor([0.5, 0.5**0.5, 1, 2**0.5, 2])
    expected = (2 - 2 * torch.exp(-4 / (2 * factors**2))).mean().item()
    assert distance("mmd", kernel="multi")(points([0.0]), points([2.0])).item() == pytest.approx(expected)


def test_coral_of_variances_two_and_eight():
    assert distance("coral")(points([0.0], [2.0]), points([0.0], [4.0])).item() == pytest.approx((8 - 2) ** 2 / 4)


def test_gromov_wasserstein_of_pairs_one_and_three_apart():
    assert distance("gromov_wasserstein")(points([0.0], [1.0]), points([5.0], [8.0])).item() == pytest.approx(2)


def test_linear_discrepancy_is_the_squared_difference_of_the_means():
    student, teacher = cloud(seed=1), cloud(seed=2)
    expected = (student.mean(0) - teacher.mean(0)).square().sum()
    torch.testing.assert_close(distance("mmd", kernel="linear")(student, teacher), expected)


SWAPPED = (points([0.0, 0.0], [10.0, 0.0]), points([10.0, 0.0], [0.0, 0.0]), torch.tensor([1, 2]))


def test_marginal_transport_is_blind_to_a_label_swap():
    assert distance("wasserstein")(*SWAPPED).item() == 0


def test_class_conditional_wasserstein_sees_a_label_swap():
    assert distance("wasserstein", given="class")(*SWAPPED).item() == pytest.approx(100)


@pytest.mark.parametrize("weight", [0.1, 3, 40, 80])
def test_joint_transport_takes_the_cheaper_of_moving_and_relabelling(weight):
    raw = distance("wasserstein", given="label", label_weight=weight, relative=False)
    relative = distance("wasserstein", given="label", label_weight=weight)
    assert raw(*SWAPPED).item() == pytest.approx(min(2 * weight, 100))
    assert relative(*SWAPPED).item() == pytest.approx(min(2 * weight, 1))


@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 1000))
def test_the_assignment_is_the_linear_programme_s_optimum(count, width, seed):
    student, teacher = cloud(count, width, seed), cloud(count, width, seed + 1)
    cost = (student[:, None] - teacher[None]).square().sum(2).numpy()
    rows = [[float(i == r) for i in range(count) for _ in range(count)] for r in range(count)]
    columns = [[float(j == c) for _ in range(count) for j in range(count)] for c in range(count)]
    optimum = linprog(cost.ravel(), A_eq=rows + columns, b_eq=[1 / count] * (2 * count)).fun
    assert distance("wasserstein")(student, teacher).item() == pytest.approx(optimum, rel=1e-6)


@EVERY_MODE
def test_no_gradient_reaches_the_teacher(name, options):
    student, teacher = cloud(seed=1).requires_grad_(), cloud(seed=2).requires_grad_()
    context = {key: value.requires_grad_() for key, value in logits().items()}
    distance(name, **options)(student, teacher, LABELS, context=context).backward()
    assert teacher.grad is None
    assert context["teacher_logits"].grad is None
    assert student.grad.abs().sum() > 0


@given(st.integers(0, 200))
def test_transport_costs_no_more_than_the_given_pairs_and_gaussians_no_more_than_transport(seed):
    student, teacher = cloud(seed=seed), cloud(seed=seed + 1)
    exact = distance("wasserstein")(student, teacher).item()
    assert exact <= (student - teacher).square().sum(1).mean().item() + 1e-9
    gaussian = distance("gaussian_wasserstein", covariance="full", shrinkage=0)(student, teacher).item()
    assert gaussian <= exact + 1e-6


def test_gromov_wasserstein_does_not_see_a_rotation_a_shift_or_a_width():
    student = cloud(12, 3)
    rotation = torch.linalg.qr(cloud(3, 3, 5)).Q
    moved = torch.cat([student @ rotation + 4, torch.zeros(12, 2, dtype=torch.float64)], dim=1)
    assert distance("gromov_wasserstein")(student, moved).item() == pytest.approx(0, abs=1e-9)
    assert distance("gromov_wasserstein")(student, 2 * moved).item() > 0.1
