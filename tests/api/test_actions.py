"""Cancel, pause, resume and retry from every state, and only on the version that was meant."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api, Truth


def act(api: Api, job: dict[str, Any], action: str, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = api.post(f"{job['urls']['self']}/{action}", headers=headers)
    return answer.status_code, answer.json()


def test_a_waiting_job_is_cancelled_at_once_and_again_without_change(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    status, cancelled = act(api, job, "cancel")
    assert (status, cancelled["status"], cancelled["version"]) == (200, "cancelled", 2)
    assert act(api, job, "cancel") == (200, cancelled)


def test_a_running_job_is_asked_to_stop(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    truth.claim()
    status, asked = act(api, job, "cancel")
    assert (status, asked["status"]) == (202, "cancelling")
    assert act(api, job, "cancel")[0] == 202
    assert act(api, job, "pause")[0] == 409


def test_a_job_is_paused_and_goes_on(api: Api, truth: Truth, spec: dict[str, Any], monkeypatch: Any) -> None:
    rung: list[str] = []
    job = api.submit(spec)
    monkeypatch.setattr(api.services.bell, "ring", rung.append)
    assert act(api, job, "pause")[1]["status"] == "paused"
    assert rung == []
    assert act(api, job, "resume")[1]["status"] == "queued"
    assert rung == ["cpu"]
    truth.claim()
    status, pausing = act(api, job, "pause")
    assert (status, pausing["status"]) == (202, "pausing")


@pytest.mark.parametrize(
    ("action", "code"), [("cancel", "job_finished"), ("pause", "wrong_state"), ("resume", "not_paused")]
)
def test_what_has_ended_stays_ended(api: Api, truth: Truth, spec: dict[str, Any], action: str, code: str) -> None:
    job = api.submit(spec)
    truth.fail(truth.claim())
    before = api.get(job["urls"]["self"]).json()
    status, problem = act(api, job, action)
    assert (status, problem["code"]) == (409, code)
    assert problem["title"] == "The state does not allow this"
    assert api.get(job["urls"]["self"]).json() == before


def test_a_failed_job_is_retried_as_a_new_one(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    assert act(api, job, "retry")[1]["code"] == "not_retryable"
    truth.fail(truth.claim())
    answer = api.post(f"{job['urls']['self']}/retry")
    retried = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == retried["urls"]["self"] != job["urls"]["self"]
    assert (retried["retry_of"], retried["status"]) == (job["id"], "queued")
    assert api.get(job["urls"]["self"]).json()["status"] == "failed"


def test_an_action_meant_for_another_version_is_refused(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    etag = api.get(job["urls"]["self"]).headers["etag"]
    assert act(api, job, "pause", **{"If-Match": etag})[0] == 200
    status, problem = act(api, job, "cancel", **{"If-Match": etag})
    assert (status, problem["code"]) == (412, "precondition_failed")
    assert api.get(job["urls"]["self"]).json()["status"] == "paused"
    assert act(api, job, "cancel", **{"If-Match": '"2"'})[0] == 200
