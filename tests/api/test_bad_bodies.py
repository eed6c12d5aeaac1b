"""Every operation that takes JSON, given what is no JSON, or not this: the right status, and nothing has changed."""

from __future__ import annotations

import pytest
from api_client import SPEC, Api, Truth, operations
from registering import bring, bring_model, ended_study, stopped_monitor
from storing import everything

JSON = "application/json"


OPERATIONS = [
    (method, path, found["operationId"])
    for method, path, found in operations()
    if JSON in found.get("requestBody", {}).get("content", {})
]
BAD: dict[str, tuple[bytes, str, int]] = {
    "nothing": (b"", JSON, 400),
    "no object": (b"[1, 2]", JSON, 422),
    "a text": (b'"spec"', JSON, 422),
    "cut off": (b'{"name": "x"', JSON, 400),
    "not a number": (b'{"name": NaN}', JSON, 400),
    "infinity": (b'{"name": 1e999}', JSON, 400),
    "an enormous number": (b'{"name": ' + b"9" * 400 + b"}", JSON, 400),
    "a key twice": (b'{"name": "a", "name": "b"}', JSON, 400),
    "too deep": (b'{"a":' * 60 + b"1" + b"}" * 60, JSON, 400),
    "not UTF-8": (b'{"name": "\xff\xfe"}', JSON, 400),
    "NUL": (b'{"name": "a\\u0000b"}', JSON, 422),
    "half a pair": (b'{"name": "\\ud800"}', JSON, 422),
    "an unknown field": (b'{"surely_unknown_field": 1}', JSON, 422),
    "a form": (b"name=x", "application/x-www-form-urlencoded", 415),
    "another charset": (b"{}", "application/json; charset=utf-16", 415),
    "no type": (b"{}", "", 415),
    "too large": (b'{"name": "' + b"x" * 2_000_000 + b'"}', JSON, 413),
}


def test_there_are_operations_to_try() -> None:
    assert len(OPERATIONS) > 12


@pytest.fixture
def values(api: Api, truth: Truth) -> dict[str, str]:
    """Path parameters of things that exist."""
    job = api.post("/v1/jobs", json=SPEC).json()
    hook = api.post("/v1/webhook_endpoints", json={"url": "https://8.8.8.8/"}).json()
    upload = api.post("/v1/uploads", json={"name": "n", "bytes": 5}).json()
    session = api.get("/v1/session").json()
    dataset = bring(truth.database)
    return {
        "job_id": job["id"],
        "dataset_id": dataset.dataset_id,
        "model_id": bring_model(truth.database).model_id,
        "alias": "champion",
        "endpoint_id": hook["id"],
        "upload_id": upload["id"],
        "key_id": session["key_id"],
        "project_id": session["project_id"],
        "study_id": ended_study(truth.database, session["project_id"]),
        "monitor_id": stopped_monitor(truth.database, session["project_id"]),
    }


@pytest.mark.parametrize(("method", "path", "name"), OPERATIONS, ids=[name for *_, name in OPERATIONS])
def test_a_body_that_cannot_be_used_is_refused_and_changes_nothing(
    api: Api, truth: Truth, values: dict[str, str], method: str, path: str, name: str
) -> None:
    before = everything(truth.database)
    for kind, (body, media, expected) in BAD.items():
        headers = {"Content-Type": media} if media else {}
        answer = api.request(method.upper(), path.format_map(values), headers=headers, content=body)
        told = f"{name}, {kind}: {answer.status_code} {answer.text[:200]}"
        # A merge patch may name a field that the spec does not know: that is found in the spec.
        assert answer.status_code == expected, told
        assert answer.headers["content-type"] == "application/problem+json", told
        if expected == 422:
            assert all(fault["pointer"].startswith("/") or not fault["pointer"] for fault in answer.json()["errors"])
            assert answer.json()["errors"], told
    assert everything(truth.database) == before
