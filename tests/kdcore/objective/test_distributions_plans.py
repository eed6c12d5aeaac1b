"""Transport plans: exact for any numbers of points, robust when they may leave mass behind."""

import numpy as np
import pytest
import torch
from feature_samples import cloud, points
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog

from kdcore.objective import distance
from kdcore.objective.distances import plans
from kdcore.objective.distances.memory import Sample


def optimum(cost):
    """The linear programme's, written out."""
    rows, columns = cost.shape
    leaving = np.kron(np.eye(rows), np.ones(columns))
    arriving = np.kron(np.ones(rows), np.eye(columns))
    masses = np.r_[np.full(rows, 1 / rows), np.full(columns, 1 / columns)]
    return linprog(cost.ravel(), A_eq=np.vstack([leaving, arriving]), b_eq=masses).fun


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 1000))
def test_a_plan_between_any_numbers_of_points_is_the_linear_programme_s_optimum(rows, columns, seed):
    cost = np.random.default_rng(seed).random((rows, columns))
    left, reached, masses = plans.plan_of(cost)
    left = np.arange(rows) if left is None else left
    assert (cost[left, reached] * masses).sum() == pytest.approx(optimum(cost), rel=1e-9)
    np.testing.assert_allclose(np.bincount(left, masses, rows), 1 / rows)
    np.testing.assert_allclose(np.bincount(reached, masses, columns), 1 / columns)


@pytest.mark.parametrize(("rows", "columns"), [(13, 14), (8, 24), (6, 25)])
def test_both_ways_to_an_unequal_plan_agree(rows, columns):
    cost = np.random.default_rng(0).random((rows, columns))
    left, reached, masses = plans.programme(cost)
    copied = plans.assignment(np.repeat(np.repeat(cost, columns, 0), rows, 1))
    by_copies = cost[np.arange(rows * columns) // columns, copied // rows].mean()
    assert (cost[left, reached] * masses).sum() == pytest.approx(by_copies, rel=1e-9)


@given(st.integers(1, 40), st.integers(0, 1000), st.sampled_from([1e-6, 1.0, 1e6]))
def test_reducing_the_cost_leaves_the_optimal_assignment(count, seed, unit):
    cost = unit * np.random.default_rng(seed).random((count, count))
    expected = cost[linear_sum_assignment(cost)].mean()
    assert cost[np.arange(count), plans.assignment(cost)].mean() == pytest.approx(expected, rel=1e-9)


@given(st.integers(2, 40), st.integers(0, 200), st.sampled_from([0.0, 100.0, 1e4]))
def test_the_value_in_float32_is_that_of_float64_wherever_the_features_lie(count, seed, offset):
    student, teacher = cloud(count, 16, seed), cloud(count, 16, seed + 1)
    student, teacher = ((rows + offset).float() for rows in (student, teacher))
    exact = distance("wasserstein")(student.double(), teacher.double()).item()
    assert distance("wasserstein")(student, teacher).item() == pytest.approx(exact, rel=1e-5)


def test_the_value_of_close_points_does_not_drown_in_their_norms():
    student = cloud(32, 16).float() + 1000
    assert distance("wasserstein")(student, student).item() == 0
    assert distance("sinkhorn")(student, student).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("sizes", [(3, 5), (4, 8), (7, 7)])
def test_sliced_transport_of_unequal_numbers_is_that_of_copies(sizes):
    first, second = cloud(sizes[0], 2, 1), cloud(sizes[1], 2, 2)
    piece = distance("sliced_wasserstein")
    unequal = piece.between(Sample(first), Sample(second))
    copies = piece(first.repeat_interleave(sizes[1], 0), second.repeat_interleave(sizes[0], 0))
    torch.testing.assert_close(unequal, copies)


def test_gromov_wasserstein_finds_a_rotated_and_shuffled_copy():
    student = cloud(20, 3)
    moved = (student @ torch.linalg.qr(cloud(3, 3, 5)).Q + 4)[torch.randperm(20, generator=torch.Generator())]
    for metric in ("euclidean", "squared", "diffusion"):
        assert distance("gromov_wasserstein", metric=metric)(student, moved).item() == pytest.approx(0, abs=1e-9)


def test_gromov_wasserstein_does_not_depend_on_the_order_of_either_side():
    student, teacher = cloud(15, 3, 1), cloud(15, 6, 2)
    order = torch.randperm(15, generator=torch.Generator().manual_seed(0))
    piece = distance("gromov_wasserstein")
    first = piece(student, teacher).item()
    assert piece(student, teacher[order]).item() == pytest.approx(first, rel=1e-9)
    assert piece(student[order], teacher).item() == pytest.approx(first, rel=1e-9)


def far(distance_away):
    """Two like samples of 32 points, and the student's first moved away."""
    student, teacher = cloud(32, 4, 1), cloud(32, 4, 2)
    student[0] += distance_away
    return student, teacher


def test_unbalanced_transport_is_zero_at_equality_and_symmetric():
    piece, (student, teacher) = distance("sinkhorn", relax=1, iterations=1000), far(0)
    assert piece(student, student).item() == pytest.approx(0, abs=1e-9)
    assert piece(student, teacher).item() == pytest.approx(piece(teacher, student).item(), rel=1e-6)
    assert piece(student, teacher).item() > 0


def test_one_outlier_moves_the_balanced_distance_without_limit_and_the_unbalanced_one_by_its_share():
    balanced, relaxed = distance("sinkhorn"), distance("sinkhorn", relax=1)
    near, away, further = far(0), far(100), far(1000)
    assert balanced(*away).item() > 100 * balanced(*near).item()
    assert balanced(*further).item() > 50 * balanced(*away).item()
    # An outlier costs at most its mass on both sides times ``relax``, in units of the median cost of about 8.
    assert abs(relaxed(*away).item() - relaxed(*near).item()) < 2 * 8 / 32 * 1.5
    assert relaxed(*further).item() == pytest.approx(relaxed(*away).item(), rel=1e-2)


def test_the_outlier_gets_no_gradient_where_it_may_be_left_behind():
    student, teacher = far(1000)
    pulls = {}
    for relax in (None, 1):
        rows = student.clone().requires_grad_()
        distance("sinkhorn", relax=relax)(rows, teacher).backward()
        pulls[relax] = rows.grad.norm(dim=1)
    assert pulls[None][0] > 100 * pulls[None][1:].max()
    assert pulls[1][0] < pulls[1][1:].max()


def test_the_weaker_the_relaxation_the_nearer_to_the_balanced_distance():
    student, teacher = far(1)
    smooth = {"epsilon": 0.5, "iterations": 1000}
    balanced = distance("sinkhorn", **smooth)(student, teacher).item()
    relaxed = [distance("sinkhorn", relax=relax, **smooth)(student, teacher).item() for relax in (1, 10, 100, 1000)]
    gaps = [abs(loss - balanced) for loss in relaxed]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-2 * balanced


def test_relaxed_transport_of_two_points_has_its_closed_form():
    # One point each, at cost C: min over the mass m of m C + ε KL(m | 1) + 2 ρ KL(m | 1) has m = exp(-C / (ε + 2 ρ)).
    cost, epsilon, relax = 4.0, 0.5, 3.0
    total = epsilon + 2 * relax
    mass = np.exp(-cost / total)
    expected = mass * cost + total * (mass * np.log(mass) - mass + 1)
    piece = distance("sinkhorn", relative=False, epsilon=epsilon, relax=relax, iterations=1000)
    assert piece(points([0.0]), points([2.0])).item() == pytest.approx(expected)


def test_full_bures_distance_of_fewer_rows_than_dimensions_is_that_of_the_matrices():
    student, teacher = cloud(5, 9, 1).requires_grad_(), cloud(5, 9, 2)
    by_rows = distance("gaussian_wasserstein", covariance="full")
    by_matrix = distance("gaussian_wasserstein", covariance="full", shrinkage=1e-9)
    torch.testing.assert_close(by_rows(student, teacher), by_matrix(student, teacher), rtol=1e-4, atol=0)
    gradients = [torch.autograd.grad(piece(student, teacher), student)[0] for piece in (by_rows, by_matrix)]
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-3)
    assert torch.autograd.gradcheck(lambda rows: by_rows(rows, teacher), student, fast_mode=True)
