"""Attempts and checkpoints of a job: listed, downloaded, and gone on from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from api_client import Api, Truth

from store import checkpoints, leases
from store.checkpoints import StoredFile
from store.leases import Lease


def save(api: Api, truth: Truth, folder: Path, lease: Lease, step: int) -> str:
    """A checkpoint of one file, as a worker stores it."""
    data = f"weights at {step}".encode()
    sha256 = hashlib.sha256(data).hexdigest()
    path = folder / sha256
    path.write_bytes(data)
    file = StoredFile("runs/distil/state-1.pt", sha256, len(data), api.services.files.put(path, sha256))
    with truth.database.write() as session:
        job = leases.held(session, lease)
        return checkpoints.add(session, job, {"run": "distil", "step": step, "epoch": step / 10}, [file]).id


@pytest.fixture
def stopped(api: Api, truth: Truth, spec: dict[str, Any], tmp_path: Path) -> tuple[dict[str, Any], list[str]]:
    """A job that failed after two checkpoints, and their ids."""
    job = api.submit(spec)
    lease = truth.claim()
    made = [save(api, truth, tmp_path, lease, step) for step in (10, 20)]
    truth.fail(lease)
    return job, made


def test_attempts_say_who_tried_from_where_and_how_it_ended(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    assert api.get(job["urls"]["attempts"]).json()["data"] == []
    truth.fail(truth.claim())
    (attempt,) = api.get(job["urls"]["attempts"]).json()["data"]
    assert (attempt["number"], attempt["worker_id"], attempt["outcome"]) == (1, "w1", "failed")
    assert attempt["error"]["code"] == "invalid_data"
    assert attempt["ended_at"] >= attempt["started_at"]
    assert (attempt["checkpoint_id"], attempt["log_url"]) == (None, None)


def test_checkpoints_are_listed_newest_first_and_in_pages(api: Api, stopped: tuple[dict[str, Any], list[str]]) -> None:
    job, made = stopped
    page = api.get(f"{job['urls']['checkpoints']}?limit=1").json()
    assert [one["id"] for one in page["data"]] == made[1:]
    rest = api.get(f"{job['urls']['checkpoints']}?after={page['next_cursor']}").json()
    (older,) = rest["data"]
    assert (older["id"], older["step"], older["epoch"], older["damaged"]) == (made[0], 10, 1.0, False)
    assert api.get(f"{job['urls']['checkpoints']}/{made[0]}").json() == older


def test_a_file_of_a_checkpoint_is_downloaded_whole_or_in_part(
    api: Api, stopped: tuple[dict[str, Any], list[str]]
) -> None:
    job, _ = stopped
    (file,) = api.get(job["urls"]["checkpoints"]).json()["data"][0]["files"]
    assert file["path"] == "runs/distil/state-1.pt"
    answer = api.get(file["url"])
    assert (answer.content, answer.headers["etag"]) == (b"weights at 20", f'"{file["sha256"]}"')
    assert answer.headers["content-disposition"] == 'attachment; filename="state-1.pt"'
    assert api.get(file["url"], headers={"Range": "bytes=-2"}).content == b"20"


def test_a_job_goes_on_from_an_earlier_checkpoint_as_a_new_one(
    api: Api, truth: Truth, stopped: tuple[dict[str, Any], list[str]]
) -> None:
    job, made = stopped
    path = f"{job['urls']['checkpoints']}/{made[0]}/continue"
    answer = api.post(path, headers={"Idempotency-Key": "one"})
    assert answer.status_code == 201
    assert (answer.json()["retry_of"], answer.json()["status"]) == (job["id"], "queued")
    assert api.post(path, headers={"Idempotency-Key": "one"}).json()["id"] == answer.json()["id"]
    with truth.database.write() as session:
        claim = leases.claim(session, owner="w2", resource_classes=["cpu"], lease_seconds=60)
    assert claim is not None
    assert claim.checkpoint is not None
    assert (claim.lease.job_id, claim.checkpoint.step) == (answer.json()["id"], 10)


def test_a_damaged_checkpoint_is_shown_so_and_nothing_goes_on_from_it(
    api: Api, truth: Truth, stopped: tuple[dict[str, Any], list[str]]
) -> None:
    job, made = stopped
    with truth.database.write() as session:
        checkpoints.mark_damaged(session, made[1])
    assert api.get(f"{job['urls']['checkpoints']}/{made[1]}").json()["damaged"]
    refused = api.post(f"{job['urls']['checkpoints']}/{made[1]}/continue")
    assert (refused.status_code, refused.json()["code"]) == (409, "checkpoint_damaged")


def test_what_is_not_there_and_what_is_another_s_is_not_found(
    api: Api, truth: Truth, spec: dict[str, Any], stopped: tuple[dict[str, Any], list[str]]
) -> None:
    job, made = stopped
    other = api.submit(spec)
    stranger = api.with_key(truth.key(project="other"))
    base = job["urls"]["checkpoints"]
    paths = [f"{base}/ckpt_x", f"{base}/{made[0]}/files/../../etc/passwd", f"{base}/{made[0]}/files/runs%2F..%2Fx"]
    paths += [f"{other['urls']['checkpoints']}/{made[0]}"]
    assert [api.get(path).status_code for path in paths] == [404] * 4
    assert api.post(f"{other['urls']['checkpoints']}/{made[0]}/continue").status_code == 404
    for path in (base, f"{base}/{made[0]}", f"{base}/{made[0]}/files/runs/distil/state-1.pt", job["urls"]["attempts"]):
        assert stranger.get(path).status_code == 404
    assert stranger.post(f"{base}/{made[0]}/continue").status_code == 404
    assert api.with_key(truth.key("jobs:read")).post(f"{base}/{made[0]}/continue").status_code == 403
