"""Submitting, planning, listing and showing jobs; and every way in which a submission can be wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from api_client import Api, Start, Truth

from api import limits
from api.resources import Job, JobDetail
from store import jobs
from store.models import Job as JobRow
from store.models import JobKind
from store.settings import Settings


def test_a_submitted_job_is_there_before_its_answer_is(api: Api, spec: dict[str, Any]) -> None:
    answer = api.post("/v1/jobs", json=spec)
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["location"] == job["urls"]["self"] == f"/v1/jobs/{job['id']}"
    assert (job["status"], job["version"], job["attempt"]) == ("queued", 1, 0)
    shown = api.get(answer.headers["location"])
    assert shown.headers["etag"] == '"1"'
    detail = shown.json()
    assert detail["spec"] == spec
    assert detail["plan"]["runs"][0]["name"] == "teacher"
    assert detail["result"] is None
    assert {name: detail[name] for name in job} == job
    assert (detail["method"], detail["dataset"], detail["teacher"], detail["student"]) == (
        "fitnet",
        "digits",
        "resnet20",
        "resnet8",
    )


def test_what_is_shown_is_what_is_documented(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    assert set(job) == set(Job.model_fields)
    assert set(api.get(job["urls"]["self"]).json()) == set(JobDetail.model_fields)
    assert datetime.fromisoformat(job["created_at"]).utcoffset() is not None
    assert job["created_at"].endswith("Z")


def test_the_job_and_its_first_event_appear_together(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    events = api.get(job["urls"]["events"]).json()["data"]
    assert [(event["seq"], event["type"], event["data"]["status"]) for event in events] == [(1, "status", "queued")]
    assert api.get("/v1/overview").json()["jobs"]["queued"] == 1


def test_the_workers_are_told_after_the_commit(api: Api, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    bell = api.services.bell
    monkeypatch.setattr(bell, "ring", lambda name: heard.append(len(api_jobs(api))))
    api.submit(spec)
    assert heard == [1]


def api_jobs(api: Api) -> list[Any]:
    with api.services.database.read() as session:
        from store.models import Job as Row

        return session.query(Row).all()


def test_a_plan_makes_nothing(api: Api, spec: dict[str, Any]) -> None:
    answer = api.post("/v1/jobs:plan", json=spec)
    assert answer.status_code == 200
    plan = answer.json()
    assert plan["object"] == "plan"
    assert plan["estimate"]["steps"] > 0
    assert [run["name"] for run in plan["runs"]] == ["teacher", "alone", "distil"]
    assert api.get("/v1/jobs").json()["data"] == []


@pytest.mark.parametrize(
    ("changes", "pointer", "code", "remedy"),
    [
        ({"bogus": 1}, "/bogus", "unknown_field", "unknown field"),
        ({"method": "fitnets"}, "/method", "unknown_method", "fitnet"),
        ({"student": {"architecture": "resnet18"}}, "/student/architecture", "unknown_architecture", "nearest"),
        ({"dataset": {"name": "digit"}}, "/dataset/name", "unknown_dataset", "digits"),
        ({"training": {"epochs": 0}}, "/training/epochs", "invalid_value", "greater"),
        ({"training": {"batch_size": -1}}, "/training/batch_size", "invalid_value", "greater"),
        ({"student": {"architecture": "resnet8", "classes": 7}}, "/student/classes", "class_count_differs", "leave"),
        ({"dataset": {"name": "digits", "path": "/etc"}}, "/dataset/path", "path_refused", "kdcore"),
        ({"name": ""}, "/name", "invalid_value", "at least 1"),
        ({"labels": {"a": 1}}, "/labels/a", "invalid_value", "string"),
        ({"priority": 1000}, "/priority", "invalid_value", "100"),
        ({"student": None}, "/student", "invalid_value", ""),
    ],
)
def test_each_fault_of_a_spec_is_pointed_at_with_a_remedy(
    api: Api, spec: dict[str, Any], changes: dict[str, Any], pointer: str, code: str, remedy: str
) -> None:
    for path in ("/v1/jobs:plan", "/v1/jobs"):
        answer = api.post(path, json={**spec, **changes})
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["code"] == "invalid_spec"
        faults = [fault for fault in problem["errors"] if fault["pointer"] == pointer]
        assert [fault["code"] for fault in faults] == [code], problem
        assert remedy in faults[0]["detail"]
    assert api.get("/v1/jobs").json()["data"] == []


def test_a_missing_field_is_named(api: Api) -> None:
    faults = api.post("/v1/jobs", json={}).json()["errors"]
    assert {(fault["pointer"], fault["code"]) for fault in faults} >= {
        ("/name", "missing_field"),
        ("/dataset", "missing_field"),
        ("/student", "missing_field"),
    }


def test_a_student_as_large_as_its_teacher_is_a_warning(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec, student={"architecture": "resnet20"}, method="hinton")
    assert [warning["code"] for warning in job["warnings"]] == ["student_not_smaller"]


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"{}", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"{}", "application/json; charset=latin-1", 415, "unsupported_media_type"),
        (b"{}", None, 415, "unsupported_media_type"),
        (b"", "application/json", 400, "invalid_json"),
        (b'{"name":', "application/json", 400, "invalid_json"),
        (b'{"name": "a", "name": "b"}', "application/json", 400, "invalid_json"),
        (b'{"name": NaN}', "application/json", 400, "invalid_json"),
        (b'{"name": "\xff\xfe"}', "application/json; charset=utf-8", 400, "invalid_json"),
        (b"[" * 5000, "application/json", 400, "invalid_json"),
        (b"[]", "application/json", 422, "invalid_request"),
        (b"null", "application/json", 422, "invalid_request"),
        (rb'{"name": "\u0000"}', "application/json", 422, "invalid_request"),
        (b" " * (limits.MAX_BODY_BYTES + 1), "application/json", 413, "body_too_large"),
    ],
)
def test_what_is_no_json_object_is_refused_as_what_it_is(
    api: Api, content: bytes, kind: str | None, status: int, code: str
) -> None:
    headers = {"Content-Type": kind} if kind else {}
    for path in ("/v1/jobs", "/v1/jobs:plan", "/v1/session"):
        answer = api.post(path, content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert api.get("/v1/jobs").json()["data"] == []


def test_an_endless_body_is_cut_off_while_it_comes(api: Api) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 65536
            yield b" " * 65536

    answer = api.post("/v1/jobs", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert sent <= limits.MAX_BODY_BYTES + 2 * 65536


def test_a_body_that_stalls_is_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setattr(limits, "BODY_SECONDS", 0.2)

    async def stalling() -> Any:
        yield b"{"
        await asyncio.sleep(30)
        yield b"}"

    answer = api.post("/v1/jobs", content=stalling(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout")


def test_every_page_of_the_list_shows_each_job_once_and_newest_first(api: Api, spec: dict[str, Any]) -> None:
    made = [api.submit(spec, name=f"job {i}")["id"] for i in range(7)]
    seen: list[str] = []
    query = "?limit=3"
    for _ in range(3):
        page = api.get(f"/v1/jobs{query}").json()
        assert page["object"] == "list"
        seen += [job["id"] for job in page["data"]]
        assert page["has_more"] == (page["next_cursor"] is not None)
        if page["has_more"]:
            api.submit(spec, name="came in between")
            query = f"?limit=3&after={page['next_cursor']}"
    assert seen == made[::-1]


def test_filters_select(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    first = api.submit(spec, name="Alpha", labels={"team": "vision", "stage": "pilot"})
    second = api.submit(spec, name="beta", method="hinton", labels={"team": "audio"})
    third = api.submit(spec, name="alphabet", labels={})
    api.post(f"{third['urls']['self']}/cancel")
    for query, expected in {
        "status=queued": [second, first],
        "status=cancelled&status=queued": [third, second, first],
        "status=running": [],
        "method=hinton": [second],
        "label.team=vision": [first],
        "label.team=vision&label.stage=pilot": [first],
        "label.team=vision&label.stage=other": [],
        "q=ALPHA": [third, first],
        f"q={second['id']}": [second],
        "q=lph": [],
        f"created_after={second['created_at']}": [third],
        f"created_before={second['created_at']}": [first],
        "q=%25": [],
    }.items():
        answer = api.get(f"/v1/jobs?{query}")
        assert answer.status_code == 200, answer.text
        assert [job["id"] for job in answer.json()["data"]] == [job["id"] for job in expected], query


def test_jobs_are_sorted_as_asked_and_a_cursor_keeps_to_its_order(api: Api, spec: dict[str, Any]) -> None:
    names = ["gamma", "Alpha", "beta"]
    made = {name: api.submit(spec, name=name)["urls"]["self"] for name in names}
    for name in ("beta", "gamma"):
        api.post(f"{made[name]}/cancel")
    for sort, expected in {
        "created_at": names,
        "-created_at": names[::-1],
        "name": ["Alpha", "beta", "gamma"],
        "-name": ["gamma", "beta", "Alpha"],
        "finished_at": ["beta", "gamma"],
        "-finished_at": ["gamma", "beta"],
    }.items():
        first = api.get(f"/v1/jobs?sort={sort}&limit=1").json()
        rest = api.get(f"/v1/jobs?sort={sort}&after={first['next_cursor']}").json()
        assert [job["name"] for job in first["data"] + rest["data"]] == expected, sort
    cursor = api.get("/v1/jobs?sort=name&limit=1").json()["next_cursor"]
    for other in ("", "&sort=-name", "&sort=finished_at"):
        answer = api.get(f"/v1/jobs?after={cursor}{other}")
        assert answer.status_code == 422
        assert [(fault["parameter"], fault["code"]) for fault in answer.json()["errors"]] == [
            ("after", "invalid_cursor")
        ]


def test_a_cursor_of_the_longest_name_is_taken(api: Api, spec: dict[str, Any]) -> None:
    for letter in "ab":
        api.submit(spec, name="\U0001f9ea" * 119 + letter)
    first = api.get("/v1/jobs?sort=name&limit=1").json()
    rest = api.get("/v1/jobs", params={"sort": "name", "after": first["next_cursor"]}).json()
    assert [job["name"][-1] for job in first["data"] + rest["data"]] == ["a", "b"]


def test_the_overview_counts_what_the_list_shows(api: Api, spec: dict[str, Any], truth: Truth) -> None:
    api.submit(spec)
    lease = truth.claim()
    truth.fail(lease)
    api.submit(spec)
    with api.services.database.write() as session:
        project_id = session.get_one(JobRow, lease.job_id).project_id
        plan = {"name": "scans", "method": "inspect-dataset"}
        jobs.create_job(session, project_id=project_id, spec={}, plan=plan, kind=JobKind.INSPECTION)
    found = api.get("/v1/overview").json()
    assert {status: number for status, number in found["jobs"].items() if number} == {"queued": 1, "failed": 1}
    assert (found["failed_24h"], found["succeeded_24h"]) == (1, 0)
    assert len(api.get("/v1/jobs").json()["data"]) == 2


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("sort=size", "sort"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("status=done", "status.0"),
        ("created_after=yesterday", "created_after"),
        ("created_after=2026-01-01T00:00:00", "created_after"),
        ("after=nonsense", "after"),
        ("after=W10", "after"),
        ("stauts=queued", "stauts"),
        ("label.=x", "label."),
        ("labels=x", "labels"),
        ("q=" + "x" * 201, "q"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(api: Api, query: str, parameter: str) -> None:
    answer = api.get(f"/v1/jobs?{query}")
    assert answer.status_code == 422
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]


@pytest.mark.parametrize(
    "query", ["q=%00", "method=%00a", "label.a=%00", "q=%ED%A0%80", "method=%F0%9F%92%A9", "label.%00=x"]
)
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def test_odd_characters_in_a_filter_find_nothing_and_break_nothing(
    request: pytest.FixtureRequest, settings: Settings, start: Start, kind: str, query: str
) -> None:
    api = start(settings.model_copy(update={"database_url": request.getfixturevalue(f"{kind}_url")}))
    answer = api.with_key(_key(api)).get(f"/v1/jobs?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"] == []


def _key(api: Api) -> str:
    from store import keys, projects

    with api.services.database.write() as session:
        owner = projects.ensure_project(session, "default")
        return keys.create_key(session, owner.id, "test", ["admin"], secret=api.services.secret)[1]


def test_an_unknown_path_and_a_wrong_method_are_problems_too(api: Api) -> None:
    for path in ("/v1/nothing", "/v1/jobs/a/b/c", "/v1/", "/nothing.js"):
        answer = api.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = api.post("/v1/methods")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert api.get("/v1/jobs:plan").status_code == 405
    assert api.post("/v1/nothing").status_code == 404


def test_a_database_that_is_away_is_503_and_comes_back(api: Api, spec: dict[str, Any], settings: Settings) -> None:
    from pathlib import Path

    path = Path(settings.database_url.removeprefix("sqlite:///"))
    api.services.database.engine.dispose()
    away = path.rename(path.with_suffix(".away"))
    path.mkdir()
    answer = api.post("/v1/jobs", json=spec)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer.headers["retry-after"]
    assert str(path) not in answer.text
    path.rmdir()
    away.rename(path)
    api.submit(spec)
