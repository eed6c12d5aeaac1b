"""Metrics come as few enough points for a chart, with every peak and both ends kept."""

from __future__ import annotations

import math
from typing import Any

import pytest
from api_client import Api, Truth
from hypothesis import given
from hypothesis import strategies as st

from api.metrics import Point, Thinner


def thinned(values: list[float | None], most: int, announced: int | None = None) -> list[Point]:
    thinner = Thinner(len(values) if announced is None else announced, most)
    for step, value in enumerate(values):
        thinner.add((step, None, value))
    return thinner.points()


numbers = st.one_of(st.none(), st.floats(-1e6, 1e6))


@given(st.lists(numbers, min_size=1, max_size=400), st.integers(4, 50))
def test_thinning_keeps_both_ends_the_extremes_and_the_order(values: list[float | None], most: int) -> None:
    points = thinned(values, most)
    steps = [point[0] for point in points]
    assert len(points) <= most
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, len(values) - 1)
    assert all(point[2] == values[point[0]] for point in points)
    real = [value for value in values[1:] if value is not None]
    if real:
        assert max(real) in [point[2] for point in points]


def test_few_points_are_all_kept() -> None:
    assert [point[2] for point in thinned([3.0, 1.0, 2.0], 4)] == [3.0, 1.0, 2.0]


def test_one_spike_in_a_hundred_thousand_is_seen() -> None:
    values: list[float | None] = [math.sin(i / 9000) for i in range(100_000)]
    values[54_321] = 99.0
    values[12_345] = None
    points = thinned(values, 1000)
    assert len(points) <= 1000
    assert (54_321, None, 99.0) in points
    assert (12_345, None, None) in points


def test_more_points_than_announced_do_not_grow_the_answer_without_bound() -> None:
    assert len(thinned([float(i) for i in range(300)], 10, announced=100)) <= 32


def test_series_are_split_by_run_split_and_name(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    lease = truth.claim()
    for step in range(50):
        values = {"loss": 1 / (step + 1), "accuracy": step / 50}
        record = {"type": "metrics", "stage": "s", "step": step, "epoch": step / 10, "values": values}
        truth.relay(
            lease, {**record, "run": "teacher", "split": "train"}, {**record, "run": "distil", "split": "train"}
        )
    truth.relay(lease, {**record, "run": "distil", "split": "validation", "values": {"accuracy": None}})
    url = job["urls"]["metrics"]
    series = api.get(url).json()["data"]
    assert {(one["run"], one["split"], one["name"], one["count"]) for one in series} == {
        ("teacher", "train", "loss", 50),
        ("teacher", "train", "accuracy", 50),
        ("distil", "train", "loss", 50),
        ("distil", "train", "accuracy", 50),
        ("distil", "validation", "accuracy", 1),
    }
    one = api.get(f"{url}?run=distil&split=train&max_points=10").json()["data"][0]
    assert len(one["steps"]) == len(one["epochs"]) == len(one["values"]) <= 10
    assert (one["steps"][0], one["steps"][-1]) == (0, 49)
    assert api.get(f"{url}?split=validation").json()["data"][0]["values"] == [None]
    assert api.get(f"{url}?run=nobody").json()["data"] == []


@pytest.mark.parametrize("query", ["max_points=0", "max_points=100000", "run=" + "x" * 61, "metric=loss"])
def test_a_request_for_too_much_is_422(api: Api, spec: dict[str, Any], query: str) -> None:
    job = api.submit(spec)
    assert api.get(f"{job['urls']['metrics']}?{query}").status_code == 422
