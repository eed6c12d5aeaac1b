"""Keys are made, replaced and ended over REST, shown once; and the audit log says who did what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from api_client import Api, Truth
from sqlalchemy import select

from store.models import ApiKey, IdempotencyRecord


def order(api: Api, **changes: Any) -> dict[str, Any]:
    answer = api.post("/v1/api_keys", json={"name": "line 3", "scopes": ["jobs:read"], **changes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def log(api: Api, query: str = "") -> list[tuple[str, str]]:
    return [(one["action"], one["target"]) for one in api.get(f"/v1/audit_logs?{query}").json()["data"]]


def own_id(api: Api) -> str:
    return str(api.get("/v1/session").json()["key_id"])


def test_a_key_opens_what_its_scopes_say_and_is_shown_once(api: Api, spec: dict[str, Any]) -> None:
    made = order(api)
    reader = api.with_key(made["key"])
    assert reader.get("/v1/jobs").status_code == 200
    assert reader.post("/v1/jobs", json=spec).status_code == 403
    shown = api.get(f"/v1/api_keys/{made['id']}").json()
    assert shown["key"] is None
    assert {**made, "key": None, "last_used_at": None} == {**shown, "last_used_at": None}
    assert made["key"] not in api.get("/v1/api_keys").text


def test_a_key_ends_after_its_days(api: Api, truth: Truth) -> None:
    made = order(api, expires_in_days=30)
    life = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert abs(life - timedelta(days=30)) < timedelta(seconds=5)
    with truth.database.write() as session:
        session.get_one(ApiKey, made["id"]).expires_at = datetime.fromisoformat(made["created_at"])
    assert api.with_key(made["key"]).get("/v1/jobs").status_code == 401


def test_a_repeated_order_makes_one_key_and_does_not_show_it_again(api: Api, truth: Truth) -> None:
    body = {"name": "line 3", "scopes": ["jobs:read"]}
    first, second = (api.post("/v1/api_keys", json=body, headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.json()["id"], second.json()["key"]) == (second.json()["id"], None)
    with truth.database.read() as session:
        kept = session.scalars(select(IdempotencyRecord)).one()
    assert first.json()["key"] not in str(kept.body)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["root"]}, "/scopes/0"),
        ({"scopes": "admin"}, "/scopes"),
        ({"expires_in_days": 0}, "/expires_in_days"),
        ({"expires_in_days": 10**9}, "/expires_in_days"),
        ({"project": "other"}, "/project"),
    ],
)
def test_a_bad_order_is_refused_at_its_field(api: Api, changes: dict[str, Any], pointer: str) -> None:
    answer = api.post("/v1/api_keys", json={"name": "n", "scopes": ["admin"], **changes})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert len(api.get("/v1/api_keys").json()["data"]) == 1


def test_a_rotated_key_works_beside_the_new_one_until_its_time_is_over(api: Api) -> None:
    old = order(api, scopes=["jobs:write", "jobs:read"], expires_in_days=10)
    fresh = api.post(f"/v1/api_keys/{old['id']}/rotate", json={"overlap_hours": 1}).json()
    assert (fresh["name"], fresh["scopes"]) == (old["name"], old["scopes"])
    for key in (old["key"], fresh["key"]):
        assert api.with_key(key).get("/v1/jobs").status_code == 200
    now = datetime.fromisoformat(fresh["created_at"])
    ends = datetime.fromisoformat(api.get(f"/v1/api_keys/{old['id']}").json()["expires_at"])
    assert abs(ends - now - timedelta(hours=1)) < timedelta(seconds=5)
    assert abs(datetime.fromisoformat(fresh["expires_at"]) - now - timedelta(days=10)) < timedelta(seconds=5)
    api.post(f"/v1/api_keys/{fresh['id']}/rotate", json={"overlap_hours": 0})
    assert api.with_key(fresh["key"]).get("/v1/jobs").status_code == 401
    refused = api.post(f"/v1/api_keys/{fresh['id']}/rotate", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "key_ended")


def test_a_revoked_key_ends_at_once_with_its_sessions(api: Api) -> None:
    made = order(api)
    cookie = api.post("/v1/session", json={"key": made["key"]}).headers["set-cookie"].partition(";")[0]
    browser = api.with_key(None)
    assert browser.get("/v1/jobs", headers={"Cookie": cookie}).status_code == 200
    assert api.request("DELETE", f"/v1/api_keys/{made['id']}").status_code == 204
    assert api.with_key(made["key"]).get("/v1/jobs").status_code == 401
    assert browser.get("/v1/jobs", headers={"Cookie": cookie}).status_code == 401
    assert api.get(f"/v1/api_keys/{made['id']}").json()["revoked_at"] is not None


def test_the_key_that_asks_does_not_end_itself(api: Api) -> None:
    refused = api.request("DELETE", f"/v1/api_keys/{own_id(api)}")
    assert (refused.status_code, refused.json()["code"]) == (409, "own_key")
    assert api.get("/v1/jobs").status_code == 200


def test_only_an_admin_sees_keys_and_the_log_and_only_of_its_project(api: Api, truth: Truth) -> None:
    made = order(api)
    writer, stranger = api.with_key(truth.key("jobs:read", "jobs:write")), api.with_key(truth.key(project="other"))
    for path in ("/v1/api_keys", f"/v1/api_keys/{made['id']}", "/v1/audit_logs"):
        assert writer.get(path).status_code == 403
    assert writer.post("/v1/api_keys", json={"name": "x", "scopes": ["admin"]}).status_code == 403
    assert made["id"] not in stranger.get("/v1/api_keys").text
    assert log(stranger) == []
    for method, path in (("GET", ""), ("POST", "/rotate"), ("DELETE", "")):
        answer = stranger.request(method, f"/v1/api_keys/{made['id']}{path}", json={} if method == "POST" else None)
        assert answer.status_code == 404
    assert api.with_key(made["key"]).get("/v1/jobs").status_code == 200


def test_the_log_has_every_change_with_its_key_and_request_and_nothing_else(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    base = job["urls"]["self"]
    api.request("PATCH", base, json={"priority": 2})
    api.request("PATCH", base, json={"priority": 2})
    for action in ("pause", "pause", "resume", "cancel", "cancel"):
        api.post(f"{base}/{action}")
    again = api.post(f"{base}/retry").json()["id"]
    copy = api.post(f"{base}/clone", json={}, headers={"X-Request-Id": "req-from-me-0001"}).json()["id"]
    api.post(f"/v1/jobs/{again}/cancel")
    api.request("DELETE", base)
    api.get(base)
    assert api.post("/v1/jobs", json={}).status_code == 422
    told = ["delete", "cancel", "resume", "pause", "change", "create"]
    assert log(api, f"target={job['id']}") == [(f"job.{action}", job["id"]) for action in told]
    assert log(api, f"target={again}") == [("job.cancel", again), ("job.retry", again)]
    (clone,) = api.get("/v1/audit_logs?action=job.clone").json()["data"]
    assert (clone["target"], clone["request_id"], clone["key_id"]) == (copy, "req-from-me-0001", own_id(api))
    assert clone["details"] == {"origin": job["id"]}
    assert len(log(api, f"key_id={own_id(api)}&limit=100")) == len(log(api, "limit=100")) == 9


def test_the_log_is_read_in_pages(api: Api) -> None:
    made = [order(api, name=f"key {n}")["id"] for n in range(5)]
    found: list[str] = []
    query = "limit=2"
    while True:
        page = api.get(f"/v1/audit_logs?{query}").json()
        found += [one["target"] for one in page["data"]]
        if not page["has_more"]:
            break
        query = f"limit=2&after={page['next_cursor']}"
    assert found == made[::-1]
    assert api.get("/v1/audit_logs?after=nonsense").json()["code"] == "invalid_cursor"


def test_the_log_of_a_span_of_time_leaves_out_what_was_before_and_after(api: Api) -> None:
    made = [order(api, name=f"key {n}")["id"] for n in range(3)]
    second = api.get(f"/v1/audit_logs?target={made[1]}").json()["data"][0]["created_at"]
    assert log(api, f"created_after={second}") == [("api_key.create", made[2])]
    assert log(api, f"created_before={second}") == [("api_key.create", made[0])]
    assert api.get("/v1/audit_logs?created_after=1764288000").json()["errors"][0]["parameter"] == "created_after"


def test_no_secret_is_in_the_log(api: Api) -> None:
    made = order(api)
    fresh = api.post(f"/v1/api_keys/{made['id']}/rotate", json={}).json()
    api.request("DELETE", f"/v1/api_keys/{made['id']}")
    text = api.get("/v1/audit_logs").text
    assert made["id"] in text
    (rotated,) = api.get("/v1/audit_logs?action=api_key.rotate").json()["data"]
    assert (rotated["target"], rotated["details"]) == (fresh["id"], {"origin": made["id"]})
    assert not any(key[3:20] in text for key in (made["key"], fresh["key"], str(api.key)))
