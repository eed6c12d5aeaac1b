"""KD2M's distances between feature distributions: known answers, invariances, and what conditioning sees."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from kdcore.objective import distance
from kdcore.spec.rooms.distributions import DISTRIBUTIONS

EQUAL_WIDTHS = sorted(DISTRIBUTIONS)


def points(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def cloud(count=24, width=5, seed=0, dtype=torch.float64):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=dtype)


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


@pytest.mark.parametrize("name", EQUAL_WIDTHS)
def test_a_batch_is_at_no_distance_from_itself(name):
    student = cloud().requires_grad_()
    loss = distance(name)(student, student.detach().clone())
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert student.grad.isfinite().all()


@pytest.mark.parametrize("name", EQUAL_WIDTHS)
def test_the_order_of_the_teacher_s_batch_does_not_matter(name):
    student, teacher = cloud(seed=1), cloud(seed=2)
    shuffled = teacher[torch.randperm(24, generator=torch.Generator().manual_seed(3))]
    tolerance = 1e-1 if name == "gromov_wasserstein" else 1e-6  # a local minimum of a problem that is not convex
    first, second = distance(name)(student, teacher).item(), distance(name)(student, shuffled).item()
    assert first == pytest.approx(second, rel=tolerance)


@pytest.mark.parametrize("name", [n for n in EQUAL_WIDTHS if n != "gaussian_kl"])
def test_exchanging_student_and_teacher_changes_nothing(name):
    student, teacher = cloud(seed=1), cloud(seed=2)
    tolerance = 1e-1 if name == "gromov_wasserstein" else 1e-6
    assert distance(name)(student, teacher).item() == pytest.approx(
        distance(name)(teacher, student).item(), rel=tolerance
    )


@pytest.mark.parametrize("name", EQUAL_WIDTHS)
def test_the_gradient_is_the_finite_difference(name):
    # What follows the batch without gradient (the kernel's width, a relative epsilon) would move in a difference.
    fixed = {"sinkhorn": {"iterations": 500, "relative": False, "epsilon": 0.5}, "mmd": {"kernel": "linear"}}
    options = fixed.get(name, {})
    student, teacher = cloud(7, 3, 1).requires_grad_(), cloud(7, 3, 2)
    piece = distance(name, **options)
    assert torch.autograd.gradcheck(lambda s: piece(s, teacher), student, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("name", EQUAL_WIDTHS)
def test_no_gradient_reaches_the_teacher(name):
    student, teacher = cloud(seed=1).requires_grad_(), cloud(seed=2).requires_grad_()
    distance(name)(student, teacher).backward()
    assert teacher.grad is None
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


CONDITIONAL = [("wasserstein", {"given": "class"}), ("gaussian_wasserstein", {"conditional": True})]
CONDITIONAL += [(n, {"conditional": True}) for n in ("gaussian_kl", "mmd", "coral")]


@pytest.mark.parametrize(("name", "options"), CONDITIONAL)
def test_conditional_distances_need_labels_and_survive_a_class_of_one_and_a_batch_of_duplicates(name, options):
    piece = distance(name, **options)
    student = cloud(6, 3, 1).requires_grad_()
    with pytest.raises(ValueError, match="needs target"):
        piece(student, cloud(6, 3, 2))
    for target in (torch.tensor([0, 0, 0, 0, 0, 1]), torch.arange(6)):
        loss = piece(student, cloud(6, 3, 2), target)
        loss.backward()
        assert math.isfinite(loss.item())
        assert student.grad.isfinite().all()
    same = torch.ones(6, 3, dtype=torch.float64, requires_grad=True)
    loss = piece(same, torch.ones(6, 3, dtype=torch.float64), torch.zeros(6, dtype=torch.long))
    loss.backward()
    assert math.isfinite(loss.item())
    assert same.grad.isfinite().all()


@pytest.mark.parametrize("name", EQUAL_WIDTHS)
@pytest.mark.parametrize("count", [1, 2])
def test_the_smallest_batches_give_a_finite_loss_and_gradient(name, count):
    student = cloud(count, 4, 1).requires_grad_()
    loss = distance(name)(student, cloud(count, 4, 2))
    loss.backward()
    assert loss.isfinite()
    assert student.grad.isfinite().all()


@pytest.mark.parametrize("name", EQUAL_WIDTHS)
def test_half_precision_is_measured_in_float32(name):
    student, teacher = cloud(seed=1).to(torch.bfloat16), cloud(seed=2).to(torch.bfloat16)
    loss = distance(name)(student, teacher)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, distance(name)(student.float(), teacher.float()))
