"""A job's whole way over HTTP, the same on both databases."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx
from api_client import Served, Start, Truth

from store.settings import Settings


def test_a_job_is_submitted_followed_and_downloaded(
    start: Start, settings: Settings, database_url: str, spec: dict[str, Any], tmp_path: Path
) -> None:
    chosen = settings.model_copy(update={"database_url": database_url})
    truth = Truth(chosen)
    api = start(chosen).with_key(truth.key())
    job = api.submit(spec)
    other = api.submit(spec, name="other", labels={})
    lease = truth.claim()
    assert lease.job_id == job["id"]
    truth.relay(
        lease,
        {"type": "phase", "phase": "train", "run": "distil"},
        {"type": "progress", "phase": "train", "step": 5, "total_steps": 10, "percent": 50.0},
        {"type": "metrics", "run": "distil", "split": "train", "step": 5, "epoch": 1.0, "values": {"loss": 0.5}},
    )
    running = api.get(job["urls"]["self"]).json()
    assert (running["status"], running["phase"], running["progress"]["percent"]) == ("running", "train", 50.0)
    assert running["metrics"]["distil.train"]["values"] == {"loss": 0.5}
    assert api.post(f"{other['urls']['self']}/cancel").json()["status"] == "cancelled"
    truth.publish(api.services, tmp_path, lease, {"student.onnx": b"weights"})
    done = api.get(job["urls"]["self"]).json()
    assert (done["status"], done["verdict"]["outcome"]) == ("succeeded", "better")
    assert done["durations"].keys() == {"train"}
    assert (
        api.get("/v1/overview").json()["jobs"] | {"succeeded": 1, "cancelled": 1}
        == api.get("/v1/overview").json()["jobs"]
    )
    assert [found["id"] for found in api.get("/v1/jobs?label.team=vision").json()["data"]] == [job["id"]]
    events = api.get(job["urls"]["events"]).json()["data"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["type"] for event in events][-3:] == ["artifact", "status", "end"]
    artifact = api.get(done["urls"]["artifacts"]).json()["data"][0]
    assert hashlib.sha256(api.get(artifact["url"]).content).hexdigest() == artifact["sha256"]
    truth.database.close()


def test_a_stream_is_followed_to_its_end(
    settings: Settings, database_url: str, spec: dict[str, Any], tmp_path: Path
) -> None:
    chosen = settings.model_copy(update={"database_url": database_url})
    truth, served = Truth(chosen), Served(chosen, tmp_path / "api.log")
    try:
        with served.client(truth.key()) as client:
            job = client.post("/v1/jobs", json=spec).json()
            lease = truth.claim()
            with client.stream("GET", job["urls"]["stream"]) as response:
                seen = followed(response, lambda: truth.fail(lease))
            assert seen == list(range(1, len(seen) + 1))
            assert client.get(job["urls"]["stream"], params={"after_seq": seen[-1]}).status_code == 204
    finally:
        served.stop()
        truth.database.close()


def followed(response: httpx.Response, when_begun: Any) -> list[int]:
    seen: list[int] = []
    for line in response.iter_lines():
        if line.startswith("id: "):
            seen.append(int(line.removeprefix("id: ")))
            if len(seen) == 1:
                when_begun()
    return seen
