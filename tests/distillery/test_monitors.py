"""`distill monitors` against the real API, with the store playing the worker."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from live_service import SPEC, Service
from pictures import archive, two_classes

from distillery import Client
from kdcore.spec.cards import DatasetCard
from store import jobs, records, registry
from store.models import Dataset, JobKind
from store.projects import ensure_project
from store.shelves import DATASETS

CARD = DatasetCard.model_validate(
    {
        "name": "line 3",
        "task": "classification",
        "input": {"kind": "image", "shape": [1, 8, 8]},
        "target": {"classes": list("0123456789")},
        "splits": {"train": {"count": 600}},
        "sha256": "b" * 64,
    }
).model_dump(mode="json")
SIDE = {"score": 0.95, "interval": [0.93, 0.97], "calibration_error": 0.02}
FOUND: dict[str, Any] = {
    "drift": {"distance": "mmd", "limit": 2.0, "threshold": 2.0, "outcome": "drifted", "reason": None, "own": None,
              "given": {"ratio": {"w2": 3.0, "mmd": 7.5}, "p_value": 0.002}},
    "metric": {"name": "accuracy", "unit": "%"},
    "before": SIDE,
    "now": {**SIDE, "score": 0.81},
    "change": {"score": -0.14, "interval": [-0.2, -0.1], "calibration_error": 0.1, "worst": ["3", "8"]},
    "dataset": {"examples": 50, "known": 0},
}  # fmt: skip


def finished(service: Service, client: Client) -> str:
    """A distillation that has succeeded."""
    job_id: str = client.submit({**SPEC, "deliver": ["safetensors"]})["id"]
    service.publish(service.claim(), {"student.safetensors": b"weights"})
    return job_id


def ready(service: Service) -> str:
    """A dataset with one ready version."""
    data = archive(two_classes())
    file = service._stored("train/inputs.npy", data)
    with service.database.write() as session:
        owner = ensure_project(session, "default").id
        made: Dataset = registry.create(session, DATASETS, owner, "line 3", most=100)
        job = jobs.create_job(session, project_id=owner, spec={"name": "x"}, plan={}, kind=JobKind.INSPECTION)
        registry.add_version(session, DATASETS, made, job, {}, {})
    with service.database.write() as session:
        records.publish(session, service.claim(), {"card": CARD, "report": {}}, [file])
    assert hashlib.sha256(data).hexdigest() == file.sha256
    return made.id


def test_a_job_is_monitored_shown_and_answered_by_command_line(distill: Any, service: Service, client: Client) -> None:
    job_id, dataset_id = finished(service, client), ready(service)
    made = distill("monitors", "create", job_id, dataset_id, "--every-hours", 24, "--no-on-new-version", "--propose")
    assert made.exit_code == 0, made.output
    monitor_id = made.stdout.strip()
    assert "every 24 h" in distill("monitors").stdout
    nothing = distill("monitors", "proposal", monitor_id)
    assert (nothing.exit_code, "nothing is proposed" in nothing.stderr) == (1, True)
    run = distill("monitors", "run", monitor_id)
    assert run.exit_code == 0, run.output
    assert run.stdout.startswith("re-evaluation 1 is job job_")
    with service.database.write() as session:
        records.publish(session, service.claim(), FOUND, [])
    shown = distill("monitors", "show", monitor_id).stdout
    for words in ("mmd over 2 times chance", "drifted", "7.5×", "81.0 %", "95.0 %", "3, 8"):
        assert words in shown, shown
    spec = json.loads(distill("monitors", "proposal", monitor_id).stdout)
    assert spec["dataset"] == {"id": dataset_id, "version": 1}
    first, second = (distill("monitors", "proposal", monitor_id, "--submit").stdout for _ in range(2))
    assert first == second
    assert client.job(first.strip())["labels"] == {"monitor": monitor_id}
    assert f"{monitor_id} is stopped" in distill("monitors", "stop", monitor_id).stdout
    assert f"{monitor_id} is active" in distill("monitors", "start", monitor_id).stdout
    assert distill("monitors", "delete", monitor_id).exit_code == 0
    assert distill("monitors", "show", monitor_id).exit_code == 3
