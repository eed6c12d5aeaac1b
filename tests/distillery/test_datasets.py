"""Datasets by client and command line: a folder becomes a dataset that a real worker has looked at."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crew import Crew
from live_service import Service
from pictures import two_classes

from distillery import ApiError, AsyncClient, Client

ORDER = {"format": "image-folder", "size": {"height": 8, "width": 8}}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder with pictures of two classes."""
    for name, data in two_classes().items():
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "scans"


@pytest.fixture(scope="module")
def crew(service: Service) -> Iterator[Crew]:
    """A worker of the service."""
    found = Crew(service.folder, service.settings.database_url, service.settings.broker_url)
    found.hire()
    yield found
    found.close()


def test_a_folder_becomes_a_dataset_by_one_command(distill: Any, crew: Crew, scans: Path, tmp_path: Path) -> None:
    (scans / "dark" / "broken.png").write_bytes(b"no picture")
    (scans / "light" / "twin.png").write_bytes((scans / "light" / "0001.png").read_bytes())
    options = tmp_path / "options.yaml"
    options.write_text("format: image-folder\nsize: {height: 8, width: 8}\ncut: {test: 0.3}\n")
    command = ("datasets", "create", scans, "-o", options, "--name", "scans", "--quarantine", "-s", "cut.seed=4")
    made = distill(*command)
    assert made.exit_code == 0, made.output
    dataset_id = made.stdout.splitlines()[0]
    assert dataset_id.startswith("ds_")
    for words in ("version 1 is ✔ ready", "examples: train 17, test 8", "1 items left out", "dark/broken.png", "dark"):
        assert words in made.stdout, made.stdout
    listed = distill("datasets")
    assert dataset_id in listed.stdout
    assert "digits" in listed.stdout
    assert dataset_id in distill("datasets", "list", "--task", "classification").stdout
    assert "scans.tar" in distill("datasets", "show", dataset_id).stdout
    assert "image" not in distill("datasets", "versions", dataset_id).stderr
    assert json.loads(distill("datasets", "report", dataset_id, "--json").stdout)["state"] == "ready"
    assert "dark" in distill("datasets", "samples", dataset_id).stdout
    fetched = distill("datasets", "download", dataset_id, tmp_path / "pack")
    assert fetched.exit_code == 0, fetched.output
    card = json.loads((tmp_path / "pack" / "dataset.json").read_text())
    for file in card["files"]:
        assert hashlib.sha256((tmp_path / "pack" / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    assert distill("datasets", "delete", dataset_id).exit_code == 0
    assert distill("datasets", "show", dataset_id).exit_code == 3


def test_a_dataset_that_is_refused_says_so_and_ends_with_one(distill: Any, crew: Crew, scans: Path) -> None:
    (scans / "dark" / "broken.png").write_bytes(b"no picture")
    made = distill("datasets", "create", scans, "--name", "refused", "-f", "image-folder")
    assert made.exit_code == 1
    assert "✘ failed" in made.stdout
    assert "dark/broken.png" in made.stdout
    dataset_id = made.stdout.splitlines()[0]
    mended = distill("datasets", "create", scans, "--into", dataset_id, "-f", "image-folder", "--quarantine", "--json")
    assert mended.exit_code == 0, mended.output
    assert (json.loads(mended.stdout)["number"], json.loads(mended.stdout)["status"]) == (2, "ready")


def test_options_that_are_wrong_are_shown_at_their_line(
    distill: Any, service: Service, scans: Path, tmp_path: Path
) -> None:
    options = tmp_path / "options.yaml"
    options.write_text("format: image-folder\nname: x\nsize:\n  height: 1\n")
    made = distill("datasets", "create", scans, "-o", options)
    assert made.exit_code == 2
    assert "options.yaml:4" in made.stderr
    neither = distill("datasets", "create", "--name", "x", "-f", "npz")
    assert (neither.exit_code, "--import" in neither.stderr) == (2, True)
    nowhere = distill("datasets", "create", "--import", "lake/x", "--name", "x", "-f", "npz")
    assert (nowhere.exit_code, "lake" in nowhere.stderr) == (2, True)


def test_the_client_makes_changes_and_forgets_datasets(client: Client, scans: Path) -> None:
    upload = client.upload(scans)
    made = client.create_dataset(
        {**ORDER, "name": "by client", "source": {"uploads": [upload["id"]]}}, idempotency_key="k"
    )
    again = client.create_dataset(
        {**ORDER, "name": "by client", "source": {"uploads": [upload["id"]]}}, idempotency_key="k"
    )
    assert made["id"] == again["id"]
    assert client.change_dataset(made["id"], description="new")["description"] == "new"
    assert [one["id"] for one in client.datasets(q="by c")] == [made["id"]]
    version = client.dataset_version(made["id"], 1)
    assert [job["id"] for job in client.jobs(kind="inspection") if job["id"] == version["job_id"]]
    client.cancel(version["job_id"])
    client.delete_dataset(made["id"])
    with pytest.raises(ApiError) as gone:
        client.dataset(made["id"])
    assert gone.value.status == 404


def test_the_awaited_client_does_the_same(service: Service, crew: Crew, scans: Path, tmp_path: Path) -> None:
    async def use() -> list[Path]:
        async with AsyncClient(service.url, service.key) as client:
            upload = await client.upload(scans, name="awaited.tar")
            made = await client.create_dataset({**ORDER, "name": "awaited", "source": {"uploads": [upload["id"]]}})
            (version,) = await client.dataset_versions(made["id"])
            assert (await client.wait(version["job_id"]))["status"] == "succeeded"
            assert (await client.dataset_report(made["id"], 1))["splits"]["train"]["count"] == 24
            assert len(await client.dataset_samples(made["id"], 1)) == 24
            return await client.download_dataset(made["id"], 1, tmp_path / "awaited")

    paths = asyncio.run(use())
    assert tmp_path / "awaited" / "train" / "inputs.npy" in paths


@pytest.mark.slow
def test_a_job_learns_from_a_dataset_that_was_brought(client: Client, crew: Crew, tmp_path: Path) -> None:
    for name, data in two_classes(each=120).items():
        path = tmp_path / "lines" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    upload = client.upload(tmp_path / "lines")
    made = client.create_dataset({**ORDER, "name": "lines", "source": {"uploads": [upload["id"]]}})
    client.wait(client.dataset_version(made["id"], 1)["job_id"])
    spec = {
        "name": "learns",
        "dataset": {"id": made["id"]},
        "teacher": {"architecture": "resnet8", "width": 0.25, "train": {"epochs": 1}},
        "student": {"architecture": "resnet8", "width": 0.25},
        "method": "hinton",
        "training": {"epochs": 1, "batch_size": 32},
        "deliver": ["safetensors"],
    }
    job = client.submit(spec)
    with pytest.raises(ApiError, match=job["id"]):
        client.delete_dataset(made["id"])
    ended = client.wait(job["id"])
    assert ended["status"] == "succeeded", ended["error"]
    assert (ended["plan"]["dataset"]["id"], ended["plan"]["dataset"]["version"]) == (made["id"], 1)
    client.delete_dataset(made["id"])
