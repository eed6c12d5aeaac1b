"""The command line against the real API on a real database, with the store playing the worker."""

import json
from pathlib import Path
from typing import Any

import pytest
from live_service import SPEC, Service, artifacts, progress
from servers import free_port

from distillery import ApiError, Client


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


@pytest.mark.parametrize("command", ["methods", "architectures", "datasets", "workers", "queues", "jobs"])
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


def test_projects_are_made_changed_and_their_usage_shown_by_command_line(distill: Any, client: Client) -> None:
    made = distill("projects", "create", "line 3", "--concurrency", "2", "--json")
    assert made.exit_code == 0, made.stderr
    project = json.loads(made.stdout)
    with Client(client.url, project["key"]) as inside:
        assert [one["id"] for one in inside.projects()] == [project["id"]]
    changed = distill("projects", "change", project["id"], "--month-hours", "7.5", "--concurrency", "none", "--json")
    assert [json.loads(changed.stdout)[name] for name in ("month_hours", "concurrency")] == [7.5, None]
    listed = distill("projects")
    assert project["id"] in listed.stdout
    assert "0.00 h in all" in distill("usage", project["id"]).stdout
    assert distill("projects", "change", project["id"], "--concurrency", "lots").exit_code == 2
    assert distill("projects", "change", project["id"]).exit_code == 2
    own = json.loads(distill("usage", "--json").stdout)
    assert own["project_id"] == client.session()["project_id"] != project["id"]


def test_webhooks_are_made_tried_and_ended_by_command_line(distill: Any) -> None:
    made = distill("webhooks", "create", "https://8.8.8.8/hook", "--name", "line 3", "--event", "job.failed", "--json")
    assert made.exit_code == 0, made.stderr
    endpoint = json.loads(made.stdout)
    assert endpoint["events"] == ["job.failed"]
    assert "off" in distill("webhooks", "disable", endpoint["id"]).stdout + distill("webhooks").stdout
    sent = distill("webhooks", "test", endpoint["id"]).stdout.split()[0]
    assert [one["id"] for one in json.loads(distill("webhooks", "deliveries", endpoint["id"], "--json").stdout)] == [
        sent
    ]
    assert sent in distill("webhooks", "deliveries", endpoint["id"]).stdout
    assert distill("webhooks", "redeliver", endpoint["id"], sent).exit_code == 0
    rotated = distill("webhooks", "rotate", endpoint["id"])
    assert rotated.stdout.startswith("whsec_")
    assert rotated.stdout.strip() != endpoint["secret"]
    assert distill("webhooks", "delete", endpoint["id"]).exit_code == 0
    refused = distill("webhooks", "create", "https://10.0.0.1/")
    assert (refused.exit_code, "no public address" in refused.stderr) == (2, True)
