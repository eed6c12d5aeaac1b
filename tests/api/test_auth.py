"""Nobody gets in without a key, nobody sees another project, and a session needs more than its cookie."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from api_client import Api, Start, Truth

from store.models import ApiKey
from store.settings import Settings

ANOTHER_ID = "job_00000000000000000000000000"


def operations(api: Api) -> Iterator[tuple[str, str, dict[str, Any]]]:
    document = api.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def filled(path: str, job_id: str) -> str:
    return re.sub(r"\{.*?\}", "x", path.replace("{job_id}", job_id))


def test_every_operation_but_the_public_ones_needs_a_key(api: Api) -> None:
    stranger = api.with_key(None)
    public = set()
    for method, path, operation in operations(api):
        answer = stranger.request(method, filled(path, ANOTHER_ID), json={} if method == "POST" else None)
        if operation.get("security") == []:
            public.add(operation["operationId"])
            continue
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["code"] == "authentication_required"
    assert public == {"getHealth", "getReadiness", "createSession"}


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer nonsense", "Basic ZGs6eA==", "Bearer dk_" + "a" * 32 + "_000000", "bearer \x00", "Bearer é"],
)
def test_what_is_no_key_of_ours_is_401(api: Api, header: str) -> None:
    answer = api.request("GET", "/v1/jobs", headers={"Authorization": header.encode()})  # type: ignore[dict-item]
    assert answer.status_code == 401


def test_revoked_and_expired_keys_stop_working(api: Api, truth: Truth) -> None:
    with truth.database.write() as session:
        key = session.query(ApiKey).one()
        key.revoked_at = key.created_at
    assert api.get("/v1/jobs").status_code == 401
    with truth.database.write() as session:
        key = session.query(ApiKey).one()
        key.revoked_at, key.expires_at = None, key.created_at
    assert api.get("/v1/jobs").status_code == 401


def test_a_key_does_only_what_its_scopes_say(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    reader, writer = api.with_key(truth.key("jobs:read")), api.with_key(truth.key("jobs:write"))
    job = writer.submit(spec)
    assert reader.get(f"/v1/jobs/{job['id']}").status_code == 200
    for refused in (reader.post("/v1/jobs", json=spec), reader.post(f"/v1/jobs/{job['id']}/cancel")):
        assert refused.status_code == 403
        assert refused.json()["code"] == "insufficient_scope"
        assert 'scope="jobs:write"' in refused.headers["www-authenticate"]
    assert writer.get("/v1/jobs").status_code == 403
    assert api.get(f"/v1/jobs/{job['id']}").json()["status"] == "queued"


def test_another_projects_job_does_not_exist_for_any_operation(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    neighbour = api.with_key(truth.key(project="neighbour"))
    seen = 0
    for method, path, _ in operations(api):
        if "{job_id}" not in path:
            continue
        body = {} if method in ("POST", "PATCH") else None
        theirs = neighbour.request(method, filled(path, job["id"]), json=body)
        nobodys = neighbour.request(method, filled(path, ANOTHER_ID), json=body)
        assert theirs.status_code == nobodys.status_code == 404, (method, path)
        hidden = [answer.text.replace(name, "ID") for answer, name in ((theirs, job["id"]), (nobodys, ANOTHER_ID))]
        assert re.sub("req_[0-9a-f]+", "", hidden[0]) == re.sub("req_[0-9a-f]+", "", hidden[1])
        seen += 1
    assert seen >= 20
    assert neighbour.get("/v1/jobs").json()["data"] == []
    assert neighbour.get("/v1/overview").json()["jobs"]["queued"] == 0
    assert api.get(f"/v1/jobs/{job['id']}").json()["status"] == "queued"


@pytest.mark.parametrize("id_", ["x", "..", "job_%00", "%F0%9F%92%A9", "job_' OR 1=1", ANOTHER_ID.upper()])
def test_what_is_no_id_is_simply_not_found(api: Api, id_: str) -> None:
    assert api.get(f"/v1/jobs/{id_}/events").status_code == 404


def sign_in(api: Api) -> tuple[Api, dict[str, str], dict[str, Any]]:
    answer = api.with_key(None).post("/v1/session", json={"key": api.key})
    assert answer.status_code == 201, answer.text
    cookie = answer.headers["set-cookie"]
    return api.with_key(None), {"Cookie": cookie.partition(";")[0]}, answer.json() | {"cookie": cookie}


def test_a_session_stands_for_its_key_and_its_cookie_is_out_of_reach_of_scripts(api: Api) -> None:
    browser, cookie, session = sign_in(api)
    attributes = {part.strip().lower() for part in session["cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert api.key not in json.dumps(session)
    assert browser.get("/v1/jobs", headers=cookie).status_code == 200
    again = browser.get("/v1/session", headers=cookie).json()
    assert again["csrf_token"] == session["csrf_token"]


def test_a_session_needs_its_csrf_token_for_every_change(api: Api, spec: dict[str, Any]) -> None:
    browser, cookie, session = sign_in(api)
    _, other_cookie, _ = sign_in(api)
    token = {"X-CSRF-Token": session["csrf_token"]}
    for headers in (cookie, cookie | {"X-CSRF-Token": "x"}, other_cookie | token):
        refused = browser.post("/v1/jobs", json=spec, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    assert browser.post("/v1/jobs", json=spec, headers=cookie | token).status_code == 201
    assert len(api.get("/v1/jobs").json()["data"]) == 1


def test_signing_out_takes_the_cookie_back(api: Api) -> None:
    browser, cookie, session = sign_in(api)
    answer = browser.request("DELETE", "/v1/session", headers=cookie | {"X-CSRF-Token": session["csrf_token"]})
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]


@pytest.mark.parametrize("body", [{}, {"key": 7}, {"key": "dk_x", "more": 1}])
def test_a_session_is_made_from_a_key_and_nothing_else(api: Api, body: dict[str, Any]) -> None:
    answer = api.post("/v1/session", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] in ("/key", "/more")


def test_a_forged_or_stale_cookie_is_401(api: Api, truth: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, cookie, _ = sign_in(api)
    name, value = cookie["Cookie"].split("=", 1)
    payload, mac = value.split(".")
    for forged in (payload, payload + ".", f"{payload}x.{mac}", f"{payload}.{mac[:-1]}", f".{mac}", "x", "é.é"):
        headers = {"Cookie": f"{name}={forged}".encode()}
        assert browser.get("/v1/jobs", headers=headers).status_code == 401  # type: ignore[arg-type]
    monkeypatch.setattr("time.time", lambda: 9e9)
    assert browser.get("/v1/jobs", headers=cookie).status_code == 401


def test_a_session_ends_with_its_key(api: Api, truth: Truth) -> None:
    browser, cookie, _ = sign_in(api)
    with truth.database.write() as session:
        key = session.query(ApiKey).one()
        key.revoked_at = key.created_at
    assert browser.get("/v1/jobs", headers=cookie).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1:8400.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_changes_nothing(api: Api, spec: dict[str, Any], headers: dict[str, str]) -> None:
    refused = api.post("/v1/jobs", json=spec, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_origin")
    assert api.get("/v1/jobs", headers=headers).json()["data"] == []


def test_our_own_page_is_let_through(api: Api, spec: dict[str, Any]) -> None:
    for headers in ({"Origin": "http://127.0.0.1:8400"}, {"Sec-Fetch-Site": "same-origin"}):
        assert api.post("/v1/jobs", json=spec, headers=headers).status_code == 201


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]:8400", "localhost@evil.example"])
def test_a_name_that_is_not_ours_is_refused(api: Api, host: str) -> None:
    refused = api.get("/v1/jobs", headers={"Host": host})
    assert (refused.status_code, refused.json()["code"]) == (400, "host_not_allowed")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8400", "LOCALHOST", "[::1]:8400"])
def test_the_names_of_this_machine_are_served(api: Api, host: str) -> None:
    assert api.get("/v1/jobs", headers={"Host": host}).status_code == 200


def test_named_hosts_and_their_wildcards_are_served(start: Start, settings: Settings) -> None:
    api = start(settings.model_copy(update={"allowed_hosts": ("distill.example", "*.lab.example")}))
    found = {host: api.get("/v1/jobs", headers={"Host": host}).status_code for host in (
        "distill.example", "a.lab.example", "lab.example", "xlab.example", "127.0.0.1")}  # fmt: skip
    assert list(found.values()) == [200, 200, 400, 400, 400]
    assert api.get("/healthz", headers={"Host": "10.0.0.7:8400"}).status_code == 200


def test_without_authentication_everybody_is_the_local_user(
    start: Start, settings: Settings, spec: dict[str, Any]
) -> None:
    stranger = start(settings.model_copy(update={"auth": False})).with_key(None)
    stranger.submit(spec)
    assert len(stranger.get("/v1/jobs").json()["data"]) == 1
    assert stranger.get("/v1/session").json()["key_id"] is None


def test_the_use_of_a_key_is_noted(api: Api, truth: Truth) -> None:
    for _ in range(5):
        api.get("/v1/jobs")
    api.services._aside.shutdown()
    with truth.database.read() as session:
        assert session.query(ApiKey).one().last_used_at is not None
