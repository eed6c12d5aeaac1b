"""Every format and every task through the service: uploaded, inspected, trained on, measured, downloaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from every_task import CASES, Case
from proof_claims import missing, untrue

from distillery import Client
from distillery.home import Home
from distillery.service import LocalService
from distillery.types import FINAL
from kdcore.spec.tasks import task_info

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A service as `distill up` starts it, with a real worker."""
    home = Home(tmp_path_factory.mktemp("service") / "home")
    home.make()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DISTILLERY_")}
    with LocalService(home, "127.0.0.1", 0, clean, print).running() as connection, Client(home=home.path) as client:
        assert client.url == connection.url
        yield client


def ended(client: Client, job_id: str) -> dict[str, Any]:
    """The job once it has ended."""
    for event in client.stream(job_id):
        if event["type"] == "end":
            break
    job = dict(client.job(job_id))
    assert job["status"] in FINAL
    return job


def brought(client: Client, case: Case, name: str, folder: Path) -> dict[str, Any]:
    """The dataset's version, once its inspection has ended."""
    folder.mkdir()
    upload = client.upload(case.gather(folder))
    dataset = client.create_dataset({"name": name, **case.options, "source": {"uploads": [upload["id"]]}})
    version = client.dataset_version(dataset["id"], 1)
    job = ended(client, version["job_id"])
    assert job["status"] == "succeeded", job["error"]
    return {**client.dataset_version(dataset["id"], 1), "dataset": dataset["id"]}


@pytest.mark.parametrize("name", CASES)
def test_what_is_brought_is_learnt_measured_and_delivered(client: Client, name: str, tmp_path: Path) -> None:
    case = CASES[name]
    found = brought(client, case, name, tmp_path / "source")
    assert (found["status"], found["card"]["task"]) == ("ready", case.task)
    job = ended(client, client.submit(case.spec(name, {"id": found["dataset"]}))["id"])
    assert job["status"] == "succeeded", job["error"]
    result = job["result"]
    assert result["metric"]["name"] == task_info(case.task).metric.name
    assert {"teacher", "alone", "student"} == set(result["models"])
    assert result["models"]["student"]["parameters"] < result["models"]["teacher"]["parameters"]
    assert result["verdict"]["outcome"] in ("better", "worse", "no difference")
    assert list(missing(result)) == []
    files = {Path(path).name: Path(path) for path in client.download(job["id"], tmp_path / "out")}
    assert {"student.safetensors", "report.html", "result.json"} <= set(files)
    assert list(untrue(result, {name: path.read_bytes() for name, path in files.items()})) == []
