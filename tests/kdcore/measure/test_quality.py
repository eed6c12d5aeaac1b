"""Accuracy, calibration and closeness to the teacher against figures worked out by hand."""

import math

import pytest
import torch
from torch import Tensor

from kdcore.measure import accuracy, agreement, calibration_error, divergence, gap_closed


def logits_of(probabilities: list[list[float]]) -> Tensor:
    return torch.tensor(probabilities).log()


def test_calibration_error_by_hand() -> None:
    # Two confidences of 0.8 with one right, two of 0.6 with both right: (0.5 * 0.3) + (0.5 * 0.4).
    logits = logits_of([[0.8, 0.2], [0.8, 0.2], [0.6, 0.4], [0.6, 0.4]])
    labels = torch.tensor([0, 1, 0, 0])
    assert calibration_error(logits, labels) == pytest.approx(0.5 * 0.3 + 0.5 * 0.4, abs=1e-6)
    # In one bin only the means count: mean confidence 0.7, accuracy 0.75.
    assert calibration_error(logits, labels, bins=1) == pytest.approx(0.05, abs=1e-6)


def test_certain_and_right_is_perfectly_calibrated() -> None:
    logits = 1000 * torch.eye(3)
    assert calibration_error(logits, torch.arange(3)) == pytest.approx(0, abs=1e-12)


def test_divergence_by_hand_and_zero_for_the_teacher_itself() -> None:
    teacher, student = logits_of([[0.75, 0.25]]), logits_of([[0.5, 0.5]])
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert divergence(teacher, student) == pytest.approx(expected, abs=1e-7)
    assert divergence(teacher, teacher + 3) == pytest.approx(0, abs=1e-6)


def test_divergence_stays_finite_on_very_sure_networks() -> None:
    assert divergence(torch.tensor([[500.0, 0.0]]), torch.tensor([[0.0, 500.0]])) == pytest.approx(500)


def test_agreement_counts_shared_mistakes() -> None:
    teacher, student = torch.eye(3)[[0, 1, 2, 2]], torch.eye(3)[[0, 1, 2, 0]]
    assert agreement(teacher, student) == 0.75


@pytest.mark.parametrize(
    ("teacher", "alone", "student", "share"),
    [(0.98, 0.90, 0.94, 0.5), (0.98, 0.90, 0.99, 1.125), (0.98, 0.90, 0.88, -0.25), (0.9, 0.9, 0.95, None)],
)
def test_gap_closed(teacher: float, alone: float, student: float, share: float | None) -> None:
    found = gap_closed(teacher, alone, student)
    assert found == (None if share is None else pytest.approx(share))


def test_logits_without_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="2 rows of logits for 3 labels"):
        accuracy(torch.eye(2), torch.zeros(3, dtype=torch.long))
