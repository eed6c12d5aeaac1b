"""Nobody asks too often: keys are limited, wrong keys more so, and no project fills the queue."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api, Start, Truth
from hypothesis import given
from hypothesis import strategies as st

from api import limits
from api.rates import Buckets
from store.settings import Settings


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(
    st.floats(0.1, 50), st.integers(1, 20), st.lists(st.one_of(st.none(), st.floats(0, 5)), min_size=1, max_size=200)
)
def test_a_bucket_gives_no_more_than_its_burst_and_what_time_adds(rate: float, burst: int, story: list[Any]) -> None:
    clock, taken = Clock(), 0
    buckets = Buckets(rate, burst, clock=clock)
    for pause in story:
        if pause is not None:
            clock.now += pause
            continue
        before = buckets.wait("a")
        wait = buckets.take("a")
        assert wait == before
        taken += wait == 0
        assert taken <= burst + rate * clock.now + 1e-6
        assert wait <= 1 / rate + 1e-9


def test_who_waits_as_long_as_told_gets_a_token_and_others_never_wait_for_them() -> None:
    clock = Clock()
    buckets = Buckets(2, 3, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("b") == 0
    clock.now += 0.5
    assert [buckets.take("a") for _ in range(2)] == [0, 0.5]


def test_names_are_bounded_in_number() -> None:
    buckets = Buckets(1, 1, most=10)
    for number in range(100):
        buckets.take(str(number))
    assert len(buckets._levels) == 10


def limited(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update=changes)


def test_a_key_that_asks_too_often_is_told_when_to_come_back_and_others_are_served(
    start: Start, truth: Truth, settings: Settings
) -> None:
    api = start(limited(settings, rate_per_second=0.01, rate_burst=3))
    other = api.with_key(truth.key())
    assert [api.get("/v1/jobs").status_code for _ in range(3)] == [200] * 3
    refused = api.get("/v1/jobs")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 90 <= int(refused.headers["retry-after"]) <= 100
    assert other.get("/v1/jobs").status_code == 200
    assert api.with_key(None).get("/healthz").status_code == 200


@pytest.mark.parametrize("way", ["header", "session"])
def test_an_address_that_sends_wrong_keys_is_not_listened_to_for_a_while(
    api: Api, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(api.services, "mistaken", Buckets(0.5, 5))
    wrong = "dk_" + "a" * 32 + "_000000"

    def knock(key: str | None) -> int:
        if way == "header":
            return api.with_key(key).get("/v1/jobs").status_code
        return api.with_key(None).post("/v1/session", json={"key": key}).status_code

    assert [knock(wrong) for _ in range(6)] == [401] * 5 + [429]
    assert knock(api.key) == 429
    monkeypatch.setattr(api.services, "mistaken", Buckets(limits.FAILURES_PER_SECOND, 5))
    assert knock(api.key) in (200, 201)


def test_no_project_fills_the_queue(start: Start, truth: Truth, settings: Settings, spec: dict[str, Any]) -> None:
    api = start(limited(settings, jobs_in_flight=2))
    first, _ = api.submit(spec), api.submit(spec)
    refused = api.post("/v1/jobs", json=spec, headers={"Idempotency-Key": "third"})
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
    assert refused.headers["retry-after"] == "60"
    assert api.post(f"{first['urls']['self']}/clone", json={}).status_code == 429
    assert len(api.get("/v1/jobs").json()["data"]) == 2
    assert api.with_key(truth.key(project="other")).post("/v1/jobs", json=spec).status_code == 201
    api.post(f"{first['urls']['self']}/cancel")
    assert api.post("/v1/jobs", json=spec, headers={"Idempotency-Key": "third"}).status_code == 201
