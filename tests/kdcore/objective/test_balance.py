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
    scale = float(rows.norm(dim=1).max()) ** 2
    assert weights.sum().item() == pytest.approx(1)
    assert (weights >= 0).all()
    assert (rows @ shortest >= shortest @ shortest - 0.02 * scale - 1e-9).all()
    assert shortest.norm() <= rows.norm(dim=1).min() + 0.02 * scale**0.5 + 1e-9


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
