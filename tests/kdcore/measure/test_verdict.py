"""The verdict says what the figures allow, in words."""

import numpy as np
import torch

from kdcore.measure import verdict


def test_identical_predictions_make_no_difference() -> None:
    correct = np.arange(360) < 340
    found = verdict(correct, correct)
    assert found.outcome == "no difference"
    assert found.difference == 0
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]
    assert "zero is among the possible values" in found.text


def test_a_clear_gain_is_better_and_its_mirror_image_is_worse() -> None:
    student, alone = np.arange(360) < 345, np.arange(360) < 320
    better, worse = verdict(student, alone), verdict(alone, student)
    assert (better.outcome, worse.outcome) == ("better", "worse")
    assert better.difference == -worse.difference == 25 / 360
    assert "right on 95.8\u00a0% of 360 test examples" in better.text
    assert "+6.9 points" in better.text
    assert "The student trained alone is the better choice." in worse.text


def test_three_lucky_pictures_are_not_a_gain() -> None:
    student, alone = np.arange(360) < 343, np.arange(360) < 340
    assert verdict(student, alone).outcome == "no difference"


def test_the_procedure_names_counts_seed_and_p() -> None:
    found = verdict(np.arange(100) < 95, np.arange(100) < 80, seed=5)
    assert found.p_value == 2 / 2**15
    for fact in ("10,000 resamples of 100", "seed 5", "right on 15,", "p = 6.1e-05"):
        assert fact in found.procedure


def test_without_a_baseline_there_is_no_verdict_but_the_remedy() -> None:
    found = verdict(torch.tensor([True, True, False, True]), None)
    assert (found.outcome, found.difference, found.interval) == ("no baseline", None, None)
    assert "75.0\u00a0% of 4" in found.text
    assert "`baseline: true`" in found.text
