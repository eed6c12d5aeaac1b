"""A job's name, labels and priority, its deletion, and clones with changes."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api, Truth

from store import garbage


def change(api: Api, job: dict[str, Any], body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = api.request("PATCH", job["urls"]["self"], json=body, headers=headers)
    return answer.status_code, answer.json()


def test_name_labels_and_priority_change_and_the_rest_stays(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec, labels={"team": "vision", "old": "1"})
    body = {"name": "Better name", "priority": 5, "labels": {"old": None, "line": "3"}}
    status, changed = change(api, job, body)
    assert status == 200
    assert (changed["name"], changed["priority"]) == ("Better name", 5)
    assert changed["labels"] == {"team": "vision", "line": "3"}
    assert changed["version"] == job["version"] + 1
    shown = api.get(job["urls"]["self"]).json()
    assert {**shown, **changed} == shown
    assert shown["spec"]["name"] == "Better name"
    assert shown["plan"]["name"] == "digits-hints"


def test_lists_find_a_job_by_its_new_name_and_labels_only(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec, labels={"old": "1"})
    change(api, job, {"name": "Renamed", "labels": {"old": None, "new": "2"}})

    def found(query: str) -> list[str]:
        return [one["id"] for one in api.get(f"/v1/jobs?{query}").json()["data"]]

    assert found("q=renam") == found("label.new=2") == [job["id"]]
    assert found("q=digits") == found("label.old=1") == []


def test_a_change_is_an_event_and_none_is_none(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    change(api, job, {"priority": 3})
    assert change(api, job, {"priority": 3})[1]["version"] == 2
    assert change(api, job, {})[1]["version"] == 2
    story = api.get(job["urls"]["events"]).json()["data"]
    assert [(event["type"], event["data"]) for event in story[1:]] == [("change", {"priority": 3})]


def test_a_more_urgent_job_is_claimed_first(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    api.submit(spec)
    late = api.submit(spec)
    change(api, late, {"priority": 1})
    assert truth.claim().job_id == late["id"]


def test_a_running_job_keeps_its_lease_through_a_change(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    lease = truth.claim()
    assert change(api, job, {"labels": {"seen": "yes"}})[0] == 200
    truth.log(lease, "still here")
    assert api.get(job["urls"]["events"]).json()["data"][-1]["type"] == "log"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"name": ""}, "/name", "invalid_value"),
        ({"name": None}, "/name", "invalid_value"),
        ({"name": "x" * 121}, "/name", "invalid_value"),
        ({"priority": 101}, "/priority", "invalid_value"),
        ({"priority": "high"}, "/priority", "invalid_value"),
        ({"labels": {"k": "v" * 201}}, "/labels/k", "invalid_value"),
        ({"labels": {str(i): "v" for i in range(33)}}, "/labels", "invalid_value"),
        ({"labels": []}, "/labels", "invalid_value"),
        ({"method": "hinton"}, "/method", "unknown_field"),
    ],
)
def test_a_bad_change_is_refused_at_its_field_and_changes_nothing(
    api: Api, spec: dict[str, Any], body: Any, pointer: str, code: str
) -> None:
    job = api.submit(spec)
    status, problem = change(api, job, body)
    assert status == 422
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [(pointer, code)]
    assert api.get(job["urls"]["self"]).json()["version"] == 1


def test_a_change_meant_for_another_version_is_refused(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    assert change(api, job, {"priority": 1}, **{"If-Match": '"1"'})[0] == 200
    status, problem = change(api, job, {"priority": 2}, **{"If-Match": '"1"'})
    assert (status, problem["code"]) == (412, "precondition_failed")
    assert api.get(job["urls"]["self"]).json()["priority"] == 1


def test_the_priority_of_what_has_ended_stays_and_its_labels_may_change(
    api: Api, truth: Truth, spec: dict[str, Any]
) -> None:
    job = api.submit(spec)
    truth.fail(truth.claim())
    assert change(api, job, {"priority": 1})[1]["code"] == "job_finished"
    assert change(api, job, {"labels": {"seen": "yes"}})[0] == 200


def test_a_change_after_the_end_leaves_the_story_ended(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    truth.fail(truth.claim())
    story = api.get(job["urls"]["events"]).json()["data"]
    assert change(api, job, {"name": "renamed"})[0] == 200
    assert api.get(job["urls"]["events"]).json()["data"] == story
    assert story[-1]["type"] == "end"
    assert api.get(f"{job['urls']['stream']}?after_seq={story[-1]['seq']}").status_code == 204


def test_a_job_that_has_ended_is_deleted_with_its_story_and_its_count(
    api: Api, truth: Truth, spec: dict[str, Any]
) -> None:
    job, other = api.submit(spec), api.submit(spec)
    truth.fail(truth.claim())
    answer = api.request("DELETE", job["urls"]["self"])
    assert (answer.status_code, answer.content) == (204, b"")
    for part in ("self", "events", "metrics", "artifacts", "attempts", "checkpoints"):
        assert api.get(job["urls"][part]).status_code == 404
    assert [one["id"] for one in api.get("/v1/jobs").json()["data"]] == [other["id"]]
    assert api.get("/v1/overview").json()["jobs"]["failed"] == 0
    assert api.request("DELETE", job["urls"]["self"]).status_code == 404


def test_a_job_that_may_still_run_or_that_another_goes_on_from_is_not_deleted(
    api: Api, truth: Truth, spec: dict[str, Any]
) -> None:
    job = api.submit(spec)
    assert api.request("DELETE", job["urls"]["self"]).json()["code"] == "job_not_finished"
    truth.fail(truth.claim())
    again = api.post(f"{job['urls']['self']}/retry").json()
    refused = api.request("DELETE", job["urls"]["self"])
    assert (refused.status_code, refused.json()["code"]) == (409, "job_in_use")
    assert again["id"] in refused.json()["detail"]
    api.post(f"{again['urls']['self']}/cancel")
    assert api.request("DELETE", job["urls"]["self"]).status_code == 204
    assert api.get(again["urls"]["self"]).json()["retry_of"] == job["id"]


def test_a_deletion_meant_for_another_version_is_refused(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    truth.fail(truth.claim())
    refused = api.request("DELETE", job["urls"]["self"], headers={"If-Match": '"1"'})
    assert refused.status_code == 412
    assert api.get(job["urls"]["self"]).status_code == 200


def test_files_of_a_deleted_job_are_removed_later_unless_another_job_has_them(
    api: Api, truth: Truth, spec: dict[str, Any], tmp_path: Any
) -> None:

    jobs = [api.submit(spec), api.submit(spec)]
    for own in (b"only the first's", b"only the second's"):
        truth.publish(api.services, tmp_path, truth.claim(), {"shared": b"of both", "own": own})
    api.request("DELETE", jobs[0]["urls"]["self"])
    assert garbage.collect(truth.database, api.services.files, idle_seconds=0) == 1
    for name in ("shared", "own"):
        assert api.get(f"{jobs[1]['urls']['artifacts']}/{name}").status_code == 200


def clone(api: Api, job: dict[str, Any], body: Any, **headers: str) -> Any:
    return api.post(f"{job['urls']['self']}/clone", json=body, headers=headers)


def test_a_clone_has_the_spec_with_the_changes_and_knows_its_origin(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    body = {"name": "longer", "training": {"epochs": 6}, "method": "hinton", "labels": {"team": None, "try": "2"}}
    answer = clone(api, job, body)
    assert answer.status_code == 201
    made = api.get(answer.headers["location"]).json()
    assert (made["clone_of"], made["retry_of"], made["status"]) == (job["id"], None, "queued")
    assert made["spec"] == {**spec, "name": "longer", "training": {"epochs": 6, "batch_size": 64}, "method": "hinton",
                            "labels": {"try": "2"}}  # fmt: skip
    assert made["plan"]["method"] == "hinton"
    assert api.get(job["urls"]["self"]).json()["spec"] == spec


def test_a_plain_clone_has_the_labels_that_its_origin_has_now(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    change(api, job, {"labels": {"line": "3"}})
    assert clone(api, job, {}).json()["labels"] == {"team": "vision", "line": "3"}


def test_a_clone_that_cannot_be_planned_is_refused_at_its_field(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    answer = clone(api, job, {"student": {"architecture": "resnet9"}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/student/architecture"
    assert len(api.get("/v1/jobs").json()["data"]) == 1


def test_a_repeated_clone_is_made_once(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    first, second = (clone(api, job, {"name": "b"}, **{"Idempotency-Key": "one"}) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotent-replayed"] == "true"
    assert clone(api, job, {"name": "c"}, **{"Idempotency-Key": "one"}).json()["code"] == "idempotency_key_reused"


def test_other_projects_and_readers_change_nothing(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    stranger, reader = api.with_key(truth.key(project="other")), api.with_key(truth.key("jobs:read"))
    for who, status in ((stranger, 404), (reader, 403)):
        assert change(who, job, {"priority": 9})[0] == status
        assert who.request("DELETE", job["urls"]["self"]).status_code == status
        assert clone(who, job, {}).status_code == status
    assert api.get(job["urls"]["self"]).json()["version"] == 1
