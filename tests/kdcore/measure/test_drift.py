"""Drift is counted in units of chance: known answers, and what the unit must not depend on."""

import pytest
import torch

from kdcore.measure.drift import drift


def cloud(rows, width=8, seed=0, at=0.0, spread=1.0):
    """Rows of a Gaussian."""
    return at + spread * torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def ratios(reference, given):
    return drift(reference, given, permutations=20)["ratio"]


@pytest.mark.parametrize("width", [2, 64])
@pytest.mark.parametrize("count", [40, 400])
def test_a_fresh_sample_of_the_same_cloud_is_about_as_far_as_chance_whatever_its_size_and_width(width, count):
    for distance, ratio in ratios(cloud(800, width), cloud(count, width, seed=1)).items():
        assert ratio < 1.5, distance


@pytest.mark.parametrize("distance", ["w2", "mmd"])
def test_the_ratio_grows_with_the_shift(distance):
    reference = cloud(600)
    near, far, farther = (ratios(reference, cloud(300, seed=1, at=at))[distance] for at in (0.0, 0.3, 1.0))
    assert near < 1.5 < far < farther


def test_a_shift_of_every_dimension_by_its_deviation_is_that_many_squares_away():
    reference = cloud(500)
    found = drift(reference, reference + reference.std(0, correction=0), permutations=20)
    assert found["distances"]["w2"] == pytest.approx(8, rel=1e-6)
    assert found["ratio"]["w2"] == pytest.approx(8 / found["floor"]["w2"])


def test_another_spread_is_seen_though_the_means_are_alike():
    assert ratios(cloud(600), cloud(300, seed=1, spread=2.0))["w2"] > 5


def test_the_unit_of_the_features_does_not_matter():
    reference, given = cloud(300), cloud(150, seed=1, at=0.5)
    plain, scaled = ratios(reference, given), ratios(1000 * reference, 1000 * given)
    assert scaled == pytest.approx(plain)


def test_the_same_seed_gives_the_same_figures():
    reference, given = cloud(200), cloud(100, seed=1)
    assert drift(reference, given, seed=3) == drift(reference, given, seed=3)


def test_too_few_examples_are_refused_by_name():
    with pytest.raises(ValueError, match="at least 4 examples"):
        drift(cloud(100), cloud(3))
