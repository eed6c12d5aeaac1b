"""The client and the command line against the real API: a program of its own, and this test in the worker's place."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from servers import free_port, wait_until
from typer.testing import CliRunner

from distillery import ApiError, Client
from distillery.cli import app
from store import checkpoints, keys, leases, projects, records
from store.checkpoints import StoredFile
from store.database import Database
from store.files import files
from store.records import StoredArtifact
from store.settings import Settings

SPEC: dict[str, Any] = {
    "name": "digits-fitnet",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 2}},
    "student": {"architecture": "resnet8", "width": 0.5},
    "method": "fitnet",
    "training": {"epochs": 4, "batch_size": 64},
}
MODEL = {"accuracy": 0.95, "interval": [0.93, 0.97], "parameters": 19_800, "bytes": 88_000, "latency_ms": {"p50": 0.31}}
RESULT = {
    "name": "digits-fitnet",
    "verdict": {"outcome": "better", "text": "+2.0 points of accuracy (95 % interval +0.5 to +3.5)"},
    "models": {"teacher": MODEL, "alone": MODEL, "student": MODEL},
}


@dataclass
class Service:
    """A running API, and what a worker does to its jobs."""

    url: str
    key: str
    settings: Settings
    database: Database
    folder: Path

    def claim(self) -> leases.Lease:
        with self.database.write() as session:
            claim = leases.claim(session, owner="wrk_test", resource_classes=["cpu"], lease_seconds=600)
        assert claim is not None
        return claim.lease

    def relay(self, lease: leases.Lease, *told: dict[str, Any]) -> None:
        with self.database.write() as session:
            records.relay(session, lease, list(told))

    def checkpoint(self, lease: leases.Lease, step: int) -> str:
        artifact = self._stored("state", b"weights")
        file = StoredFile("state.pt", artifact.sha256, artifact.bytes, artifact.key)
        with self.database.write() as session:
            job = leases.held(session, lease)
            return checkpoints.add(session, job, {"run": "teacher", "step": step, "epoch": 1.0}, [file]).id

    def publish(self, lease: leases.Lease, contents: dict[str, bytes]) -> None:
        stored = [self._stored(name, data) for name, data in contents.items()]
        with self.database.write() as session:
            records.publish(session, lease, RESULT, stored)

    def fail(self, lease: leases.Lease) -> None:
        error = {
            "code": "invalid_data",
            "message": "no label 11",
            "param": "dataset",
            "log_tail": ["one", "two\x1b[2J"],
        }
        with self.database.write() as session:
            records.fail(session, lease, error, retry=False)

    def _stored(self, name: str, data: bytes) -> StoredArtifact:
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.folder / sha256
        path.write_bytes(data)
        key = files(self.settings).put(path, sha256)
        return StoredArtifact(name, "file", "application/octet-stream", sha256, len(data), key)


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "distillery.sqlite").write_bytes(sqlite_template.read_bytes())
    port, secret = free_port(), "0123456789abcdef" * 4
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DISTILLERY_")}
    environment |= {"DISTILLERY_HOME": str(folder), "DISTILLERY_PORT": str(port), "DISTILLERY_SECRET": secret}
    settings = Settings(home=folder, secret=secret)  # type: ignore[arg-type]
    database = Database(settings.database_url)
    with database.write() as session:
        project = projects.ensure_project(session, "default")
        key = keys.create_key(session, project.id, "test", ["admin", "operate"], secret=settings.secret_bytes())[1]
    with (folder / "api.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "api"], env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None, (folder / "api.log").read_text()
        try:
            return httpx.get(f"{url}/readyz").is_success
        except httpx.TransportError:
            return False

    try:
        wait_until(ready, "the API")
        yield Service(url, key, settings, database, folder)
    finally:
        process.terminate()
        process.wait(20)
        database.close()


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(service.url, service.key) as client:
        yield client
        for job in client.jobs():
            if job["status"] not in ("succeeded", "failed", "cancelled"):
                client.cancel(job["id"])


@pytest.fixture
def distill(service: Service, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command line, connected by the environment; gives exit code, stdout and stderr."""
    monkeypatch.setenv("DISTILLERY_URL", service.url)
    monkeypatch.setenv("DISTILLERY_API_KEY", service.key)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, input: str | None = None) -> Any:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=input)

    return run


def artifacts(**more: bytes) -> dict[str, bytes]:
    contents = {"student.onnx": os.urandom(300_000), "result.json": json.dumps(RESULT).encode(), **more}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    return {**contents, "SHA256SUMS": sums.encode()}


def progress(epoch: int) -> dict[str, Any]:
    return {"type": "progress", "phase": "train", "run": "distil", "stage": "distil", "epoch": epoch, "epochs": 4,
            "step": epoch * 20, "total_steps": 80, "percent": 25.0 * epoch, "eta_seconds": 5.0}  # fmt: skip


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
    assert "digits" in {dataset["name"] for dataset in client.datasets()}
    assert client.architecture("torchvision/resnet18")["info"]["name"] == "torchvision/resnet18"
    assert len(client.architectures()) > 20
    assert client.schema()["type"] == "object"
    assert client.workers() == []


def test_submit_watch_show_download_by_command_line(
    distill: Any, service: Service, client: Client, tmp_path: Path
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(json.dumps(SPEC))
    done = distill("submit", spec, "--label", "team=x", "--priority", "100")
    assert done.exit_code == 0, done.output
    job_id = done.stdout.strip()
    lease = service.claim()
    service.relay(lease, {"type": "phase", "phase": "train", "run": "distil"}, progress(2))
    service.publish(lease, artifacts())
    watched = distill("watch", job_id)
    assert watched.exit_code == 0, watched.output
    for words in (
        "phase train",
        "epoch 2/4",
        "status succeeded",
        "distilled student",
        "93.0 – 97.0 %",
        "better:",
    ):
        assert words in watched.stdout
    shown = distill("show", job_id)
    assert "team=x" in shown.stdout
    assert "student.onnx" in shown.stdout
    assert json.loads(distill("show", job_id, "--json").stdout)["labels"] == {"team": "x"}
    assert [json.loads(line)["type"] for line in distill("watch", job_id, "--json").stdout.splitlines()][-1] == "end"
    assert job_id in [job["id"] for job in json.loads(distill("jobs", "--label", "team=x", "--json").stdout)]
    assert job_id in distill("jobs", "--status", "succeeded", "--limit", "1").stdout
    downloaded = distill("download", job_id, "--output", tmp_path / "out")
    assert downloaded.exit_code == 0, downloaded.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["SHA256SUMS", "result.json", "student.onnx"]


def test_a_failed_job_ends_the_watch_with_1_and_its_reason(distill: Any, service: Service, client: Client) -> None:
    job = client.submit({**SPEC, "priority": 100})
    service.fail(service.claim())
    done = distill("watch", job["id"])
    assert done.exit_code == 1
    assert "[invalid_data]: no label 11 (field dataset)" in done.stderr
    assert "two [2J" in done.stderr


def test_exit_codes_are_those_documented(distill: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: a\ndataset: {name: digits}\nstudent:\n  architecture: resnt8\nmethod: student-alone\n")
    refused = distill("submit", bad)
    assert refused.exit_code == 2
    assert f"{bad}:4: student.architecture: " in refused.stderr
    assert distill("submit", tmp_path / "none.yaml").exit_code == 2
    assert distill("submit", bad, "--label", "x").exit_code == 2
    assert distill("show", "job_none").exit_code == 3
    assert distill("methods", "show", "nope").exit_code == 3
    monkeypatch.setenv("DISTILLERY_API_KEY", "dk_wrong")
    denied = distill("jobs")
    assert denied.exit_code == 4
    assert "DISTILLERY_API_KEY" in denied.stderr
    monkeypatch.setenv("DISTILLERY_URL", f"http://127.0.0.1:{free_port()}")
    lost = distill("jobs")
    assert lost.exit_code == 5
    assert "distill up" in lost.stderr


def test_a_folder_that_cannot_be_written_is_named(
    distill: Any, service: Service, client: Client, tmp_path: Path
) -> None:
    job = client.submit({**SPEC, "priority": 100})
    service.publish(service.claim(), artifacts())
    (tmp_path / "taken").write_text("a file")
    done = distill("download", job["id"], "--output", tmp_path / "taken")
    assert done.exit_code == 1
    assert done.stderr == f"{tmp_path / 'taken'}: File exists\n"


def test_a_job_without_files_says_so(distill: Any, client: Client, tmp_path: Path) -> None:
    job = client.submit(SPEC)
    done = distill("download", job["id"], "--output", tmp_path / "out")
    assert done.exit_code == 1
    assert "is queued and has no files to download" in done.stderr


def test_a_plan_is_a_table_with_its_warnings_at_their_lines(distill: Any, tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "name: a\ndataset: {name: digits}\nteacher: {architecture: resnet8, train: {epochs: 2}}\n"
        "student: {architecture: resnet20}\nmethod: fitnet\ntraining: {epochs: 4}\n"
    )
    done = distill("plan", spec)
    assert done.exit_code == 0, done.output
    for words in ("digits", "resnet20", "hint", "student alone", "soft_cross_entropy (temperature 3)", "4 → 1"):
        assert words in done.stdout
    assert f"warning {spec}:4: student: " in done.stderr
    assert json.loads(distill("plan", spec, "--json").stdout)["method"] == "fitnet"


def test_a_spec_can_come_from_standard_input(distill: Any) -> None:
    done = distill("plan", "-", input=json.dumps(SPEC))
    assert done.exit_code == 0, done.output
    assert distill("plan", "-", input="a: 1\na: 2").exit_code == 2


@pytest.mark.parametrize("command", ["methods", "architectures", "datasets", "workers", "jobs"])
def test_every_list_prints_for_people_and_for_programs(distill: Any, command: str) -> None:
    shown = distill(command)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.strip()
    assert isinstance(json.loads(distill(command, "--json").stdout), list)


@pytest.mark.parametrize("arguments", [("methods", "show", "fitnet"), ("architectures", "show", "resnet20")])
def test_one_of_a_kind_is_shown_for_people_and_for_programs(distill: Any, arguments: tuple[str, ...]) -> None:
    shown = distill(*arguments)
    assert shown.exit_code == 0, shown.output
    assert arguments[-1] in shown.stdout
    assert isinstance(json.loads(distill(*arguments, "--json").stdout), dict)


def test_jobs_are_cancelled_by_command_line(distill: Any, client: Client) -> None:
    first, second = client.submit(SPEC)["id"], client.submit(SPEC)["id"]
    done = distill("cancel", first, second)
    assert done.stdout.splitlines() == [f"{first} is cancelled", f"{second} is cancelled"]
    retried = distill("retry", first)
    assert f"(again for {first})" in retried.stdout


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


def test_a_job_is_changed_cloned_and_deleted_by_command_line(distill: Any, client: Client) -> None:
    job_id = client.submit({**SPEC, "labels": {"old": "1"}})["id"]
    assert distill("change", job_id).exit_code == 2
    assert distill("change", job_id, "--label", "old=", "--label", "line=3").stdout == f"{job_id} is at version 2\n"
    assert client.job(job_id)["labels"] == {"line": "3"}
    made = json.loads(distill("clone", job_id, "--set", "training.epochs=6", "--set", "method=hinton", "--json").stdout)
    assert (made["clone_of"], made["method"]) == (job_id, "hinton")
    assert f"clone of   {job_id}" in distill("show", made["id"]).stdout
    refused = distill("clone", job_id, "--set", "training.epochz=6")
    assert (refused.exit_code, "training.epochz" in refused.stderr) == (2, True)
    distill("cancel", job_id)
    assert distill("delete", job_id, input="n\n").exit_code == 1
    assert distill("delete", job_id, "--yes").stdout == f"{job_id} is deleted\n"
    assert distill("show", job_id).exit_code == 3


def test_the_history_shows_attempts_and_checkpoints_and_a_job_goes_on_from_one(
    distill: Any, client: Client, service: Service
) -> None:
    job = client.submit({**SPEC, "priority": 100})
    assert "No worker has tried yet." in distill("history", job["id"]).stdout
    lease = service.claim()
    checkpoint_id = service.checkpoint(lease, step=40)
    service.fail(lease)
    shown = distill("history", job["id"]).stdout
    assert all(text in shown for text in ("failed", "wrk_test", checkpoint_id, "40", "sound"))
    (attempt,) = client.attempts(job["id"])
    (checkpoint,) = client.checkpoints(job["id"])
    assert (attempt["number"], checkpoint["id"]) == (1, checkpoint_id)
    told = distill("continue", job["id"], checkpoint_id).stdout
    assert f"goes on from {checkpoint_id}" in told
    assert client.job(told.split()[0])["retry_of"] == job["id"]


def test_keys_are_made_replaced_and_ended_by_command_line(distill: Any, client: Client, service: Service) -> None:
    plaintext = distill("keys", "create", "line 3", "--scope", "jobs:read", "--days", "3").stdout.strip()
    with Client(service.url, plaintext) as reader:
        assert "queued" in reader.overview()["jobs"]
    (made,) = [key for key in client.api_keys() if key["name"] == "line 3"]
    listed = distill("keys").stdout
    assert made["id"] in listed
    assert plaintext not in listed
    fresh = json.loads(distill("keys", "rotate", made["id"], "--overlap-hours", "0", "--json").stdout)
    with Client(service.url, plaintext) as reader, pytest.raises(ApiError, match="expired"):
        reader.overview()
    assert distill("keys", "revoke", fresh["id"]).stdout == f"{fresh['id']} is revoked\n"
    assert distill("keys", "create", "x", "--scope", "root").exit_code == 2
    told = json.loads(distill("audit", "--target", fresh["id"], "--json").stdout)
    assert [entry["action"] for entry in told] == ["api_key.revoke", "api_key.rotate"]
    assert "api_key.revoke" in distill("audit", "--action", "api_key.revoke").stdout
