"""Projects are made by who operates the service; their quotas bound them, and nobody sees another's."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api, Truth
from sqlalchemy import update

from store import leases, projects
from store.database import now
from store.models import Project, UsageDay


def make(api: Api, **changes: Any) -> dict[str, Any]:
    answer = api.post("/v1/projects", json={"name": "line 3", **changes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def key_of(api: Api, project_id: str, *scopes: str) -> Api:
    body = {"name": "first", "scopes": list(scopes or ("admin",))}
    answer = api.post(f"/v1/projects/{project_id}/api_keys", json=body)
    assert answer.status_code == 201, answer.text
    return api.with_key(answer.json()["key"])


def test_a_project_is_made_and_its_first_key_works_in_it(api: Api, spec: dict[str, Any]) -> None:
    made = make(api, concurrency=2)
    assert (made["concurrency"], made["jobs_in_flight"], made["version"]) == (2, None, 1)
    inside = key_of(api, made["id"])
    job = inside.post("/v1/jobs", json=spec).json()
    assert api.get(f"/v1/jobs/{job['id']}").status_code == 404
    assert [one["id"] for one in inside.get("/v1/projects").json()["data"]] == [made["id"]]
    assert made["id"] in [one["id"] for one in api.get("/v1/projects").json()["data"]]


def test_who_works_in_a_project_sees_no_other_and_changes_none(api: Api, truth: Truth) -> None:
    made, stranger = make(api), api.with_key(truth.key("admin", project="elsewhere"))
    path = f"/v1/projects/{made['id']}"
    assert (stranger.get(path).status_code, stranger.get(f"{path}/usage").status_code) == (404, 404)
    assert stranger.patch(path, json={"month_hours": 1}).status_code == 403
    assert stranger.post("/v1/projects", json={"name": "mine"}).status_code == 403
    order = {"name": "in", "scopes": ["admin"]}
    assert stranger.post(f"{path}/api_keys", json=order).status_code == 403


def test_nobody_makes_a_key_that_may_do_more_than_they_may(api: Api, truth: Truth) -> None:
    admin = api.with_key(truth.key("admin"))
    for scope in ("operate", "metrics"):
        answer = admin.post("/v1/api_keys", json={"name": "up", "scopes": ["jobs:read", scope]})
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    strong = api.post("/v1/api_keys", json={"name": "op", "scopes": ["operate"]}).json()
    assert admin.post(f"/v1/api_keys/{strong['id']}/rotate", json={}).status_code == 403


def test_a_name_belongs_to_one_project(api: Api) -> None:
    first = make(api)
    other = make(api, name="line 4")
    again = api.post("/v1/projects", json={"name": "line 3"})
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    assert api.patch(f"/v1/projects/{other['id']}", json={"name": "line 3"}).status_code == 409
    assert api.get(f"/v1/projects/{other['id']}").json() == other
    assert api.patch(f"/v1/projects/{first['id']}", json={"name": "line 3"}).json()["version"] == 1


def test_a_change_leaves_alone_what_it_does_not_name_and_knows_its_version(api: Api) -> None:
    made = make(api, concurrency=2, month_hours=5)
    path = f"/v1/projects/{made['id']}"
    answer = api.patch(path, json={"month_hours": None}, headers={"If-Match": '"1"'})
    assert {**made, "month_hours": None, "version": 2} == answer.json()
    assert answer.headers["etag"] == '"2"'
    late = api.patch(path, json={"concurrency": 9}, headers={"If-Match": '"1"'})
    assert (late.status_code, api.get(path).json()["concurrency"]) == (412, 2)
    [entry] = api.get(f"/v1/audit_logs?target={made['id']}&action=project.change").json()["data"]
    assert entry["details"] == {"month_hours": None}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"concurrency": 0}, "/concurrency"),
        ({"jobs_in_flight": -1}, "/jobs_in_flight"),
        ({"month_hours": "many"}, "/month_hours"),
        ({"name": ""}, "/name"),
        ({"active": 0}, "/active"),
    ],
)
def test_a_quota_that_makes_no_sense_is_pointed_at(api: Api, change: dict[str, Any], pointer: str) -> None:
    made = make(api)
    answer = api.patch(f"/v1/projects/{made['id']}", json=change)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert api.get(f"/v1/projects/{made['id']}").json() == made


def test_a_project_with_its_jobs_in_flight_gets_no_more(api: Api, spec: dict[str, Any]) -> None:
    inside = key_of(api, make(api, jobs_in_flight=1)["id"])
    first = inside.post("/v1/jobs", json=spec).json()
    refused = inside.post("/v1/jobs", json=spec)
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
    assert "retry-after" in refused.headers
    inside.post(f"/v1/jobs/{first['id']}/cancel")
    assert inside.post("/v1/jobs", json=spec).status_code == 201


def test_a_project_that_used_up_its_month_gets_no_more_jobs(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    made = make(api, month_hours=2)
    inside = key_of(api, made["id"])
    with truth.database.write() as session:
        day = now(session).date().isoformat()
        session.add(UsageDay(project_id=made["id"], day=day, resource_class="cpu", seconds=7200.0, attempts=3))
    refused = inside.post("/v1/jobs", json=spec)
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
    assert "2.00 of its 2 hours" in refused.json()["detail"]
    assert inside.get("/v1/jobs").json()["data"] == []


def test_no_more_jobs_run_at_once_than_the_project_may(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    inside = key_of(api, make(api, concurrency=1)["id"])
    for _ in range(2):
        inside.post("/v1/jobs", json=spec)
    truth.claim()
    with truth.database.write() as session:
        assert leases.claim(session, owner="w2", resource_classes=["cpu"], lease_seconds=60) is None


def test_the_time_of_an_attempt_is_counted_when_it_ends(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    made = make(api)
    inside = key_of(api, made["id"])
    inside.post("/v1/jobs", json=spec)
    lease = truth.claim()
    with truth.database.write() as session:
        from datetime import timedelta

        from store.models import Attempt

        began = now(session) - timedelta(hours=1.5)
        session.execute(update(Attempt).where(Attempt.job_id == lease.job_id).values(started_at=began))
    assert inside.get(f"/v1/projects/{made['id']}/usage").json()["hours"] == 0
    truth.fail(lease)
    used = inside.get(f"/v1/projects/{made['id']}/usage").json()
    assert used["hours"] == used["month_hours"] == pytest.approx(1.5, abs=0.01)
    [day] = used["days"]
    assert (day["resource_class"], day["attempts"]) == ("cpu", 1)


def test_usage_outlives_the_job_that_made_it(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    made = make(api)
    inside = key_of(api, made["id"])
    job = inside.post("/v1/jobs", json=spec).json()
    truth.fail(truth.claim())
    assert inside.delete(f"/v1/jobs/{job['id']}").status_code == 204
    assert sum(day["attempts"] for day in inside.get(f"/v1/projects/{made['id']}/usage").json()["days"]) == 1


@pytest.mark.parametrize("query", ["since=2026-02-01&until=2026-01-01", "since=2000-01-01", "since=soon", "day=1"])
def test_a_span_that_cannot_be_is_refused(api: Api, query: str) -> None:
    made = make(api)
    assert api.get(f"/v1/projects/{made['id']}/usage?{query}").status_code == 422
    assert api.get(f"/v1/projects/{made['id']}/usage?until=0001-01-01").json()["days"] == []


def test_a_silent_workers_time_ends_with_its_lease(truth: Truth, api: Api, spec: dict[str, Any]) -> None:
    from datetime import timedelta

    from store.endings import lost
    from store.models import Attempt, Job
    from store.settings import Backoff

    made = make(api)
    key_of(api, made["id"]).post("/v1/jobs", json=spec)
    lease = truth.claim()
    with truth.database.write() as session:
        job = session.get_one(Job, lease.job_id)
        began = now(session) - timedelta(hours=3)
        job.lease_expires_at = began + timedelta(hours=1)
        session.execute(update(Attempt).where(Attempt.job_id == job.id).values(started_at=began))
        lost(session, job, Backoff())
    with truth.database.read() as session:
        assert projects.hours_of_month(session, made["id"]) == pytest.approx(1, abs=0.01)
        assert session.get_one(Project, made["id"]).active == 0
