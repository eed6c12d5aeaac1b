"""Times of samples: rates, gaps and values in between."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdcore.bring.series.times import Rate, grid, held, interpolated, pieces, same, seconds, usual_step


def read(cells, unit="s"):
    faults = []
    return seconds(cells, unit, lambda row, code, message: faults.append((row, code))), faults


@pytest.mark.parametrize(
    ("cells", "unit", "expected"),
    [
        (["0", "0.5"], "s", [0, 0.5]),
        ([1500, 2500], "ms", [1.5, 2.5]),
        ([1, 2], "h", [3600, 7200]),
        (["1970-01-01 00:00:01", "1970-01-01T00:00:01.250"], "s", [1, 1.25]),
        (["1970-01-01T01:00:00+01:00", "1970-01-01T00:00:02Z"], "s", [0, 2]),
        (["1e-3", "2e-3"], "s", [0.001, 0.002]),
    ],
)
def test_numbers_and_dates_are_seconds(cells, unit, expected):
    found, faults = read(cells, unit)
    assert not faults
    assert found.tolist() == pytest.approx(expected)


def test_what_is_no_time_is_a_fault():
    assert read(["1970-01-01", "soon", ""])[1] == [(1, "no_time"), (2, "no_time")]
    assert read(["1", "soon", ""])[1] == [(2, "no_time"), (1, "no_number")]


def test_a_rate_is_the_usual_step_and_how_often_it_is_missed():
    rate = Rate.of(np.array([0, 1, 2, 3, 5, 6, 7.2]))
    assert (rate.step, rate.steps, rate.uneven) == (1, 6, 1)
    assert Rate.of(np.array([1.0])) is None
    assert Rate.of(np.arange(5.0)).is_even


def test_the_usual_rate_is_that_of_most_runs():
    rates = [Rate(step, 10, 0) for step in (1.0, 1.002, 0.5, 1.001, 2.0)]
    assert usual_step(rates) == pytest.approx(1.001)
    assert same(1, 1.009)
    assert not same(1, 1.02)


@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=30), st.floats(0.5, 40))
def test_pieces_hold_every_sample_once_and_no_gap(steps, gap):
    times = np.concatenate([[0], np.cumsum(steps)])
    found = pieces(times, gap)
    assert [place for first, last in found for place in range(first, last)] == list(range(len(times)))
    for first, last in found:
        assert (np.diff(times[first:last]) <= gap).all()
    for (_, last), (first, _) in pairwise(found):
        assert times[first] - times[last - 1] > gap


@given(st.lists(st.floats(0.1, 3), min_size=1, max_size=30), st.floats(0.5, 8), st.floats(-3, 3), st.floats(-3, 3))
def test_a_straight_line_stays_one_at_any_rate(steps, hertz, slope, offset):
    times = np.concatenate([[0], np.cumsum(steps)])
    wanted = grid(times, hertz)
    assert wanted[0] == 0
    assert wanted[-1] <= times[-1] + 1e-5
    assert wanted[-1] + 1 / hertz > times[-1] - 1e-5
    found = interpolated(times, (slope * times + offset)[:, None], np.minimum(wanted, times[-1]))
    assert np.allclose(found[:, 0], slope * wanted + offset, atol=1e-4)


def test_labels_keep_their_value_until_the_next_one():
    times, labels = np.array([0, 1, 4.0]), np.array([[1], [2], [3.0]])
    assert held(times, labels, np.array([0, 0.9, 1, 2, 3.9, 4]))[:, 0].tolist() == [1, 1, 2, 2, 2, 3]
