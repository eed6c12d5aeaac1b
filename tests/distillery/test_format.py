"""Numbers carry units and sensible precision."""

from datetime import UTC, datetime

import pytest

from distillery import format as form


@pytest.mark.parametrize(
    ("number", "text"),
    [(273_258, "0.27 M"), (19_466, "19.5 k"), (1_234, "1.23 k"), (999, "999"), (25_557_032, "25.6 M"), (None, "–")],
)
def test_counts_are_rounded_to_three_digits(number: float | None, text: str) -> None:
    assert form.count(number) == text


@pytest.mark.parametrize(("number", "text"), [(1_100_000, "1.1 MB"), (512, "512 B"), (80_400, "80.4 kB")])
def test_sizes_are_decimal(number: float, text: str) -> None:
    assert form.size(number) == text


@pytest.mark.parametrize(("seconds", "text"), [(4.2, "4 s"), (125, "2 min 05 s"), (3_725, "1 h 02 min")])
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert form.duration(seconds) == text


def test_an_accuracy_shows_its_interval() -> None:
    assert (form.percent(0.934), form.interval([0.91, 0.952])) == ("93.4 %", "91.0 – 95.2 %")
    assert (form.percent(None), form.interval(None)) == ("–", "–")


def test_times_are_shown_as_distance() -> None:
    now = datetime(2026, 1, 1, 12, 5, tzinfo=UTC)
    assert form.ago("2026-01-01T12:00:00Z", now) == "5 min 00 s ago"
    assert form.ago("2025-12-29T12:00:00+00:00", now) == "3 d ago"
    assert form.ago(None) == "–"
