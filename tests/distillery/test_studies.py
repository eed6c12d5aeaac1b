"""`distill study` against the real API, with the store playing the worker."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

from live_service import Service

from distillery import Client
from store import records

SPEC: dict[str, Any] = {
    "name": "cli-study",
    "question": "is it luck?",
    "base": {
        "dataset": {"name": "digits"},
        "student": {"architecture": "resnet8", "width": 0.5},
        "method": "student-alone",
        "training": {"epochs": 2},
        "priority": 100,
    },
    "seeds": 3,
}


def play(service: Service, client: Client, study_id: str) -> None:
    """Every job of the study succeeds, with its seed in the score."""
    until = time.monotonic() + 60
    while client.study(study_id)["status"] == "running":
        assert time.monotonic() < until
        for _ in list(client.jobs(study=study_id, status="queued")):
            lease = service.claim()
            seed = client.job(lease.job_id)["study_seed"]
            student = {"score": 0.9 + seed / 100, "parameters": 20_000, "bytes": 88_000, "latency_ms": {"p50": 0.3}}
            with service.database.write() as session:
                records.publish(session, lease, {"models": {"student": student}, "verdict": None}, [])
        time.sleep(0.2)


def test_a_study_is_planned_submitted_followed_and_shown_by_command_line(
    distill: Any, service: Service, client: Client, tmp_path: Path
) -> None:
    spec = tmp_path / "study.yaml"
    spec.write_text(json.dumps(SPEC))
    planned = distill("study", "plan", spec)
    assert planned.exit_code == 0, planned.output
    assert "3 jobs, about" in planned.stdout
    begun = distill("study", "submit", spec)
    assert begun.exit_code == 0, begun.output
    study_id = begun.stdout.strip()
    assert f"distill study watch {study_id}" in begun.stderr
    play(service, client, study_id)
    watched = distill("study", "watch", study_id)
    assert watched.exit_code == 0, watched.output
    assert "3 of 3 jobs have ended" in watched.stderr
    for words in ("is it luck?", "91.0 %", "88.5 – 93.5 %", "20.0 k", "done"):
        assert words in watched.stdout, watched.stdout
    assert study_id in distill("study", "list", "--q", "cli-").stdout
    (job,) = (one for one in client.jobs(study=study_id) if one["study_seed"] == 1)
    assert f"{study_id}, arm {job['study_arm']}, seed 1" in distill("show", job["id"]).stdout
    rows = list(csv.DictReader(io.StringIO(distill("study", "results", study_id, "--csv").stdout)))
    assert [(row["seed"], row["score"]) for row in rows] == [("0", "0.9"), ("1", "0.91"), ("2", "0.92")]
    assert distill("study", "results", study_id, "-o", tmp_path / "table.json").exit_code == 0
    assert json.loads((tmp_path / "table.json").read_text())["complete"] is True
    assert distill("study", "delete", study_id).exit_code == 0
    assert distill("study", "show", study_id).exit_code == 3


def test_a_fault_is_shown_at_its_line_and_a_cancelled_study_ends(distill: Any, client: Client, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: a\nbase: {dataset: {name: digits}, student: {architecture: resnet8}}\nreference: other\n")
    refused = distill("study", "submit", bad)
    assert refused.exit_code == 2
    assert f"{bad}:3: reference: no arm is called 'other'" in refused.stderr
    study_id = client.create_study(SPEC)["id"]
    assert distill("study", "cancel", study_id).exit_code == 0
    until = time.monotonic() + 30
    while client.study(study_id)["status"] != "cancelled":
        assert time.monotonic() < until
        time.sleep(0.2)


def test_a_pilot_of_a_job_spec_is_decided_approved_and_rolled_back_by_command_line(
    distill: Any, service: Service, client: Client, tmp_path: Path
) -> None:
    job = {**SPEC["base"], "name": "hinton-job", "method": "hinton"}
    job["teacher"] = {"architecture": "resnet20", "train": {"epochs": 1}}
    spec = tmp_path / "job.yaml"
    spec.write_text(json.dumps(job, indent=2).replace('"hinton"', '"hnton"'))
    refused = distill("study", "pilot", spec)
    line = 1 + spec.read_text().splitlines().index('  "method": "hnton",')
    assert (refused.exit_code, f"{spec}:{line}: base.method: no method" in refused.stderr) == (2, True), refused.stderr
    spec.write_text(json.dumps(job))
    begun = distill("study", "pilot", spec)
    assert begun.exit_code == 0, begun.output
    study_id = begun.stdout.strip()
    assert distill("study", "approve", study_id, "--plan", "huge").exit_code == 2
    end_without_a_figure(service, client, study_id)
    watched = distill("study", "watch", study_id)
    assert watched.exit_code == 0, watched.output
    for words in ("no-go", "quick", "thorough", "--despite-no-go"):
        assert words in watched.stdout, watched.stdout
    assert distill("study", "approve", study_id, "--plan", "quick").exit_code != 0
    approved = distill("study", "approve", study_id, "--plan", "quick", "--despite-no-go")
    assert "is running, plan quick" in approved.stdout, approved.output
    back = distill("study", "rollback", study_id)
    assert "is waiting" in back.stdout, back.output
    until = time.monotonic() + 30
    while distill("study", "reject", study_id).exit_code != 0:  # its jobs have to end first
        assert time.monotonic() < until
        time.sleep(0.2)
    assert client.study(study_id)["reason"] == "rejected"


def end_without_a_figure(service: Service, client: Client, study_id: str) -> None:
    """No job succeeds, so that the pilot can only say no-go."""
    until = time.monotonic() + 60
    while client.study(study_id)["status"] == "running":
        assert time.monotonic() < until
        for _ in list(client.jobs(study=study_id, status="queued")):
            lease = service.claim()
            with service.database.write() as session:
                records.fail(session, lease, {"code": "invalid_data", "message": "no"}, retry=False)
        time.sleep(0.2)
