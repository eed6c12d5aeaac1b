"""The client against the real API on a real database, with the store playing the worker."""

import hashlib
import io
import threading
import zipfile
from pathlib import Path

import pytest
from live_service import SPEC, Service, artifacts, progress

from distillery import ApiError, Client


def test_a_job_is_submitted_once_listed_and_found(client: Client) -> None:
    job = client.submit(SPEC, idempotency_key="k-1")
    assert client.submit(SPEC, idempotency_key="k-1")["id"] == job["id"]
    assert job["status"] == "queued"
    assert client.job(job["id"])["spec"]["method"] == "fitnet"
    assert job["id"] in [found["id"] for found in client.jobs(status="queued", method="fitnet", q="digits")]
    with pytest.raises(ApiError) as refused:
        client.submit({**SPEC, "name": "other"}, idempotency_key="k-1")
    assert refused.value.status == 422


def test_jobs_are_walked_over_pages_of_the_service(client: Client) -> None:
    made = {client.submit({**SPEC, "labels": {"batch": "pages"}})["id"] for _ in range(103)}
    found = [job["id"] for job in client.jobs(labels={"batch": "pages"})]
    assert set(found) == made
    assert len(found) == 103


def test_a_plan_shows_what_would_run_and_makes_nothing(client: Client) -> None:
    before = client.overview()["jobs"]
    plan = client.plan(SPEC)
    assert [run["name"] for run in plan["runs"]] == ["teacher", "alone", "distil"]
    assert client.overview()["jobs"] == before


def test_a_bad_spec_is_refused_field_by_field(client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.submit({**SPEC, "student": {"architecture": "resnt8"}})
    (problem,) = refused.value.problems
    assert problem.field == "student.architecture"
    assert "resnet8" in problem.message


def test_actions_change_the_state(client: Client) -> None:
    job = client.submit(SPEC)
    assert client.pause(job["id"])["status"] == "paused"
    assert client.resume(job["id"])["status"] == "queued"
    assert client.cancel(job["id"])["status"] == "cancelled"
    assert client.cancel(job["id"])["status"] == "cancelled"
    again = client.retry(job["id"])
    assert again["retry_of"] == job["id"]
    with pytest.raises(ApiError) as refused:
        client.resume(job["id"])
    assert refused.value.status == 409


def test_the_stream_is_live_and_ends_with_the_job(client: Client, service: Service) -> None:
    job = client.submit({**SPEC, "priority": 100})
    lease = service.claim()
    assert lease.job_id == job["id"]
    seen: list[str] = []
    watcher = threading.Thread(target=lambda: seen.extend(event["type"] for event in client.stream(job["id"])))
    watcher.start()
    service.relay(lease, {"type": "phase", "phase": "train", "run": "distil"}, progress(1))
    service.relay(lease, {"type": "log", "level": "info", "message": "hello"})
    service.publish(lease, artifacts())
    watcher.join(20)
    assert seen[-1] == "end"
    assert {"status", "phase", "progress", "log", "artifact"} <= set(seen)
    events = list(client.events(job["id"]))
    assert [event["seq"] for event in events] == list(range(1, len(seen) + 1))
    assert [event["type"] for event in events] == seen
    assert list(client.stream(job["id"], after_seq=len(seen))) == []


def test_what_a_job_delivers_is_downloaded_and_checked(client: Client, service: Service, tmp_path: Path) -> None:
    job = client.submit({**SPEC, "priority": 100})
    contents = artifacts()
    service.publish(service.claim(), contents)
    assert client.wait(job["id"])["status"] == "succeeded"
    paths = client.download(job["id"], tmp_path / "out")
    assert {path.name: path.read_bytes() for path in paths} == contents
    bundle = client.bundle(job["id"], tmp_path / "bundle.zip")
    with zipfile.ZipFile(io.BytesIO(bundle.read_bytes())) as pack:
        assert {name: pack.read(name) for name in pack.namelist()} == contents


def test_a_part_of_a_download_is_completed_by_a_range(client: Client, service: Service, tmp_path: Path) -> None:
    job = client.submit({**SPEC, "priority": 100})
    contents = artifacts()
    service.publish(service.claim(), contents)
    content = contents["student.onnx"]
    sha256 = hashlib.sha256(content).hexdigest()
    (tmp_path / f".student.onnx.{sha256[:16]}.part").write_bytes(content[:123_456])
    seen: list[int] = []
    client.download(job["id"], tmp_path, ["student.onnx"], report=lambda _name, done, _total: seen.append(done))
    assert (tmp_path / "student.onnx").read_bytes() == content
    assert min(seen) > 123_456


def test_the_catalogue_is_there(client: Client) -> None:
    assert {"fitnet", "hinton"} <= {method["name"] for method in client.methods()}
    assert client.method("fitnet")["defaults"]["temperature"] == 3
    assert "digits" in {dataset["name"] for dataset in client.builtin_datasets()}
    assert client.architecture("torchvision/resnet18")["info"]["name"] == "torchvision/resnet18"
    assert len(client.architectures()) > 20
    assert client.schema()["type"] == "object"
    assert client.workers() == []


def test_a_job_is_changed_cloned_and_deleted_by_the_client(client: Client) -> None:
    job = client.submit({**SPEC, "labels": {"line": "3", "old": "1"}})
    changed = client.change(job["id"], name="renamed", labels={"old": None}, priority=7)
    assert (changed["name"], changed["labels"], changed["priority"]) == ("renamed", {"line": "3"}, 7)
    made = client.clone(job["id"], {"training": {"epochs": 6}, "labels": None})
    assert (made["clone_of"], made["name"], made["labels"]) == (job["id"], "renamed", {})
    assert client.job(made["id"])["spec"]["training"] == {"epochs": 6, "batch_size": 64}
    with pytest.raises(ApiError, match="cancel it before"):
        client.delete(job["id"])
    client.cancel(job["id"])
    client.delete(job["id"])
    with pytest.raises(ApiError) as gone:
        client.job(job["id"])
    assert gone.value.status == 404
