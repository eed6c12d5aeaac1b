"""Gradient surgery, conflict aversion, alignment, gradient norms and the two momenta."""

import itertools

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from kdcore.objective.balance import DOT, balance, min_norm_weights

coordinates = st.floats(-5, 5).map(lambda number: round(number, 3))
triples = st.lists(st.tuples(coordinates, coordinates, coordinates), min_size=2, max_size=4)


def gradient_of(kind, vectors, **options):
    """The gradient that a balance gives for linear losses of value 1 with these gradients, and its readings."""
    rows = torch.tensor(vectors, dtype=torch.float64)
    names = [f"group{i}" for i in range(len(rows))]
    weight = nn.Parameter(torch.zeros(rows.shape[1], dtype=torch.float64))
    readings = balance(kind, names, **options).backward(
        {name: row @ weight + 1 for name, row in zip(names, rows, strict=True)}, [weight]
    )
    return weight.grad, readings


def close(gradient, expected, **tolerances):
    torch.testing.assert_close(gradient, torch.as_tensor(expected, dtype=torch.float64), **tolerances)


def test_gradient_surgery_removes_what_points_against_the_other():
    gradient, readings = gradient_of("pcgrad", [(1.0, 0.0), (-1.0, 1.0)])
    close(gradient, (0.5 + 0.0, 0.5 + 1.0))
    assert readings["cosine"].item() == pytest.approx(-(0.5**0.5))


def test_gradient_surgery_leaves_gradients_alone_that_agree():
    close(gradient_of("pcgrad", [(1.0, 0.0), (1.0, 1.0)])[0], (2.0, 1.0))


@given(triples)
def test_gradient_surgery_on_the_gram_matrix_is_that_on_the_gradients(vectors):
    rows = torch.tensor(vectors, dtype=torch.float64)
    assume(rows.norm(dim=1).min() > 0.1)
    changed = rows.clone()
    for i, j in itertools.permutations(range(len(rows)), 2):
        product = changed[i] @ rows[j]
        if product < 0:
            changed[i] -= product / (rows[j] @ rows[j]) * rows[j]
    close(gradient_of("pcgrad", vectors)[0], changed.sum(0), rtol=1e-6, atol=1e-6)


def test_conflict_aversion_without_room_is_the_mean():
    close(gradient_of("cagrad", [(3.0, 0.0), (-1.0, 2.0)], c=0.0)[0], (1.0, 1.0))


def test_equal_gradients_grow_by_the_room_that_conflict_aversion_has():
    close(gradient_of("cagrad", [(2.0, 0.0), (2.0, 0.0)], c=0.5)[0], (3.0, 0.0))


def test_conflict_aversion_turns_towards_the_worst_off():
    """g0 = (0, 1) has a product of -1 with (2, ...) turned away; its circle is left for the smaller one's side."""
    gradient, _ = gradient_of("cagrad", [(4.0, 1.0), (-4.0, 1.0)], c=0.5)
    close(gradient, (0.0, 1.5))


@settings(deadline=None, max_examples=60)
@given(triples, st.floats(0.1, 0.9))
def test_no_direction_within_reach_helps_the_worst_off_more_than_conflict_aversion(vectors, c):
    rows = torch.tensor(vectors, dtype=torch.float64)
    mean = rows.mean(0)
    assume((min_norm_weights(rows @ rows.T) @ rows).norm() > 0.05)  # else no direction helps all
    gradient, _ = gradient_of("cagrad", vectors, c=c)
    reach = c * mean.norm()
    slack = 1e-5 * (1 + rows.norm() ** 2)
    assert (gradient - mean).norm() <= reach + slack
    found = (rows @ gradient).min()
    torch.manual_seed(0)
    ways = nn.functional.normalize(torch.randn(500, 3).double(), dim=1) * reach
    assert found >= (rows @ (mean + ways).T).min(0).values.max() - slack


@settings(deadline=None, max_examples=60)
@given(triples, st.floats(0, 2))
def test_conflict_aversion_has_no_gap_between_the_problem_and_its_dual(vectors, c):
    """The worst product equals the dual's value where the dual's combination is not zero."""
    rows = torch.tensor(vectors, dtype=torch.float64)
    assume(rows.mean(0).norm() > 0.05)
    gradient, _ = gradient_of("cagrad", vectors, c=c)
    mean, reach = rows.mean(0), c * rows.mean(0).norm()
    corners = torch.eye(len(rows), dtype=torch.float64)
    grid = torch.cat([corners, torch.distributions.Dirichlet(torch.ones(len(rows)).double()).sample((2000,))])
    dual = (grid @ rows @ mean + reach * (grid @ rows).norm(dim=1)).min()
    assert (rows @ gradient).min() <= dual + 1e-6 * (1 + rows.norm() ** 2)


def test_orthogonal_gradients_are_brought_to_the_shorter_one_s_length():
    close(gradient_of("aligned_mtl", [(3.0, 0.0), (0.0, 1.0)])[0], (1.0, 1.0))


def test_equal_gradients_stay_as_they_are_when_aligned():
    close(gradient_of("aligned_mtl", [(2.0, 1.0), (2.0, 1.0)])[0], (4.0, 2.0))


@settings(deadline=None)
@given(triples)
def test_aligned_gradients_are_orthogonal_and_equally_long(vectors):
    """Recovered one by one: the balance's sum is that of the nearest scaled rotation of the gradients."""
    rows = torch.tensor(vectors, dtype=torch.float64)
    left, spectrum, right = torch.linalg.svd(rows, full_matrices=False)
    assume(spectrum[-1] > 0.05 or len(rows) > 3)
    there = spectrum > 0.05
    assume(((spectrum > 0.05) | (spectrum < 1e-12)).all() and there.any())
    nearest = spectrum[there].min() * left[:, there] @ right[there]
    close(gradient_of("aligned_mtl", vectors)[0], nearest.sum(0), rtol=1e-4, atol=1e-4)


def test_no_gradient_at_all_is_left_alone():
    for kind in ("pcgrad", "cagrad", "aligned_mtl", "gradnorm", "mokd"):
        close(gradient_of(kind, [(0.0, 0.0), (0.0, 0.0)])[0], (0.0, 0.0))


@settings(deadline=None)
@given(triples, st.sampled_from(["pcgrad", "cagrad", "aligned_mtl"]))
def test_the_order_of_two_groups_does_not_matter(vectors, kind):
    first, second = vectors[:2]
    rows = torch.tensor([first, second], dtype=torch.float64)
    assume(torch.linalg.svdvals(rows)[-1] > 0.05 and rows.mean(0).norm() > 0.05)
    close(gradient_of(kind, [first, second])[0], gradient_of(kind, [second, first])[0], rtol=1e-5, atol=1e-5)


def steps_of(kind, count, losses, **options):
    point = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    piece = balance(kind, **options)
    readings = {}
    for _ in range(count):
        point.grad = None
        readings = piece.backward(losses(point), [point])
    return piece, readings


def test_gradient_norms_become_equal_when_all_losses_fall_at_one_rate():
    """Norms 4 and 1 with factors that sum to two: 0.4 and 1.6."""
    _, readings = steps_of(
        "gradnorm", 600, lambda point: {"task": 4 * point[0] + 1, "distill": point[1] + 1}, learning_rate=0.005
    )
    assert readings["weight.task"].item() == pytest.approx(0.4, abs=0.02)
    assert readings["weight.distill"].item() == pytest.approx(1.6, abs=0.02)


def test_the_group_that_lags_behind_gets_the_larger_norm():
    """After the first step the task's loss is at half of its first value, the teacher's where it was."""
    calls = itertools.count()

    def losses(point):
        return {"task": point[0] + (1.0 if next(calls) == 0 else 0.5), "distill": point[1] + 1}

    _, readings = steps_of("gradnorm", 400, losses, learning_rate=0.005, alpha=1.0)
    assert readings["weight.distill"].item() / readings["weight.task"].item() == pytest.approx(2, rel=0.1)


def test_the_factors_of_gradnorm_always_sum_to_the_number_of_groups():
    piece, _ = steps_of(
        "gradnorm", 50, lambda point: {"task": 100 * point[0] + 1, "distill": point[1] + 5}, learning_rate=0.5
    )
    assert piece.factors.sum().item() == pytest.approx(2)
    assert (piece.factors > 0).all()


def run_dot(steps, **options):
    """Constant gradients (1, 0) of the task and (0, 1) of the teacher; the gradient after each step."""
    piece, weight, found = balance("dot", **options), nn.Parameter(torch.zeros(2)), []
    for _ in range(steps):
        weight.grad = None
        piece.backward({"task": weight[0], "distill": weight[1]}, [weight])
        found.append(weight.grad)
    return piece, found


def test_task_and_teacher_gather_speed_at_their_own_rates():
    _, found = run_dot(3)
    slow, fast = 0.9 - 0.075, 0.9 + 0.075
    torch.testing.assert_close(found[2], torch.tensor([1 + slow + slow**2, 1 + fast + fast**2]))


def test_without_a_difference_the_two_momenta_are_sgd_s_own():
    torch.manual_seed(0)
    start = torch.randn(4)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    piece, plain = balance("dot", delta=0.0), torch.optim.SGD([ours], lr=0.05)
    reference = torch.optim.SGD([theirs], lr=0.05, momentum=0.9)

    def losses(point):
        return {"task": (point - 1).square().sum(), "distill": (point + 2).square().sum()}

    for _ in range(20):
        plain.zero_grad()
        piece.backward(losses(ours), [ours])
        plain.step()
        reference.zero_grad()
        sum(losses(theirs).values()).backward()
        reference.step()
    torch.testing.assert_close(ours, theirs)


def test_the_two_momenta_take_the_optimiser_s_place():
    assert DOT.owns_momentum
    assert not any(type(balance(kind)).owns_momentum for kind in ("fixed", "mokd", "pcgrad"))


def test_clipping_the_gradient_does_not_reach_the_velocities():
    piece, weight = balance("dot"), nn.Parameter(torch.zeros(2))
    piece.backward({"task": weight[0], "distill": weight[1]}, [weight])
    weight.grad.zero_()
    piece.backward({"task": weight[0], "distill": weight[1]}, [weight])
    torch.testing.assert_close(weight.grad, torch.tensor([1 + 0.825, 1 + 0.975]))
