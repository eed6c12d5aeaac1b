"""Endpoints are told of jobs, signed, again until it worked, and only where they may be."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from api_client import Api, Start, Truth
from receiver import Receiver
from servers import wait_until
from sqlalchemy import update

from api.bodies import EVENTS
from api.pages import DASHBOARD
from api.secrets import OVERLAP
from store import monitoring, webhooks
from store.database import now
from store.models import WebhookEndpoint
from store.settings import Settings

LOOPBACK = {"webhook_networks": (ip_network("127.0.0.0/8"),), "webhook_retry_seconds": (0.05, 0.05)}


@pytest.fixture
def api(start: Start, settings: Settings) -> Api:
    return start(settings.model_copy(update=LOOPBACK))


def endpoint(api: Api, receiver: Receiver, **more: Any) -> dict[str, Any]:
    answer = api.post("/v1/webhook_endpoints", json={"url": receiver.url(), **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def deliveries(api: Api, made: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/v1/webhook_endpoints/{made['id']}/deliveries?{query}").json()["data"]
    return found


def settled(api: Api, made: dict[str, Any], count: int) -> Callable[[], bool]:
    def done() -> bool:
        found = deliveries(api, made)
        return len(found) == count and all(one["status"] != "pending" for one in found)

    return done


def test_an_endpoint_hears_of_a_job_from_its_start_to_its_end(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    with Receiver() as receiver:
        made = endpoint(api, receiver)
        job = api.post("/v1/jobs", json=spec).json()
        lease = truth.claim()
        truth.log(lease, "begins")
        truth.fail(lease)
        wait_until(settled(api, made, 2), "both messages")
        told = {json.loads(message.body)["type"]: message for message in receiver.came}
        assert set(told) == {"job.started", "job.failed"}
        payload = json.loads(told["job.failed"].body)
        assert (payload["data"]["id"], payload["data"]["status"]) == (job["id"], "failed")
        assert all(message.is_signed_by(made["secret"]) for message in receiver.came)
        assert not receiver.came[0].is_signed_by(made["secret"].replace("whsec_", "whsec_AAAA"))
        assert {one["id"] for one in deliveries(api, made)} == {m.headers["webhook-id"] for m in receiver.came}
        assert receiver.came[0].headers["host"] == f"127.0.0.1:{receiver.port}"


def test_only_what_it_listens_to_and_only_of_its_project(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    with Receiver() as receiver:
        made = endpoint(api, receiver, events=["job.cancelled"])
        other = api.with_key(truth.key("admin", project="elsewhere"))
        theirs = other.post("/v1/jobs", json=spec).json()
        ours = api.post("/v1/jobs", json=spec).json()
        other.post(f"/v1/jobs/{theirs['id']}/cancel")
        api.post(f"/v1/jobs/{ours['id']}/pause")
        api.post(f"/v1/jobs/{ours['id']}/cancel")
        wait_until(settled(api, made, 1), "the message")
        [payload] = [json.loads(message.body) for message in receiver.came]
        assert (payload["type"], payload["data"]["id"]) == ("job.cancelled", ours["id"])


def test_a_message_is_sent_again_until_it_arrives_and_each_try_is_kept(api: Api) -> None:
    with Receiver(answers=[(500, {}), (302, {"Location": "http://127.0.0.1:1/"})]) as receiver:
        made = endpoint(api, receiver)
        sent = api.post(f"/v1/webhook_endpoints/{made['id']}/test")
        assert (sent.status_code, sent.json()["status"]) == (202, "pending")
        wait_until(settled(api, made, 1), "the third try", seconds=20)
        [message] = deliveries(api, made)
        assert message["status"] == "delivered"
        assert [one["status"] for one in message["tries"]] == [500, 302, 204]
        assert len({came.headers["webhook-id"] for came in receiver.came}) == 1


def test_a_redirect_is_not_followed(api: Api) -> None:
    with Receiver() as inner, Receiver(answers=[(307, {"Location": inner.url()})] * 3) as outer:
        made = endpoint(api, outer)
        api.post(f"/v1/webhook_endpoints/{made['id']}/test")
        wait_until(settled(api, made, 1), "the last try", seconds=20)
        assert (deliveries(api, made)[0]["status"], len(outer.came), len(inner.came)) == ("failed", 3, 0)


def test_an_endpoint_that_is_gone_is_switched_off_until_somebody_enables_it(api: Api) -> None:
    with Receiver(answers=[(410, {})]) as receiver:
        made = endpoint(api, receiver)
        path = f"/v1/webhook_endpoints/{made['id']}"
        api.post(f"{path}/test")
        wait_until(settled(api, made, 1), "the refusal")
        shown = api.get(path).json()
        assert (shown["enabled"], shown["disabled_reason"]) == (False, "answered 410 Gone")
        held = api.post(f"{path}/test").json()["id"]
        assert api.patch(path, json={"enabled": True}).json()["enabled"] is True
        wait_until(settled(api, made, 2), "what was held back")
        assert [came.headers["webhook-id"] for came in receiver.came][1] == held


def test_what_failed_is_sent_again_under_its_id(api: Api) -> None:
    with Receiver(answers=[(503, {})] * 3) as receiver:
        made = endpoint(api, receiver)
        first = api.post(f"/v1/webhook_endpoints/{made['id']}/test").json()
        wait_until(settled(api, made, 1), "the last try", seconds=20)
        assert deliveries(api, made, "status=failed")[0]["id"] == first["id"]
        path = f"/v1/webhook_endpoints/{made['id']}/deliveries/{first['id']}/redeliver"
        assert api.post(path).status_code == 202
        wait_until(settled(api, made, 1), "the delivery")
        assert deliveries(api, made, "status=delivered")[0]["id"] == first["id"]
        assert len({came.headers["webhook-id"] for came in receiver.came}) == 1


def test_the_secret_is_shown_once_and_both_sign_while_one_replaces_the_other(api: Api, truth: Truth) -> None:
    with Receiver() as receiver:
        made = endpoint(api, receiver)
        path = f"/v1/webhook_endpoints/{made['id']}"
        assert api.get(path).json()["secret"] is None
        rotated = api.post(f"{path}/rotate").json()
        assert rotated["secret"] != made["secret"]
        api.post(f"{path}/test")
        wait_until(settled(api, made, 1), "the first message")
        assert [receiver.came[0].is_signed_by(one["secret"]) for one in (made, rotated)] == [True, True]
        with truth.database.write() as session:
            session.execute(update(WebhookEndpoint).values(rotated_at=now(session) - OVERLAP - timedelta(seconds=1)))
        api.post(f"{path}/test")
        wait_until(settled(api, made, 2), "the second message")
        assert [receiver.came[1].is_signed_by(one["secret"]) for one in (made, rotated)] == [False, True]


def test_a_repeated_order_makes_one_endpoint(api: Api) -> None:
    with Receiver() as receiver:
        body, headers = {"url": receiver.url()}, {"Idempotency-Key": "hook"}
        first, second = (api.post("/v1/webhook_endpoints", json=body, headers=headers) for _ in range(2))
    assert (first.json()["id"], second.json()["secret"]) == (second.json()["id"], None)


def test_an_endpoint_is_changed_and_deleted_by_version(api: Api) -> None:
    with Receiver() as receiver:
        made = endpoint(api, receiver)
    path = f"/v1/webhook_endpoints/{made['id']}"
    changed = api.patch(path, json={"name": "new", "events": ["job.failed"]}, headers={"If-Match": '"1"'})
    assert (changed.json()["name"], changed.json()["events"], changed.headers["etag"]) == ("new", ["job.failed"], '"2"')
    assert api.delete(path, headers={"If-Match": '"1"'}).status_code == 412
    assert api.delete(path, headers={"If-Match": '"2"'}).status_code == 204
    assert api.get(path).status_code == 404


def test_nobody_sees_or_changes_another_projects_endpoint(api: Api, truth: Truth) -> None:
    with Receiver() as receiver:
        made = endpoint(api, receiver)
    other = api.with_key(truth.key("admin", project="elsewhere"))
    path = f"/v1/webhook_endpoints/{made['id']}"
    asked = [other.get(path), other.patch(path, json={}), other.delete(path), other.post(f"{path}/rotate")]
    asked += [other.post(f"{path}/test"), other.get(f"{path}/deliveries")]
    assert {answer.status_code for answer in asked} == {404}
    assert api.with_key(truth.key("jobs:write", "jobs:read")).get(path).status_code == 403


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": 5}, "/url"),
        ({"url": "https://169.254.169.254/"}, "/url"),
        ({"url": "http://example.invalid/"}, "/url"),
        ({"url": "x" * 2001}, "/url"),
        ({"url": "https://8.8.8.8/", "events": ["job.exploded"]}, "/events/0"),
        ({"url": "https://8.8.8.8/", "events": []}, "/events"),
        ({"url": "https://8.8.8.8/", "secret": "mine"}, "/secret"),
    ],
)
def test_a_bad_order_is_pointed_at_and_makes_nothing(api: Api, body: dict[str, Any], pointer: str) -> None:
    answer = api.post("/v1/webhook_endpoints", json=body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert api.get("/v1/webhook_endpoints").json()["data"] == []


def test_a_project_has_so_many_endpoints_and_no_more(api: Api) -> None:
    body = {"url": "https://8.8.8.8/"}
    made = [api.post("/v1/webhook_endpoints", json=body).status_code for _ in range(21)]
    assert made == [201] * 20 + [409]


def test_an_address_that_turns_private_after_it_was_accepted_is_not_sent_to(api: Api, truth: Truth) -> None:
    with Receiver() as receiver:
        made = endpoint(api, receiver)
        with truth.database.write() as session:
            session.execute(update(WebhookEndpoint).values(url=f"https://10.0.0.1:{receiver.port}/"))
        api.post(f"/v1/webhook_endpoints/{made['id']}/test")
        wait_until(settled(api, made, 1), "the last try", seconds=20)
        [message] = deliveries(api, made)
    assert (message["status"], receiver.came) == ("failed", [])
    assert {one["error"] for one in message["tries"]} == {"the host has no public address"}


def certificate(folder: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for these names, and a server's context with it."""
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, at = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(at - timedelta(days=1)).not_valid_after(at + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    built = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(key, hashes.SHA256())
    pem = built.public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(pem)
    (folder / "both.pem").write_bytes(pem + secret)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "both.pem")
    return folder / "ca.pem", context


@pytest.mark.parametrize(("name", "status"), [("localhost", "delivered"), ("other.example", "failed")])
def test_a_certificate_must_be_the_names_though_the_address_is_pinned(
    start: Start, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, status: str
) -> None:
    authority, context = certificate(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    api = start(settings.model_copy(update=LOOPBACK))
    with Receiver(context=context) as receiver:
        answer = api.post("/v1/webhook_endpoints", json={"url": f"https://localhost:{receiver.port}/"})
        made = answer.json()
        api.post(f"/v1/webhook_endpoints/{made['id']}/test")
        wait_until(settled(api, made, 1), "the last try", seconds=20)
        [message] = deliveries(api, made)
    assert message["status"] == status
    if status == "failed":
        assert message["tries"][0]["error"] == "the certificate is not valid for this name"


def test_whatever_is_told_can_be_listened_to_here_and_in_the_dashboard() -> None:
    told = {*webhooks.TOLD.values(), *webhooks.TOLD_OF_STUDIES.values(), monitoring.DRIFTED, monitoring.STOPPED}
    offered = re.search(r"EVENTS = (\[[^]]+\])", (DASHBOARD / "js" / "webhooks" / "events.js").read_text())
    assert offered is not None
    assert re.findall(r'"([^"]+)"', offered[1]) == list(EVENTS)
    assert told == set(EVENTS)
