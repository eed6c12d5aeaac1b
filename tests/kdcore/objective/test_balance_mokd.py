"""MoKD's forms against the known answers of the closed solution, each other, and what they promise."""

import math

import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import nn

from kdcore.objective import min_norm_weights
from kdcore.objective.balance import Amortised, MinNorm, balance

KNOWN = [
    ([(1.0, 0.0), (0.0, 2.0)], [0.8, 0.2], (0.8, 0.4)),
    ([(1.0, 0.0), (-1.0, 1.0)], [0.6, 0.4], (0.2, 0.4)),
    ([(3.0, 0.0), (1.0, 0.5)], [0.0, 1.0], (1.0, 0.5)),
    ([(1.0, 0.0), (2.0, 0.0)], [1.0, 0.0], (1.0, 0.0)),
]
coordinates = st.floats(-5, 5)
vectors_of_any_number = st.lists(st.tuples(coordinates, coordinates, coordinates), min_size=1, max_size=5)


def gram(vectors):
    rows = torch.tensor(vectors, dtype=torch.float64)
    return rows @ rows.T


def combined(vectors, values=None, **options):
    """The gradient that MoKD gives for linear losses with these gradients and values, by default 1."""
    rows = torch.tensor(vectors, dtype=torch.float64)
    names = [f"group{i}" for i in range(len(rows))]
    weight = nn.Parameter(torch.zeros(rows.shape[1], dtype=torch.float64))
    groups = {name: row @ weight + value for name, row, value in zip(names, rows, values or [1.0] * 9, strict=False)}
    readings = balance("mokd", names, **options).backward(groups, [weight])
    return weight.grad, readings


@pytest.mark.parametrize(("vectors", "weights", "shortest"), KNOWN)
def test_two_gradients_have_their_known_weights_and_combination(vectors, weights, shortest):
    expected = torch.tensor(weights, dtype=torch.float64)
    torch.testing.assert_close(min_norm_weights(gram(vectors)), expected)
    gradient, readings = combined(vectors)
    torch.testing.assert_close(gradient, torch.tensor(shortest, dtype=torch.float64))
    torch.testing.assert_close(torch.stack([readings["share.group0"], readings["share.group1"]]), expected)


@pytest.mark.parametrize(("vectors", "inner"), [(KNOWN[0][0], 0.8), (KNOWN[1][0], 0.2)])
def test_between_the_gradients_their_products_with_the_combination_are_equal(vectors, inner):
    gradient, _ = combined(vectors)
    products = torch.tensor(vectors, dtype=torch.float64) @ gradient
    torch.testing.assert_close(products, torch.full((2,), inner, dtype=torch.float64))


def test_opposite_gradients_cancel():
    gradient, _ = combined([(1.0, 0.0), (-1.0, 0.0)])
    assert gradient.norm() < 1e-12


def test_both_forms_are_one_kind():
    assert isinstance(balance("mokd"), MinNorm)
    assert isinstance(balance("mokd", form="cheap"), MinNorm)
    assert isinstance(balance("mokd", form="amortised"), Amortised)


@given(vectors_of_any_number)
@example([(0.0, 0.0, 2.0), (0.0, 1.0, 0.0), (0.0, 1.0, -(2.0**-23))])
def test_the_combination_agrees_with_every_gradient_and_is_no_longer_than_any(vectors):
    rows = torch.tensor(vectors, dtype=torch.float64)
    weights = min_norm_weights(rows @ rows.T)
    shortest = weights @ rows
    slack = 1e-9 * (1 + float(rows.norm(dim=1).max()) ** 2)
    assert weights.sum().item() == pytest.approx(1)
    assert (weights >= 0).all()
    assert (rows @ shortest >= shortest @ shortest - slack).all()
    assert shortest.norm() <= rows.norm(dim=1).min() + slack


@given(st.lists(st.tuples(coordinates, coordinates), min_size=2, max_size=5))
def test_no_group_gets_worse(vectors):
    gradient, _ = combined(vectors, logarithmic=False)
    products = torch.tensor(vectors, dtype=torch.float64) @ gradient
    assert (products >= gradient @ gradient - 1e-7).all()


def test_fixed_weights_do_not_have_this_property():
    rows = torch.tensor([(10.0, 0.0), (-1.0, 1.0)])
    weight = nn.Parameter(torch.zeros(2))
    groups = {"task": rows[0] @ weight, "distill": rows[1] @ weight}
    balance("fixed", factors={"task": 0.5, "distill": 0.5}).backward(groups, [weight])
    assert rows[1] @ weight.grad == -4


@given(st.tuples(coordinates, coordinates), st.tuples(coordinates, coordinates), st.floats(0.1, 9), st.floats(0.1, 9))
def test_exchanging_two_losses_exchanges_their_weights(a, b, first, second):
    one, _ = combined([a, b], [first, second])
    other, _ = combined([b, a], [second, first])
    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9)


@given(st.tuples(coordinates, coordinates), st.tuples(coordinates, coordinates), st.floats(0.05, 20), st.floats(0.1, 9))
def test_scaling_a_loss_changes_neither_shares_nor_direction(a, b, factor, value):
    assume(all(math.hypot(*vector) > 0.1 for vector in (a, b)))
    assume(math.dist(a, [part / value for part in b]) > 0.1)  # equal gradients may share in any way
    one, shares = combined([a, b], [1.0, value])
    other, scaled = combined([a, tuple(factor * part for part in b)], [1.0, factor * value])
    torch.testing.assert_close(scaled["share.group0"], shares["share.group0"], rtol=1e-4, atol=1e-5)
    assert (one / one.norm().clamp(min=1e-9) - other / other.norm().clamp(min=1e-9)).norm() < 1e-3 or one.norm() < 1e-3


def test_the_weights_of_the_plain_gradients_sum_to_one():
    _, readings = combined([(1.0, 0.0), (0.0, 2.0)], [0.01, 30.0])
    assert (readings["weight.group0"] + readings["weight.group1"]).item() == pytest.approx(1)


@pytest.mark.parametrize(("form", "later"), [("exact", 0.4), ("amortised", 0.6)])
def test_a_loss_below_zero_is_raised_by_twice_its_lowest_value(form, later):
    """-3 is raised to 3 and -1.5 to 4.5; one form favours the smaller log-gradient, the other the smaller loss."""
    weight = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    piece = balance("mokd", form=form)
    readings = piece.backward({"task": weight[0] + 3, "distill": weight[1] - 3}, [weight])
    assert readings["weight.task"].item() == pytest.approx(0.5)
    weight.grad = None
    readings = piece.backward({"task": weight[0] + 3, "distill": weight[1] - 1.5}, [weight])
    assert readings["weight.task"].item() == pytest.approx(later)


@settings(deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=4), st.sampled_from(["exact", "amortised"]))
def test_losses_of_any_sign_give_finite_weights_that_sum_to_one(values, form):
    vectors = [tuple(float(i == j) for j in range(4)) for i in range(len(values))]
    gradient, readings = combined(vectors, values, form=form)
    weights = [value.item() for name, value in readings.items() if name.startswith("weight.")]
    assert gradient.isfinite().all()
    assert sum(weights) == pytest.approx(1)
    assert min(weights) >= 0


def test_a_matrix_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite K x K"):
        min_norm_weights(torch.tensor([[1.0, float("nan")], [0.0, 1.0]]))


def test_what_only_one_group_reaches_is_no_matter_between_them():
    shared, own = (nn.Parameter(torch.ones(1)) for _ in range(2))
    groups = {"task": shared[0] * 2, "distill": shared[0] * 3 + 1000 * own[0]}
    readings = balance("mokd", logarithmic=False).backward(groups, [shared, own])
    assert readings["weight.task"].item() == 1
    assert readings["cosine"].item() == pytest.approx(1)


def test_solving_every_third_step_holds_the_shares_in_between():
    torch.manual_seed(0)
    weight, piece, held = nn.Parameter(torch.zeros(2)), balance("mokd", every=3), []
    for step in range(6):
        weight.grad = None
        slope = torch.randn(2, 2)
        groups = {"task": slope[0] @ weight + 1 + step, "distill": slope[1] @ weight + 1}
        readings = piece.backward(groups, [weight])
        held.append(readings["share.task"].item())
        assert ("cosine" in readings) == (step % 3 == 0)
        expected = held[-1] / (1 + step) / (held[-1] / (1 + step) + 1 - held[-1])
        assert readings["weight.task"].item() == pytest.approx(expected)
    assert held[0] == held[1] == held[2] != held[3] == held[4] == held[5]


def test_two_quadratics_of_very_different_scale_end_between_their_minima():
    """The clipped exact update ends on the segment between both; fixed weights end at the large loss's minimum."""
    a, b = torch.tensor([1.0, 0.0]).double(), torch.tensor([0.0, 3.0]).double()

    def end(kind, **options):
        point = nn.Parameter(torch.zeros(2, dtype=torch.float64))
        piece = balance(kind, **options)
        for _ in range(800):
            point.grad = None
            piece.backward({"task": (point - a).square().sum(), "distill": 20 * (point - b).square().sum()}, [point])
            with torch.no_grad():
                point -= 0.02 * point.grad
        return point.detach()

    def from_segment(point):
        along = b - a
        share = ((point - a) @ along / (along @ along)).clamp(0, 1)
        return (point - a - share * along).norm().item()

    assert from_segment(end("mokd", logarithmic=False)) < 1e-6
    torch.testing.assert_close(end("fixed"), torch.tensor([1 / 21, 60 / 21]).double())


class Deep:
    """A shared layer, a feature, and a head of two losses."""

    def __init__(self):
        torch.manual_seed(1)
        self.below, self.above = nn.Linear(5, 6).double(), nn.Linear(6, 2).double()
        self.inputs = torch.randn(7, 5).double()

    def losses(self):
        feature = self.below(self.inputs)
        apart = (self.above(feature) - torch.tensor([1.0, -2.0])).square().mean(0)
        return {"task": apart[0], "distill": 5 * apart[1]}, feature


def test_the_cheap_form_solves_for_the_features_gradients():
    deep = Deep()
    losses, feature = deep.losses()
    rows = [torch.autograd.grad(loss.log(), feature, retain_graph=True)[0].flatten() for loss in losses.values()]
    expected = min_norm_weights(torch.stack(rows) @ torch.stack(rows).T)
    readings = balance("mokd", form="cheap").backward(losses, [*deep.below.parameters()], [feature])
    torch.testing.assert_close(torch.stack([readings["share.task"], readings["share.distill"]]), expected)
    losses, feature = deep.losses()
    weighed = sum(readings[f"weight.{name}"] * loss for name, loss in losses.items())
    expected = torch.autograd.grad(weighed, deep.below.weight)[0]
    torch.testing.assert_close(deep.below.weight.grad, expected)


def test_the_cheap_form_is_the_exact_one_where_the_feature_is_all_that_learns():
    exact, cheap = (nn.Parameter(torch.tensor([0.5, -1.0, 2.0]).double()) for _ in range(2))

    def losses(feature):
        return {"task": (feature - 1).square().sum(), "distill": 9 * (feature + 0.3).square().sum()}

    balance("mokd").backward(losses(exact), [exact])
    feature = cheap * 1.0
    balance("mokd", form="cheap").backward(losses(feature), [cheap], [feature])
    torch.testing.assert_close(cheap.grad, exact.grad)


def test_the_cheap_form_says_what_it_lacks():
    deep = Deep()
    losses, feature = deep.losses()
    parameters = [*deep.below.parameters()]
    with pytest.raises(ValueError, match="needs the learner's features at 'penultimate'"):
        balance("mokd", form="cheap").backward(losses, parameters)
    losses["task"] = deep.below.weight.square().sum()
    with pytest.raises(ValueError, match="loss of group 'task' does not pass 'block2'"):
        balance("mokd", form="cheap", at="block2").backward(losses, parameters, [feature])
