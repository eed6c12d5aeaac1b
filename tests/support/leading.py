"""Studies led on by hand: what a worker does to their jobs, and one look of whoever leads them on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from api_client import Api, Truth

from api.leading import Leader
from store import jobs, leases, projects, records, studies, studyruns
from store.records import StoredArtifact
from store.studies import TEACHER

BASE: dict[str, Any] = {
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 2}},
    "student": {"architecture": "resnet8", "width": 0.5},
    "training": {"epochs": 4, "batch_size": 64},
}


class Hands:
    """What a worker does to the jobs of a study, and one look of whoever leads it on."""

    def __init__(self, api: Api, truth: Truth, folder: Path) -> None:
        self.api, self.truth, self.folder = api, truth, folder
        self.leader = Leader(truth.database, truth.settings, lambda _: None)

    def look(self, study_id: str) -> None:
        """As a conductor does, whether something woke it or not."""
        with self.truth.database.write() as session:
            studyruns.wake(session, study_id)
            held = studies.take(session)
        assert held is not None
        assert held.study_id == study_id
        self.leader.lead(held)

    def claim(self) -> tuple[leases.Lease, dict[str, Any]]:
        lease = self.truth.claim()
        return lease, self.api.get(f"/v1/jobs/{lease.job_id}").json()

    def succeed(self, lease: leases.Lease, score: float, validation: float | None = None, seconds: float = 0) -> None:
        figure = {"type": "metrics", "run": "distil", "stage": "distil", "split": "validation", "step": 5, "epoch": 1.0}
        value = score if validation is None else validation
        self.truth.relay(lease, {"type": "phase", "phase": "train"}, {**figure, "values": {"accuracy": value}})
        data = f"student {lease.job_id}".encode()
        sha256 = hashlib.sha256(data).hexdigest()
        (self.folder / sha256).write_bytes(data)
        key = self.api.services.files.put(self.folder / sha256, sha256)
        left = StoredArtifact("student.safetensors", "model", "application/octet-stream", sha256, len(data), key)
        with self.truth.database.write() as session:
            if seconds:
                jobs.get_job(session, self.project(), lease.job_id).durations = {"train": seconds}
                session.flush()
            records.publish(session, lease, result(score), [left])

    def project(self) -> str:
        with self.truth.database.write() as session:
            return projects.ensure_project(session, "default").id

    def fail(self) -> str:
        lease, _ = self.claim()
        self.truth.fail(lease)
        return lease.job_id

    def play(self, study_id: str, scores: Callable[[str, int], float], seconds: float = 0) -> None:
        """Every job of the study succeeds, until the study has ended; it is led on after each."""
        for _ in range(200):
            self.look(study_id)
            if self.api.get(f"/v1/studies/{study_id}").json()["status"] != "running":
                return
            while self.queued(study_id):
                lease, job = self.claim()
                arm = job["study_arm"]
                score = 0.9 if arm.startswith(TEACHER) else scores(arm, job["study_seed"])
                self.succeed(lease, score, seconds=seconds)
        raise AssertionError("the study does not end")

    def queued(self, study_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get(f"/v1/jobs?study={study_id}&status=queued&limit=100").json()["data"]
        return found


def result(score: float) -> dict[str, Any]:
    student = {"score": score, "interval": [score - 0.01, score + 0.01], "metrics": {"accuracy": score}}
    student |= {"parameters": 20_000, "macs": 700_000, "bytes": 90_000, "latency_ms": {"p50": 0.3}}
    return {
        "metric": {"name": "accuracy"},
        "verdict": {"outcome": "unknown", "text": "no baseline"},
        "models": {"student": student},
        "resolved": {"data": {"mean": [0.3], "std": [0.25]}, "gate": {}},
    }


def faults(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {fault["pointer"]: fault["code"] for fault in answer.json()["errors"]}
