"""A repeated POST makes nothing twice, whatever happened to its first answer."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from api_client import Api, Start, Truth

from store.settings import Settings


def key(value: str) -> dict[str, str]:
    return {"Idempotency-Key": value}


def test_a_repetition_gets_the_first_answer_word_for_word(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    first = api.post("/v1/jobs", json=spec, headers=key("a"))
    truth.claim()
    again = api.post("/v1/jobs", json=dict(reversed(spec.items())), headers=key("a"))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert len(api.get("/v1/jobs").json()["data"]) == 1


def test_another_payload_under_the_same_key_is_422(api: Api, spec: dict[str, Any]) -> None:
    api.post("/v1/jobs", json=spec, headers=key("a"))
    other = api.post("/v1/jobs", json={**spec, "name": "other"}, headers=key("a"))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(api.get("/v1/jobs").json()["data"]) == 1


def test_keys_belong_to_their_project(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    neighbour = api.with_key(truth.key(project="neighbour"))
    ids = {who.post("/v1/jobs", json=spec, headers=key("a")).json()["id"] for who in (api, neighbour)}
    assert len(ids) == 2


def test_a_refused_request_uses_no_key_up(api: Api, spec: dict[str, Any]) -> None:
    assert api.post("/v1/jobs", json={**spec, "method": "x"}, headers=key("a")).status_code == 422
    assert api.post("/v1/jobs", json=spec, headers=key("a")).status_code == 201


def test_a_retry_is_repeated_once_too(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    truth.fail(truth.claim())
    first, again = (api.post(f"{job['urls']['self']}/retry", headers=key("r")) for _ in range(2))
    assert first.json() == again.json()
    reused = api.post("/v1/jobs", json=spec, headers=key("r"))
    assert reused.status_code == 422


@pytest.mark.parametrize("value", ["", "x" * 256, "a\tb"])
def test_a_key_that_cannot_be_one_is_422(api: Api, spec: dict[str, Any], value: str) -> None:
    answer = api.post("/v1/jobs", json=spec, headers=key(value))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_idempotency_key")
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def test_twenty_at_once_make_one_job(
    request: pytest.FixtureRequest, settings: Settings, start: Start, spec: dict[str, Any], kind: str
) -> None:
    url = request.getfixturevalue(f"{kind}_url")
    chosen = settings.model_copy(update={"database_url": url})
    api = start(chosen).with_key(Truth(chosen).key())
    answers: list[Any] = []

    def ask() -> None:
        answers.append(api.post("/v1/jobs", json=spec, headers=key("a")))

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer for answer in answers if answer.status_code == 409]
    assert len(made) + len(waiting) == 20
    assert made
    assert {answer.json()["id"] for answer in made} == {made[0].json()["id"]}
    assert all(answer.json()["code"] == "idempotency_key_in_use" for answer in waiting)
    assert all(answer.headers["retry-after"] for answer in waiting)
    assert len(api.get("/v1/jobs").json()["data"]) == 1
