"""Intervals and McNemar's test against known answers, and what they claim against simulation."""

import math

import numpy as np
import pytest

from kdcore.measure import bootstrap_interval, mcnemar, paired_difference


def outcomes(right: int, total: int) -> np.ndarray:
    return np.arange(total) < right


def paired_outcomes(only_a: int, only_b: int, both: int) -> tuple[np.ndarray, np.ndarray]:
    kind = np.repeat([0, 1, 2], [only_a, only_b, both])
    return kind != 1, kind != 0


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (1, 0, 1.0), (6, 0, 2 / 64), (10, 2, 2 * (1 + 12 + 66) / 4096)],
)
def test_mcnemar_counts_the_binomial_tail(only_a: int, only_b: int, p: float) -> None:
    assert mcnemar(only_a, only_b) == pytest.approx(p, rel=1e-12)
    assert mcnemar(only_b, only_a) == mcnemar(only_a, only_b)


def test_mcnemar_stays_finite_for_thousands_of_discordant_examples() -> None:
    p = mcnemar(3100, 2900)
    # Normal approximation with continuity correction: z = (200 - 1) / sqrt(6000).
    assert p == pytest.approx(math.erfc(199 / math.sqrt(6000) / math.sqrt(2)), rel=0.01)


def test_bootstrap_interval_holds_the_truth_about_as_often_as_it_claims() -> None:
    draw = np.random.default_rng(7)
    held = 0
    for seed in range(600):
        low, high = bootstrap_interval(draw.random(360) < 0.95, resamples=1000, seed=seed)
        held += low <= 0.95 <= high
    assert 0.93 <= held / 600 <= 0.98


def test_bootstrap_interval_is_as_wide_as_resampling_rows_by_hand() -> None:
    correct = outcomes(900, 1000)
    rows = np.random.default_rng(3).integers(0, 1000, size=(4000, 1000))
    by_hand = np.quantile(correct[rows].mean(axis=1), [0.025, 0.975])
    assert bootstrap_interval(correct) == pytest.approx(tuple(by_hand), abs=0.003)


def test_all_right_on_a_small_test_set_is_not_certainty() -> None:
    low, high = bootstrap_interval(outcomes(100, 100))
    # The exact bound is 0.025 ** (1 / 100) = 0.964.
    assert low == pytest.approx(0.964, abs=0.02)
    assert high == 1.0


def test_more_confidence_makes_a_wider_interval_and_a_seed_the_same_one() -> None:
    correct = outcomes(80, 100)
    narrow, wide = bootstrap_interval(correct, confidence=0.8), bootstrap_interval(correct, confidence=0.99)
    assert wide[0] < narrow[0] < 0.8 < narrow[1] < wide[1]
    assert bootstrap_interval(correct, seed=4) == bootstrap_interval(correct, seed=4)


def test_paired_difference_knows_who_was_right_where() -> None:
    found = paired_difference(*paired_outcomes(only_a=30, only_b=10, both=160))
    assert (found.only_a, found.only_b, found.examples) == (30, 10, 200)
    assert found.difference == pytest.approx(0.1)
    # Standard error by hand: sqrt(40 - 20**2 / 200) / 200.
    half = 1.96 * math.sqrt(40 - 2) / 200
    assert found.interval == pytest.approx((0.1 - half, 0.1 + half), abs=0.006)


def test_networks_that_fail_on_the_same_examples_are_compared_more_sharply() -> None:
    same = np.arange(400) < 300
    mostly_same, elsewhere = np.roll(same, 10), np.roll(same, 100)
    widths = [high - low for low, high in (paired_difference(same, b).interval for b in (mostly_same, elsewhere))]
    assert widths[0] < 0.5 * widths[1]


def test_equal_networks_are_told_apart_in_at_most_one_of_twenty_trials() -> None:
    draw = np.random.default_rng(11)
    false_alarms = 0
    for seed in range(600):
        kind = draw.choice(3, size=400, p=[0.03, 0.03, 0.94])
        false_alarms += paired_difference(kind != 1, kind != 0, resamples=1000, seed=seed).excludes_equality
    assert false_alarms / 600 <= 0.06


def test_outcomes_of_different_lengths_or_none_are_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="3 outcomes against 2"):
        paired_difference([True] * 3, [True] * 2)
    with pytest.raises(ValueError, match="at least one test example"):
        bootstrap_interval([])
    with pytest.raises(ValueError, match="between 0 and 1"):
        bootstrap_interval([True], confidence=95)
