"""Every operation, attacked: without a key, with too little of one, with another project's ids, from another site."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from api_client import SPEC, Api, Served, Start, Truth, content_digest, operations
from registering import approve, bring, bring_model

from store.settings import Settings

SAFE = {"get", "head"}
OF_WHOEVER_ASKS = {"getSession", "deleteSession", "listProjects"}
TRAVERSALS = [
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e",
    "..%5c..%5cx",
    "%00",
    "%0d%0aX-Evil:%201",
    "a" * 5000,
    "%ff%fe",
]


OPERATIONS = [found for found in operations() if found[2].get("security") != []]  # what is not for everybody
NAMES = [operation["operationId"] for _, _, operation in OPERATIONS]
every_operation = pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)


def sent(api: Api, method: str, path: str, headers: dict[str, str] | None = None) -> Any:
    """The operation with a body that it could take."""
    body = None if method in (*SAFE, "delete") else b"{}"
    given = {"Content-Type": "application/json", "Content-Digest": content_digest(b"{}")} if body else {}
    return api.request(method.upper(), path, headers={**given, **(headers or {})}, content=body)


def filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)(?::path)?\}", lambda name: values.get(name[1], "1"), path)


@pytest.fixture
def victim(api: Api, truth: Truth, tmp_path: Path) -> dict[str, str]:
    """One of everything in a project of somebody else's: path parameters by name."""
    theirs = api.with_key(truth.key("admin", project="victim"))
    job = theirs.post("/v1/jobs", json=SPEC).json()
    lease = truth.claim()
    truth.log(lease, "private")
    truth.publish(api.services, tmp_path, lease, {"student.onnx": b"weights"})
    headers = {"Content-Digest": content_digest(b"x")}
    upload = theirs.put("/v1/uploads:file?name=secret.bin", content=b"x", headers=headers).json()
    hook = theirs.post("/v1/webhook_endpoints", json={"url": "https://8.8.8.8/"}).json()
    message = theirs.post(f"/v1/webhook_endpoints/{hook['id']}/test").json()
    session = theirs.get("/v1/session").json()
    brought = bring(truth.database, project="victim")
    approve(truth.database, truth.claim())
    return {
        "dataset_id": brought.dataset_id,
        "model_id": bring_model(truth.database, project="victim").model_id,
        "job_id": job["id"],
        "name": "student.onnx",
        "checkpoint_id": "ckpt_01k8t2v4x6a8c0e2g4h6j8k0m2",
        "path": "state.pt",
        "upload_id": upload["id"],
        "number": "1",
        "key_id": session["key_id"],
        "project_id": session["project_id"],
        "endpoint_id": hook["id"],
        "delivery_id": message["id"],
    }


@every_operation
def test_nobody_gets_in_without_a_key(api: Api, method: str, path: str, operation: dict[str, Any]) -> None:
    answer = sent(api.with_key(None), method, filled(path, {}))
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer")


@every_operation
def test_a_key_of_another_kind_is_not_enough(
    api: Api, truth: Truth, method: str, path: str, operation: dict[str, Any]
) -> None:
    weak = api.with_key(truth.key("metrics"))
    answer = sent(weak, method, filled(path, {"project_id": "prj_01k8t2v4x6a8c0e2g4h6j8k0m2"}))
    name = operation["operationId"]
    if name in OF_WHOEVER_ASKS or path == "/metrics":
        assert answer.status_code in (200, 204)
    elif name in ("getProject", "getUsage"):
        assert answer.status_code == 404
    else:
        assert answer.status_code == 403, answer.text
        assert "insufficient_scope" in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        found
        for found in OPERATIONS
        if "{" in found[1] and not found[1].startswith(("/v1/methods", "/v1/architectures"))
    ],
    ids=lambda value: value.get("operationId") if isinstance(value, dict) else "",
)
def test_what_belongs_to_another_project_is_not_there(
    api: Api, truth: Truth, victim: dict[str, str], method: str, path: str, operation: dict[str, Any]
) -> None:
    attacker = api.with_key(truth.key("admin", "jobs:read", "jobs:write", project="attacker"))
    answer = sent(attacker, method, filled(path, victim))
    expected = 403 if operation["operationId"] in ("changeProject", "createProjectApiKey") else 404
    assert answer.status_code == expected, answer.text
    assert victim["job_id"] not in answer.text or "No job" in answer.text
    # And nothing happened to it.
    owner = api.with_key(truth.key("admin", project="victim"))
    assert owner.get(f"/v1/jobs/{victim['job_id']}").json()["status"] == "succeeded"
    assert owner.get(f"/v1/uploads/{victim['upload_id']}").status_code == 200
    assert owner.get(f"/v1/webhook_endpoints/{victim['endpoint_id']}").json()["version"] == 1
    assert owner.get(f"/v1/datasets/{victim['dataset_id']}").json()["versions"] == 1


@pytest.mark.parametrize(
    "listed", ["jobs", "uploads", "datasets", "models", "webhook_endpoints", "api_keys", "audit_logs", "projects"]
)
def test_no_list_shows_what_belongs_to_another_project(
    api: Api, truth: Truth, victim: dict[str, str], listed: str
) -> None:
    attacker = api.with_key(truth.key("admin", project="attacker"))
    text = attacker.get(f"/v1/{listed}?limit=100").text
    assert not [value for name, value in victim.items() if name.endswith("_id") and value in text]


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [found for found in OPERATIONS if found[0] not in SAFE],
    ids=lambda value: value.get("operationId") if isinstance(value, dict) else "",
)
def test_a_change_by_session_needs_its_token_and_comes_from_our_own_pages(
    api: Api, method: str, path: str, operation: dict[str, Any]
) -> None:
    opened = api.with_key(None).post("/v1/session", json={"key": api.key})
    cookie = opened.headers["set-cookie"].partition(";")[0]
    visitor, target = api.with_key(None), filled(path, {})
    without = sent(visitor, method, target, {"Cookie": cookie})
    assert (without.status_code, without.json()["code"]) == (403, "csrf_failed")
    wrong = sent(visitor, method, target, {"Cookie": cookie, "X-CSRF-Token": "0" * 43})
    assert wrong.json()["code"] == "csrf_failed"
    token = opened.json()["csrf_token"]
    foreign = {"Cookie": cookie, "X-CSRF-Token": token, "Origin": "https://evil.example"}
    assert sent(visitor, method, target, foreign).json()["code"] == "cross_origin"


@every_operation
def test_a_name_that_is_not_ours_is_not_served(api: Api, method: str, path: str, operation: dict[str, Any]) -> None:
    answer = sent(api, method, filled(path, {}), {"Host": "rebound.example"})
    assert (answer.status_code, answer.json()["code"]) == (400, "host_not_allowed")


@pytest.mark.parametrize("attempt", TRAVERSALS, ids=lambda text: text[:12])
@pytest.mark.parametrize("method", ["get", "delete", "put", "post", "patch"])
def test_no_name_leads_out_of_its_place(api: Api, method: str, attempt: str) -> None:
    for path in sorted({path for found, path, _ in OPERATIONS if found == method and "{" in path}):
        names = re.findall(r"\{(\w+)(?::path)?\}", path)
        answer = sent(api, method, filled(path, dict.fromkeys(names, attempt)))
        assert answer.status_code in (400, 404, 405, 409, 414, 422), f"{path}: {answer.status_code} {answer.text[:300]}"
        assert "x-evil" not in answer.headers
        assert "root:" not in answer.text


def raw(served: Served, request: bytes) -> bytes:
    """What a server answers to these very bytes."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        connection.settimeout(10)
        found = b""
        while chunk := connection.recv(65536):
            found += chunk
    return found


def test_nothing_that_a_client_sends_becomes_a_line_of_the_log(served: Served, truth: Truth) -> None:
    key, host = truth.key(), served.url.removeprefix("http://")
    forged = '%0a{"event": "forged", "level": "info"}'.replace('"', "%22").replace(" ", "%20")
    for target in (f"/v1/jobs/{forged}", f"/v1/jobs?q={forged}", f"/{forged}"):
        lines = [f"GET {target} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {key}", "Connection: close"]
        lines += ["X-Request-Id: a\tb", 'User-Agent: {"event": "forged"}']
        raw(served, "\r\n".join([*lines, "", ""]).encode())
    served.stop()
    lines = served.log.read_text().splitlines()
    assert len(lines) >= 3
    assert [json.loads(line)["event"] for line in lines].count("forged") == 0
    assert not [line for line in lines if key in line or key.split("_")[1] in line]


def test_a_key_shows_up_in_no_answer_and_in_no_log_wherever_it_was_sent(served: Served, truth: Truth) -> None:
    import httpx

    key = truth.key()
    body = key.split("_")[1]
    with httpx.Client(base_url=served.url) as client:
        answers = [
            client.get(f"/v1/jobs?key={key}", headers={"Authorization": f"Bearer {key}"}),
            client.get(f"/v1/jobs/{key}", headers={"Authorization": f"Bearer {key}"}),
            client.get("/v1/jobs", headers={"Authorization": f"Basic {key}"}),
            client.get("/v1/jobs", headers={"Authorization": f"Bearer {key}x"}),
            client.post("/v1/jobs", json={"name": key}, headers={"Authorization": f"Bearer {key}"}),
            client.post("/v1/session", json={"key": key + "x"}),
            client.get("/v1/jobs", headers={"Authorization": f"Bearer {key}", "X-Request-Id": key}),
        ]
    served.stop()
    assert body not in served.log.read_text()
    # What a client typed into a field comes back to it in a problem; a key in a header never does.
    for answer in (answers[2], answers[3], answers[5]):
        assert body not in answer.text
        assert body not in str(answer.headers)


def test_who_sends_a_body_without_end_or_without_haste_is_not_waited_for(served: Served, truth: Truth) -> None:
    host = served.url.removeprefix("http://")
    head = [
        f"Host: {host}",
        f"Authorization: Bearer {truth.key()}",
        "Content-Type: application/json",
        "Connection: close",
    ]
    large = raw(served, "\r\n".join(["POST /v1/jobs HTTP/1.1", *head, "Content-Length: 9999999999", "", ""]).encode())
    assert large.startswith(b"HTTP/1.1 413")
    many = ["POST /v1/jobs HTTP/1.1", *head, *(f"X-{number}: {'x' * 1000}" for number in range(200)), "", ""]
    assert raw(served, "\r\n".join(many).encode()).startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))


def test_keys_cannot_be_guessed_one_after_the_other(start: Start, settings: Settings, truth: Truth) -> None:
    api = start(settings)
    guesses = [f"dk_{'0' * 31}{number:x}_000000" for number in range(16)]
    statuses = [api.with_key(guesses[turn % 16]).get("/v1/jobs").status_code for turn in range(60)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert api.get("/v1/jobs").status_code == 429  # not even a right one tells that it is right


def test_a_cookie_of_another_server_or_time_opens_nothing(api: Api, start: Start, settings: Settings) -> None:
    other = settings.model_copy(update={"secret": settings.secret.__class__("x" * 40)})
    stranger = start(other)
    forged = stranger.services.signer.seal(stranger.services.signer.issue("key_01k8t2v4x6a8c0e2g4h6j8k0m2", 3600))
    own = api.services.signer
    key_id = api.get("/v1/session").json()["key_id"]
    late = own.seal(own.issue(key_id, -1))
    payload, _, mac = own.seal(own.issue(key_id, 3600)).partition(".")
    for cookie in (forged, late, f"{payload}x.{mac}", f"{payload}.{mac[:-1]}", "a.b", "", "." * 300):
        headers = {"Cookie": f"distillery_session_8400={cookie}"}
        assert api.with_key(None).get("/v1/session", headers=headers).status_code == 401
