"""Intervals, paired tests, corrected p-values and the Pareto front: known answers, SciPy's, and properties."""

import math
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kdcore.spec.studies.statistics import Paired, Summary, holm, paired, pareto, summary
from kdcore.spec.studies.student_t import critical, two_sided, within

FIGURES = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))
P_VALUES = st.dictionaries(st.text(max_size=3), st.none() | st.floats(0, 1), max_size=8)


@pytest.mark.parametrize(
    ("df", "t"), [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622), (30, 2.0423), (120, 1.9799)]
)
def test_critical_values_are_those_of_the_printed_tables(df, t):
    assert critical(0.95, df) == pytest.approx(t, abs=5e-5)


@given(st.floats(-50, 50), st.integers(1, 200))
def test_p_values_are_those_of_scipy(t, df):
    assert two_sided(t, df) == pytest.approx(2 * stats.t.sf(abs(t), df), abs=1e-11)


@given(st.floats(0.01, 0.999), st.integers(1, 60))
def test_critical_values_are_those_of_scipy_and_undo_the_probability(level, df):
    assert critical(level, df) == pytest.approx(stats.t.ppf((1 + level) / 2, df), rel=1e-9)
    assert within(critical(level, df), df) == pytest.approx(level, abs=1e-13)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, math.nan])
def test_a_level_is_between_zero_and_one(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        critical(level, 4)


def test_no_degree_of_freedom_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        within(1.0, 0)


def test_five_accuracies_have_the_interval_that_one_computes_by_hand():
    found = summary([0.90, 0.91, 0.92, 0.93, 0.94])
    half = 2.7764451 * 0.0158114 / math.sqrt(5)
    assert (found.n, found.mean, found.sd) == (5, pytest.approx(0.92), pytest.approx(0.0158114, abs=1e-7))
    assert found.interval == pytest.approx((0.92 - half, 0.92 + half), abs=1e-7)


def test_one_value_has_no_spread_and_two_have_no_interval():
    assert summary([0.5]) == Summary(1, 0.5, None, None)
    assert summary([0.5, 0.7]).interval is None
    assert summary([0.5, 0.7]).sd == pytest.approx(0.1414214)


def test_equal_values_have_an_interval_of_no_width():
    assert summary([0.1] * 7) == Summary(7, pytest.approx(0.1), 0.0, pytest.approx((0.1, 0.1)))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_finite_number_is_refused(value):
    with pytest.raises(ValueError, match="only finite numbers"):
        summary([0.5, value, 0.5])
    with pytest.raises(ValueError, match="only finite numbers"):
        paired({0: 0.5, 1: value}, {0: 0.5, 1: 0.5})


def test_a_summary_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no values"):
        summary([])


def test_a_summary_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        summary([1.0]).n = 2


@given(st.lists(FIGURES, min_size=3, max_size=12))
def test_the_interval_is_that_of_scipy_and_holds_the_mean(values):
    found = summary(values)
    low, high = found.interval
    assert low <= found.mean <= high
    if found.sd:
        expected = stats.t.interval(0.95, len(values) - 1, loc=found.mean, scale=stats.sem(values))
        assert (low, high) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_paired_test_has_the_published_answer():
    """Student's own ten patients (Biometrika 6, 1908): hours of sleep gained with two drugs."""
    first = dict(enumerate([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
    second = dict(enumerate([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]))
    found = paired(first, second)
    assert (found.n, found.difference) == (10, pytest.approx(-1.58))
    assert found.p_value == pytest.approx(0.002833, abs=1e-6)
    assert found.interval == pytest.approx((-2.4598858, -0.7001142), abs=1e-6)


def test_only_seeds_that_both_have_are_paired():
    assert paired({0: 0.5, 1: 0.6, 2: 0.7, 9: 0.0}, {0: 0.4, 1: 0.5, 2: 0.6, 3: 1.0}).n == 3


def test_under_three_pairs_there_is_no_interval_and_no_p_value():
    assert paired({0: 0.75, 1: 0.5}, {0: 0.5, 1: 0.25}) == Paired(2, 0.25, None, None)
    assert paired({0: 0.75}, {1: 0.5}) == Paired(0, None, None, None)


def test_equal_differences_are_certain_and_no_difference_is_none():
    same, more = {0: 0.5, 1: 0.25, 2: 0.75}, {0: 0.75, 1: 0.5, 2: 1.0}
    assert paired(more, same) == Paired(3, 0.25, (0.25, 0.25), 0.0)
    assert paired(same, same) == Paired(3, 0.0, (0.0, 0.0), 1.0)


@given(st.lists(st.tuples(FIGURES, FIGURES), min_size=3, max_size=10))
def test_exchanged_arms_exchange_the_sign_alone(pairs):
    first, second = ({seed: pair[k] for seed, pair in enumerate(pairs)} for k in (0, 1))
    here, there = paired(first, second), paired(second, first)
    assert here.difference == -there.difference
    assert here.p_value == there.p_value
    assert here.interval == (-there.interval[1], -there.interval[0])


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=3, max_size=10))
def test_the_paired_test_is_that_of_scipy(pairs):
    first, second = ({seed: pair[k] / 1000 for seed, pair in enumerate(pairs)} for k in (0, 1))
    if len({a - b for a, b in pairs}) > 1:
        expected = stats.ttest_rel(list(first.values()), list(second.values())).pvalue
        assert paired(first, second).p_value == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(FIGURES, FIGURES), min_size=3, max_size=8))
def test_zero_lies_outside_the_interval_exactly_where_the_p_value_is_below_five_per_cent(pairs):
    first, second = ({seed: pair[k] for seed, pair in enumerate(pairs)} for k in (0, 1))
    found = paired(first, second)
    if abs(found.p_value - 0.05) > 1e-9:
        assert (found.p_value < 0.05) == (not found.interval[0] <= 0 <= found.interval[1])


def test_holm_corrects_as_in_the_textbook():
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})


def test_a_p_value_that_is_missing_stays_missing_and_does_not_count():
    assert holm({"a": None, "b": 0.02, "c": 0.5}) == {"a": None, "b": 0.04, "c": 0.5}
    assert holm({}) == {}


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_what_is_no_p_value_is_refused_by_name(p):
    with pytest.raises(ValueError, match="'slow'"):
        holm({"slow": p})


@given(P_VALUES)
def test_correction_keeps_the_order_and_never_makes_a_p_value_smaller(p_values):
    corrected = holm(p_values)
    assert list(corrected) == list(p_values)
    known = sorted((p, corrected[name]) for name, p in p_values.items() if p is not None)
    assert all(p <= found <= min(1.0, p * len(known)) for p, found in known)
    assert [found for _, found in known] == sorted(found for _, found in known)


def test_the_front_holds_what_nothing_beats_in_accuracy_and_size():
    points = {"big": (0.95, 100.0), "small": (0.90, 10.0), "worse": (0.89, 20.0), "twin": (0.90, 10.0)}
    assert pareto(points, [True, False]) == {"big", "small", "twin"}


def test_no_points_have_no_front():
    assert pareto({}, [True]) == set()


def test_points_of_another_length_and_points_that_are_no_numbers_are_refused_by_name():
    with pytest.raises(ValueError, match="'short' has 1 figures, and 2"):
        pareto({"short": (1.0,)}, [True, True])
    with pytest.raises(ValueError, match="'lost' is not a number"):
        pareto({"lost": (1.0, math.nan)}, [True, True])


@given(st.dictionaries(st.text(max_size=3), st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_what_is_off_the_front_is_dominated_by_what_is_on_it(points):
    front = pareto(points, [True, False])
    assert front
    for name, (gain, cost) in points.items():
        better = {
            n for n in front if points[n][0] >= gain and points[n][1] <= cost and points[n] != points[name]
        }  # fmt: skip
        assert (name in front) == (not better)
