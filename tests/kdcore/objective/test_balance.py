"""Known answers of the min-norm weights (MoKD, MGDA) and the fixed balance."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.objective import min_norm_weights
from kdcore.objective.balance import CLASSES, balance
from kdcore.spec.rooms import BALANCES

KNOWN = [
    ([(1, 0), (0, 2)], [0.8, 0.2]),
    ([(1, 0), (-1, 1)], [0.6, 0.4]),
    ([(3, 0), (1, 0.5)], [0.0, 1.0]),
    ([(1, 0), (2, 0)], [1.0, 0.0]),
]


def gram(vectors):
    rows = torch.tensor(vectors, dtype=torch.float64)
    return rows @ rows.T


def test_the_engine_has_exactly_the_balances_that_specs_may_name():
    assert set(CLASSES) == set(BALANCES)


@pytest.mark.parametrize(("vectors", "expected"), KNOWN)
def test_two_gradients_have_their_known_weights(vectors, expected):
    torch.testing.assert_close(min_norm_weights(gram(vectors)), torch.tensor(expected, dtype=torch.float64))


def test_opposite_gradients_cancel():
    vectors = [(1.0, 0.0), (-1.0, 0.0)]
    weights = min_norm_weights(gram(vectors))
    assert (weights @ torch.tensor(vectors, dtype=torch.float64)).norm() < 1e-12


coordinates = st.floats(-5, 5)


@given(st.lists(st.tuples(coordinates, coordinates, coordinates), min_size=2, max_size=5))
def test_the_combination_agrees_with_every_gradient_and_is_no_longer_than_any(vectors):
    rows = torch.tensor(vectors, dtype=torch.float64)
    weights = min_norm_weights(rows @ rows.T)
    shortest = weights @ rows
    slack = 1e-9 * (1 + float(rows.norm(dim=1).max()) ** 2)
    assert weights.sum().item() == pytest.approx(1)
    assert (weights >= 0).all()
    assert (rows @ shortest >= shortest @ shortest - slack).all()
    assert shortest.norm() <= rows.norm(dim=1).min() + slack


@given(st.tuples(coordinates, coordinates), st.tuples(coordinates, coordinates))
def test_exchanging_two_losses_exchanges_their_weights(a, b):
    first, second = torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    one, other = min_norm_weights(gram([a, b])), min_norm_weights(gram([b, a]))
    torch.testing.assert_close(one @ torch.stack([first, second]), other @ torch.stack([second, first]))


def test_fixed_weights_do_not_have_this_property():
    conflict = torch.tensor([(10.0, 0.0), (-1.0, 1.0)])
    assert conflict[1] @ conflict.mean(0) == -4


def test_a_matrix_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite K x K"):
        min_norm_weights(torch.tensor([[1.0, float("nan")], [0.0, 1.0]]))


def test_fixed_factors_scale_each_group_s_gradient():
    weight = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    groups = {"task": weight[0] * 3, "distill": weight[1] * 5}
    balance("fixed", task=2.0, distill=0.5).backward(groups, [weight])
    torch.testing.assert_close(weight.grad, torch.tensor([6.0, 2.5]))


def gradients_of(kind, vectors, **options):
    """The gradient that a balance gives for linear losses of value 1 with these gradients."""
    rows = torch.tensor(vectors, dtype=torch.float64)
    weight = torch.nn.Parameter(torch.zeros(rows.shape[1], dtype=torch.float64))
    groups = {f"group{i}": row @ weight + 1 for i, row in enumerate(rows)}
    readings = balance(kind, **options).backward(groups, [weight])
    return weight.grad, readings


@pytest.mark.parametrize(
    ("vectors", "expected"), [([(1.0, 0.0), (0.0, 2.0)], (0.8, 0.4)), ([(1.0, 0.0), (-1.0, 1.0)], (0.2, 0.4))]
)
def test_the_min_norm_balance_gives_the_known_combined_gradient(vectors, expected):
    gradient, _ = gradients_of("min_norm", vectors)
    torch.testing.assert_close(gradient, torch.tensor(expected, dtype=torch.float64))


@given(st.tuples(coordinates, coordinates), st.tuples(coordinates, coordinates))
def test_the_min_norm_gradient_makes_no_group_worse(a, b):
    gradient, _ = gradients_of("min_norm", [a, b], logarithmic=False)
    assert gradient @ torch.tensor(a, dtype=torch.float64) >= -1e-9
    assert gradient @ torch.tensor(b, dtype=torch.float64) >= -1e-9


def test_scaling_a_loss_does_not_change_the_direction_of_the_logarithmic_form():
    weight = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))

    def direction(factor):
        groups = {"task": weight[0] + 1, "distill": factor * (weight[1] - 0.5 * weight[0] + 2)}
        balance("min_norm").backward(groups, [weight])
        return weight.grad / weight.grad.norm()

    torch.testing.assert_close(direction(1.0), direction(37.0))


def test_gradient_surgery_removes_what_points_against_the_other():
    gradient, readings = gradients_of("pcgrad", [(1.0, 0.0), (-1.0, 1.0)])
    torch.testing.assert_close(gradient, torch.tensor([0.5, 0.5], dtype=torch.float64) + torch.tensor([0.0, 1.0]))
    assert readings["cosine"].item() == pytest.approx(-(0.5**0.5))


def test_gradient_surgery_leaves_gradients_alone_that_agree():
    gradient, _ = gradients_of("pcgrad", [(1.0, 0.0), (1.0, 1.0)])
    torch.testing.assert_close(gradient, torch.tensor([2.0, 1.0], dtype=torch.float64))


def test_conflict_and_dominance_are_recorded():
    _, readings = gradients_of("min_norm", [(1.0, 0.0), (-3.0, 0.0)])
    assert readings["cosine"].item() == pytest.approx(-1)
    assert readings["norm_ratio.group1_to_group0"].item() == pytest.approx(3)


def test_with_one_group_a_gradient_balance_passes_through():
    gradient, _ = gradients_of("min_norm", [(2.0, 1.0)])
    torch.testing.assert_close(gradient, torch.tensor([2.0, 1.0], dtype=torch.float64))


def test_parameters_that_only_one_group_reaches_keep_its_gradient():
    shared, own = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    groups = {"task": shared[0] * 2, "distill": shared[0] + own[0]}
    balance("min_norm", logarithmic=False).backward(groups, [shared, own])
    assert own.grad.abs().item() > 0


def test_two_quadratics_of_very_different_scale_end_between_their_minima():
    """The clipped exact update ends on the segment between both; fixed weights end at the large loss's minimum."""
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 3.0])

    def end(kind, **options):
        point = torch.nn.Parameter(torch.zeros(2))
        piece = balance(kind, **options)
        for _ in range(2000):
            point.grad = None
            piece.backward({"task": (point - a).square().sum(), "distill": 20 * (point - b).square().sum()}, [point])
            with torch.no_grad():
                point -= 0.01 * point.grad
        return point.detach()

    def from_segment(point):
        along = b - a
        share = ((point - a) @ along / (along @ along)).clamp(0, 1)
        return (point - a - share * along).norm().item()

    assert from_segment(end("min_norm", logarithmic=False)) < 1e-3
    assert (end("fixed") - b).norm() < 0.2
