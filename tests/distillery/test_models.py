"""Models by client and command line: weights that a real worker looks at, a job's student kept, names and lineage."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crew import Crew
from live_service import Service

from distillery import ApiError, AsyncClient, Client


@pytest.fixture(scope="module")
def crew(service: Service) -> Iterator[Crew]:
    """A worker of the service."""
    found = Crew(service.folder, service.settings.database_url, service.settings.broker_url)
    found.hire()
    yield found
    found.close()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a tiny network under the names of other code."""
    import torch

    import kdcore.models as models

    state = models.build("resnet8", 10, width=0.5, in_channels=1).state_dict()
    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    names = {"stem.conv": "conv1", "stem.bn": "bn1", "head": "fc"} | {
        f"stages.{i}.blocks": f"layer{i + 1}" for i in range(3)
    }
    torch.save({"state_dict": {f"module.{_as(name, names)}": value for name, value in state.items()}}, path)
    return path


def _as(name: str, names: dict[str, str]) -> str:
    for ours, theirs in names.items():
        name = name.replace(ours, theirs)
    return name.replace("shortcut.conv", "downsample.0").replace("shortcut.bn", "downsample.1")


@pytest.mark.slow
def test_weights_become_a_model_by_one_command(distill: Any, crew: Crew, weights: Path, tmp_path: Path) -> None:
    command = ("models", "create", weights, "--name", "tiny", "--architecture", "resnet8", "-s", "width=0.5")
    made = distill(*command, "-s", "options.in_channels=1")
    assert made.exit_code == 0, made.output
    model_id = made.stdout.splitlines()[0]
    for words in ("version 1 is ✔ ready", "resnet8, 10 outputs", "took 'module.' off every name"):
        assert words in made.stdout, made.stdout
    assert model_id in distill("models").stdout
    assert distill("models", "alias", model_id, "champion", "1").exit_code == 0
    assert "champion=1" in distill("models", "list").stdout
    assert "upload" in distill("models", "lineage", model_id).stdout
    fetched = distill("models", "download", model_id, tmp_path / "got")
    assert fetched.exit_code == 0, fetched.output
    assert {path.name for path in (tmp_path / "got").iterdir()} >= {"weights.safetensors", "model.json"}
    assert json.loads(distill("models", "show", model_id, "--json").stdout)["aliases"] == {"champion": 1}
    held = distill("models", "delete", model_id, "--version", "1")
    assert held.exit_code != 0
    assert distill("models", "alias", model_id, "champion", "--remove").exit_code == 0
    assert distill("models", "delete", model_id).exit_code == 0


@pytest.mark.slow
def test_a_brought_teacher_teaches_a_student_that_is_kept(
    distill: Any, crew: Crew, client: Client, weights: Path, tmp_path: Path
) -> None:
    command = ("models", "create", weights, "--name", "taught", "--architecture", "resnet8", "-s", "width=0.5")
    teacher = distill(*command, "-s", "options.in_channels=1").stdout.splitlines()[0]
    spec = {
        "name": "from a brought teacher",
        "dataset": {"name": "digits", "limit": 64},
        "teacher": {"id": teacher},
        "student": {"auto": {"params_at_most": 20_000}},
        "method": "hinton",
        "training": {"epochs": 1, "batch_size": 32, "precision": "float32", "compile": "off"},
        "baseline": False,
        "deliver": ["safetensors"],
    }
    assert client.plan(spec)["auto"]["candidates"][0]["chosen"]
    job = client.submit(spec)
    ended = client.wait(job["id"])
    assert ended["status"] == "succeeded", ended
    kept = distill("models", "create", "--from-job", job["id"], "--name", "kept student")
    assert kept.exit_code == 0, kept.output
    assert "gate of teacher" in kept.stdout
    student = kept.stdout.splitlines()[0]
    graph = client.model_lineage(student)
    assert {f"{teacher}/1", job["id"], f"{student}/1"} <= {node["id"] for node in graph["nodes"]}
    again = client.submit({**spec, "teacher": {"id": student}, "student": {"architecture": "resnet8", "width": 0.125}})
    assert client.wait(again["id"])["status"] == "succeeded"


@pytest.mark.slow
def test_weights_that_do_not_fit_are_refused_by_key(distill: Any, crew: Crew, weights: Path) -> None:
    made = distill("models", "create", weights, "--name", "wrong", "--architecture", "resnet14", "-s", "width=0.5")
    assert made.exit_code == 1
    assert "does not fit resnet14" in made.stdout


def test_one_source_is_given(distill: Any, weights: Path) -> None:
    assert distill("models", "create", weights, "--from-job", "job_x").exit_code == 2
    assert distill("models", "create").exit_code == 2


def test_both_clients_say_what_is_wrong(service: Service, client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.create_model({"from_job": "job_01k8t2v4x6a8c0e2g4h6j8k0m2", "name": "x"})
    assert refused.value.status == 404

    async def look() -> list[Any]:
        async with AsyncClient(service.url, service.key) as found:
            return [one async for one in found.models()]

    assert asyncio.run(look()) == list(client.models())
    assert client.local_weights() == []
