"""Correlations: known answers, and what must not change them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.measure.correlation import pearson, ranks, spearman

VALUES = st.lists(st.integers(-50, 50), min_size=2, max_size=30)


def test_pearson_has_the_answer_of_a_textbook():
    assert pearson(torch.tensor([1.0, 2, 3, 4, 5]), torch.tensor([2.0, 4, 5, 4, 5])) == pytest.approx(6 / 60**0.5)


def test_spearman_has_the_answer_of_a_textbook():
    iq = torch.tensor([106.0, 100, 86, 101, 99, 103, 97, 113, 112, 110])
    hours = torch.tensor([7.0, 27, 2, 50, 28, 29, 20, 12, 6, 17])
    assert spearman(iq, hours) == pytest.approx(1 - 6 * 194 / (10 * 99))


def test_equal_values_share_the_mean_of_their_ranks():
    assert ranks(torch.tensor([3.0, 1, 3, 0])).tolist() == [3.5, 2, 3.5, 1]


@given(VALUES, st.integers(0, 2**31))
def test_both_agree_with_scipy(values, seed):
    stats = pytest.importorskip("scipy.stats")
    one = torch.tensor(values, dtype=torch.float64)
    other = torch.randint(-9, 9, (len(values),), generator=torch.Generator().manual_seed(seed)).double()
    if len(set(values)) > 1 and len(set(other.tolist())) > 1:
        assert pearson(one, other) == pytest.approx(stats.pearsonr(one, other).statistic, abs=1e-9)
        assert spearman(one, other) == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-9)
    else:
        assert pearson(one, other) == spearman(one, other) == 0


@given(VALUES)
def test_spearman_sees_order_alone(values):
    one = torch.tensor(values, dtype=torch.float64)
    if len(set(values)) > 1:
        assert spearman(one, one**3) == pytest.approx(1)
        assert spearman(one, -one) == pytest.approx(-1)


def test_numbers_that_differ_in_number_are_refused():
    with pytest.raises(ValueError, match="give two or more, as many of each"):
        pearson(torch.ones(3), torch.ones(2))
