"""A running API on a free port, and what a worker does to its jobs."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import api_client

from store import checkpoints, leases, records
from store.checkpoints import StoredFile
from store.database import Database
from store.files import files
from store.records import StoredArtifact
from store.settings import Settings

SPEC: dict[str, Any] = {**api_client.SPEC, "name": "digits-fitnet", "labels": {}}
MODEL = {"score": 0.95, "interval": [0.93, 0.97], "parameters": 19_800, "bytes": 88_000, "latency_ms": {"p50": 0.31}}
RESULT = {
    "name": "digits-fitnet",
    "metric": {"task": "classification", "name": "accuracy", "title": "accuracy", "unit": "%"},
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


def artifacts(**more: bytes) -> dict[str, bytes]:
    contents = {"student.onnx": os.urandom(300_000), "result.json": json.dumps(RESULT).encode(), **more}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    return {**contents, "SHA256SUMS": sums.encode()}


def progress(epoch: int) -> dict[str, Any]:
    return {"type": "progress", "phase": "train", "run": "distil", "stage": "distil", "epoch": epoch, "epochs": 4,
            "step": epoch * 20, "total_steps": 80, "percent": 25.0 * epoch, "eta_seconds": 5.0}  # fmt: skip
