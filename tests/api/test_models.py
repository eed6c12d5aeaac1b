"""Models over HTTP: brought or kept from jobs, shown, named, traced, used by jobs, deleted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from api_client import SPEC, Api, Start, Truth, content_digest
from registering import refuse

from kdcore.spec.cards import DatasetCard, ModelCard
from store import records
from store.records import StoredArtifact
from store.settings import Settings

OPTIONS: dict[str, Any] = {"name": "teacher", "format": "weights", "architecture": "resnet8", "licence": "BSD-2-Clause"}
TEACHER: dict[str, Any] = {**SPEC, "method": "hinton"}
RESULT: dict[str, Any] = {
    "metric": {"name": "accuracy"},
    "verdict": {"outcome": "better"},
    "models": {
        "student": {
            "score": 0.9,
            "interval": [0.88, 0.92],
            "metrics": {"accuracy": 0.9},
            "parameters": 20_000,
            "macs": 700_000,
            "bytes": 90_000,
        }
    },
    "resolved": {
        "data": {"mean": [0.3], "std": [0.25]},
        "gate": {"teacher": {"metric": "accuracy", "value": 0.95, "passed": True}},
    },
}


def card(**changes: Any) -> dict[str, Any]:
    """What an engine says of weights for digits."""
    made = ModelCard.model_validate(
        {
            "name": "teacher",
            "kind": "weights",
            "architecture": "resnet8",
            "task": "classification",
            "num_outputs": 10,
            "parameters": 75_000,
            "files": [{"path": "weights.safetensors", "sha256": "c" * 64, "bytes": 7}],
            "report": {"mapped": 56},
            "sha256": "d" * 64,
            **changes,
        }
    )
    return made.model_dump(mode="json")


def upload(api: Api, name: str = "w.safetensors", data: bytes = b"weights") -> str:
    answer = api.put(f"/v1/uploads:file?name={name}", content=data, headers={"Content-Digest": content_digest(data)})
    assert answer.status_code in (200, 201), answer.text
    found: str = answer.json()["id"]
    return found


def create(api: Api, **changes: Any) -> dict[str, Any]:
    """A model that waits for its inspection."""
    body = {**OPTIONS, "source": {"uploads": [upload(api)]}, **changes}
    answer = api.post("/v1/models", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/models/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return found


def stored(api: Api, folder: Path, name: str, role: str, data: bytes) -> StoredArtifact:
    sha256 = hashlib.sha256(data).hexdigest()
    source = folder / sha256
    source.write_bytes(data)
    key = api.services.files.put(source, sha256)
    return StoredArtifact(name, role, "application/octet-stream", sha256, len(data), key)


def ready(api: Api, truth: Truth, folder: Path, **changes: Any) -> str:
    """A model that jobs can use. Returns its id."""
    made = create(api, **changes)
    lease = truth.claim()
    files = {"model.json": ("card", b"{}"), "weights.safetensors": ("pack", b"weights")}
    artifacts = [stored(api, folder, path, role, data) for path, (role, data) in files.items()]
    with truth.database.write() as session:
        records.publish(session, lease, {"card": card(), "report": {"mapped": 56}}, artifacts)
    found: str = made["id"]
    return found


def finished(api: Api, truth: Truth, folder: Path, spec: dict[str, Any], **left: bytes) -> str:
    """A distillation that ended well. Returns its id."""
    job = api.submit(spec)
    lease = truth.claim()
    files = left or {"student.safetensors": b"student"}
    artifacts = [stored(api, folder, name, "model", data) for name, data in files.items()]
    with truth.database.write() as session:
        records.publish(session, lease, RESULT, artifacts)
    found: str = job["id"]
    return found


def faults(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {fault["pointer"]: fault["code"] for fault in answer.json()["errors"]}


def test_a_model_is_validating_until_its_inspection_says_that_it_is_ready(
    api: Api, truth: Truth, tmp_path: Path
) -> None:
    made = create(api, description="from the paper")
    assert (made["status"], made["latest"], made["aliases"]) == ("validating", None, {})
    version = api.get(f"/v1/models/{made['id']}/versions/1").json()
    job = api.get(version["urls"]["job"]).json()
    assert (job["kind"], job["status"]) == ("inspection", "queued")
    assert version["options"]["strict"] is True  # every default is written out
    assert [parent["kind"] for parent in version["parents"]] == ["upload"]
    refuse(truth.database, truth.claim())
    again = api.get(f"/v1/models/{made['id']}").json()
    assert again["status"] == "failed"
    model_id = ready(api, truth, tmp_path, name="second")
    now = api.get(f"/v1/models/{model_id}").json()
    assert (now["status"], now["latest"], now["task"]) == ("ready", 1, "classification")
    essence = [(one["kind"], one["architecture"], one["parameters"]) for one in api.get("/v1/models").json()["data"]]
    assert essence == [("weights", "resnet8", 75_000), (None, None, None)]
    shown = api.get(f"/v1/models/{model_id}/versions/1").json()
    assert (shown["card"]["architecture"], shown["report"], shown["bytes"]) == ("resnet8", {"mapped": 56}, 7)
    listed = api.get(f"/v1/models/{model_id}/versions/1/files").json()["data"]
    assert [file["path"] for file in listed] == ["model.json", "weights.safetensors"]
    part = api.get(listed[1]["url"], headers={"Range": "bytes=0-2"})
    assert (part.status_code, part.content) == (206, b"wei")


def test_what_is_wrong_is_pointed_at_and_makes_nothing(api: Api) -> None:
    body = {**OPTIONS, "source": {"uploads": [upload(api)]}}
    for changes, pointer in [
        ({"name": ""}, "/name"),
        ({"format": "pickle"}, "/format"),
        ({"architecture": None}, "/architecture"),
        ({"source": {"import": "nowhere/x.pt"}}, "/source/import"),
        ({"rename": [{"find": ""}]}, "/rename/0/find"),
        ({"surely": 1}, "/surely"),
        ({"dataset": {"id": "ds_x"}}, "/dataset/id"),
    ]:
        found = faults(api.post("/v1/models", json={**body, **changes}))
        assert pointer in found or "" in found, (changes, found)
    assert api.get("/v1/models").json()["data"] == []


def test_a_job_uses_a_brought_teacher_pinned_to_its_version(api: Api, truth: Truth, tmp_path: Path) -> None:
    model_id = ready(api, truth, tmp_path)
    spec = {**TEACHER, "teacher": {"id": model_id}}
    planned = api.post("/v1/jobs:plan", json=spec).json()
    teacher = planned["networks"]["teacher"]
    assert teacher["weights"] == "inputs/models/teacher/weights.safetensors"
    assert (teacher["model"]["id"], teacher["model"]["version"]) == (model_id, 1)
    assert teacher["gate"] == {"at_least": None, "action": "warn"}
    api.submit(spec)
    in_use = api.delete(f"/v1/models/{model_id}")
    assert (in_use.status_code, in_use.json()["code"]) == (409, "model_in_use")


def test_the_files_of_a_model_lie_in_the_job_s_folder(api: Api, truth: Truth, tmp_path: Path) -> None:
    from store import leases

    model_id = ready(api, truth, tmp_path)
    student = {"architecture": "resnet8", "init": {"id": model_id, "version": 1}}
    api.submit({**TEACHER, "teacher": {"id": model_id, "train": {"epochs": 1}}, "student": student})
    with truth.database.write() as session:
        claim = leases.claim(session, owner="w", resource_classes=["cpu"], lease_seconds=60)
    assert claim is not None
    paths = [file.path for file in claim.files]
    assert "inputs/models/teacher/weights.safetensors" in paths
    assert "inputs/models/student/weights.safetensors" in paths
    assert {file.origin for file in claim.files} == {f"{model_id}/1"}


@pytest.mark.parametrize(
    ("teacher", "pointer", "code"),
    [
        ({"id": "mdl_01k8t2v4x6a8c0e2g4h6j8k0m2"}, "/teacher/id", "unknown_model"),
        ({"id": "../../x"}, "/teacher/id", "unknown_model"),
        ({"version": 9}, "/teacher/version", "unknown_version"),
        ({"alias": "champion"}, "/teacher/alias", "unknown_alias"),
        ({"path": "/etc"}, "/teacher", "invalid_value"),
        ({"id": None, "path": "/etc"}, "/teacher/path", "path_refused"),
    ],
)
def test_a_teacher_that_is_not_there_is_pointed_at(
    api: Api, truth: Truth, tmp_path: Path, teacher: dict[str, Any], pointer: str, code: str
) -> None:
    model_id = ready(api, truth, tmp_path)
    found = faults(api.post("/v1/jobs:plan", json={**TEACHER, "teacher": {"id": model_id, **teacher}}))
    assert pointer in found, found
    assert code in (found[pointer], "invalid_value")


def test_a_model_that_is_not_ready_is_not_used(api: Api) -> None:
    made = create(api)
    found = faults(api.post("/v1/jobs:plan", json={**TEACHER, "teacher": {"id": made["id"]}}))
    assert found == {"/teacher/id": "model_not_ready"}


def test_another_project_s_model_is_not_found(api: Api, truth: Truth, tmp_path: Path) -> None:
    model_id = ready(api, truth, tmp_path)
    other = api.with_key(truth.key("jobs:read", "jobs:write", project="other"))
    assert other.get(f"/v1/models/{model_id}").status_code == 404
    assert other.get(f"/v1/models/{model_id}/lineage").status_code == 404
    found = faults(other.post("/v1/jobs:plan", json={**TEACHER, "teacher": {"id": model_id}}))
    assert found == {"/teacher/id": "unknown_model"}


def test_the_student_of_a_finished_job_is_kept_at_once(api: Api, truth: Truth, tmp_path: Path) -> None:
    job_id = finished(api, truth, tmp_path, TEACHER)
    answer = api.post("/v1/models", json={"from_job": job_id, "name": "digits-small", "licence": "CC0"})
    assert answer.status_code == 201, answer.text
    model = answer.json()
    assert (model["status"], model["latest"], model["task"]) == ("ready", 1, "classification")
    version = api.get(f"/v1/models/{model['id']}/versions/1").json()
    found = ModelCard.model_validate(version["card"])
    assert (found.architecture, found.num_outputs, found.options["width"]) == ("resnet8", 10, 0.5)
    assert (found.mean, found.std) == ((0.3,), (0.25,))
    assert version["report"]["gate"]["teacher"]["value"] == 0.95
    assert [(parent["kind"], parent["role"]) for parent in version["parents"]] == [
        ("builtin_dataset", "dataset"),
        ("architecture", "teacher"),
    ]
    assert api.get(f"/v1/models/{model['id']}/versions/1/files/weights.safetensors").content == b"student"
    planned = api.post("/v1/jobs:plan", json={**TEACHER, "teacher": {"id": model["id"]}})
    assert planned.status_code == 200, planned.text
    second = api.post(f"/v1/models/{model['id']}/versions", json={"from_job": job_id})
    assert (second.status_code, second.json()["number"]) == (201, 2)


def test_a_job_that_has_not_succeeded_leaves_nothing_to_keep(api: Api, truth: Truth, tmp_path: Path) -> None:
    job_id = api.submit(TEACHER)["id"]
    early = api.post("/v1/models", json={"from_job": job_id, "name": "x"})
    assert (early.status_code, early.json()["code"]) == (409, "job_not_finished")
    truth.fail(truth.claim())
    bare = finished(api, truth, tmp_path, TEACHER, **{"report.html": b"x"})
    without = api.post("/v1/models", json={"from_job": bare, "name": "x"})
    assert (without.status_code, without.json()["code"]) == (409, "nothing_to_keep")
    assert api.post("/v1/models", json={"from_job": "job_x", "name": "x"}).status_code == 404
    assert faults(api.post("/v1/models", json={"from_job": bare})) == {"/name": "missing_field"}


def test_deleting_a_kept_model_leaves_the_job_its_files(api: Api, truth: Truth, tmp_path: Path) -> None:
    job_id = finished(api, truth, tmp_path, TEACHER)
    model_id = api.post("/v1/models", json={"from_job": job_id, "name": "x"}).json()["id"]
    assert api.delete(f"/v1/models/{model_id}").status_code == 204
    (artifact,) = api.get(f"/v1/jobs/{job_id}/artifacts").json()["data"]
    assert artifact["name"] == "student.safetensors"


def test_an_alias_names_a_version_for_jobs(api: Api, truth: Truth, tmp_path: Path) -> None:
    job_id = finished(api, truth, tmp_path, TEACHER)
    model_id = api.post("/v1/models", json={"from_job": job_id, "name": "x"}).json()["id"]
    api.post(f"/v1/models/{model_id}/versions", json={"from_job": job_id})
    named = api.put(f"/v1/models/{model_id}/aliases/champion", json={"version": 1})
    assert named.json()["aliases"] == {"champion": 1}
    spec = {**TEACHER, "teacher": {"id": model_id, "alias": "champion"}}
    assert api.post("/v1/jobs:plan", json=spec).json()["networks"]["teacher"]["model"]["version"] == 1
    held = api.delete(f"/v1/models/{model_id}/versions/1")
    assert (held.status_code, held.json()["code"]) == (409, "model_in_use")
    assert api.put(f"/v1/models/{model_id}/aliases/champion", json={"version": 2}).json()["aliases"] == {"champion": 2}
    assert api.delete(f"/v1/models/{model_id}/versions/1").status_code == 204
    assert api.put(f"/v1/models/{model_id}/aliases/champion", json={"version": 9}).status_code == 404
    assert api.put(f"/v1/models/{model_id}/aliases/Bad!", json={"version": 2}).status_code == 422
    assert api.delete(f"/v1/models/{model_id}/aliases/champion").status_code == 204
    assert api.delete(f"/v1/models/{model_id}/aliases/champion").status_code == 404


def test_lineage_goes_up_to_the_data_and_down_to_what_was_made(api: Api, truth: Truth, tmp_path: Path) -> None:
    teacher = ready(api, truth, tmp_path)
    job_id = finished(api, truth, tmp_path, {**TEACHER, "teacher": {"id": teacher}})
    student = api.post("/v1/models", json={"from_job": job_id, "name": "student"}).json()["id"]
    up = api.get(f"/v1/models/{student}/lineage").json()
    assert up["root"] == f"{student}/1"
    kinds = {node["id"]: node["kind"] for node in up["nodes"]}
    assert kinds[f"{teacher}/1"] == "model"
    assert kinds["digits"] == "builtin_dataset"
    edges = {(edge["from"], edge["to"], edge["role"]) for edge in up["edges"]}
    assert {
        (f"{teacher}/1", job_id, "teacher"),
        (job_id, f"{student}/1", "made"),
        ("digits", job_id, "dataset"),
    } <= edges
    down = api.get(f"/v1/models/{teacher}/lineage?version=1").json()
    assert f"{student}/1" in {node["id"] for node in down["nodes"]}
    assert [edge["role"] for edge in down["edges"] if edge["from"] == f"{teacher}/1"] == ["teacher"]
    assert api.get(f"/v1/models/{teacher}/lineage?version=7").status_code == 404


def test_lineage_says_what_a_version_is_in_a_job_that_left_no_model(api: Api, truth: Truth, tmp_path: Path) -> None:
    model_id = ready(api, truth, tmp_path)
    student = {"architecture": "resnet8", "init": {"id": model_id}}
    job_id = api.post("/v1/jobs", json={**TEACHER, "student": student}).json()["id"]
    edges = api.get(f"/v1/models/{model_id}/lineage").json()["edges"]
    assert {(edge["to"], edge["role"]) for edge in edges if edge["from"] == f"{model_id}/1"} == {(job_id, "init")}


def test_changes_are_checked_against_the_version_that_was_seen(api: Api, truth: Truth, tmp_path: Path) -> None:
    model_id = ready(api, truth, tmp_path)
    seen = api.get(f"/v1/models/{model_id}").headers["etag"]
    changed = api.patch(f"/v1/models/{model_id}", json={"name": "renamed"}, headers={"If-Match": seen})
    assert changed.json()["name"] == "renamed"
    stale = api.patch(f"/v1/models/{model_id}", json={"name": "again"}, headers={"If-Match": seen})
    assert stale.status_code == 412
    create(api, name="other")
    taken = api.patch(f"/v1/models/{model_id}", json={"name": "other"})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")


def test_the_same_request_makes_one_model(api: Api) -> None:
    body, headers = {**OPTIONS, "source": {"uploads": [upload(api)]}}, {"Idempotency-Key": "once"}
    first, second = (api.post("/v1/models", json=body, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert len(api.get("/v1/jobs?kind=inspection").json()["data"]) == 1


def test_a_dataset_says_what_a_model_was_made_for(api: Api, truth: Truth, tmp_path: Path) -> None:
    order = {"name": "scans", "format": "image-folder", "source": {"uploads": [upload(api, "s.zip", b"zip")]}}
    dataset = api.post("/v1/datasets", json=order).json()["id"]
    early = api.post("/v1/models", json={**OPTIONS, "source": {"uploads": [upload(api)]}, "dataset": {"id": dataset}})
    assert faults(early) == {"/dataset/id": "dataset_not_ready"}
    lease = truth.claim()
    known = {
        "name": "scans",
        "task": "classification",
        "input": {"kind": "image", "shape": [1, 32, 32]},
        "target": {"classes": ["dark", "light"]},
        "splits": {"train": {"count": 600}},
        "sha256": "b" * 64,
    }
    whole = DatasetCard.model_validate(known).model_dump(mode="json")
    with truth.database.write() as session:
        records.publish(session, lease, {"card": whole, "report": {}}, [])
    made = create(api, dataset={"id": dataset})
    options = api.get(f"/v1/models/{made['id']}/versions/1").json()["options"]
    assert options["input"]["shape"] == [1, 32, 32]
    assert options["classes"] == ["dark", "light"]


def test_the_operator_s_weights_are_listed_and_imported(start: Start, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "resnet18-f37072fd.pth").write_bytes(b"x")
    (folder / "readme.txt").write_bytes(b"x")
    (folder / "hidden.pth").symlink_to("/etc/passwd")
    api = start(settings.model_copy(update={"weights": folder}))
    (found,) = api.get("/v1/models:local").json()["data"]
    assert found["import"] == "weights/resnet18-f37072fd.pth"
    assert "torchvision/resnet18" in found["architectures"]
    body = {
        "name": "r",
        "format": "weights",
        "architecture": "torchvision/resnet18",
        "source": {"import": found["import"]},
    }
    made = api.post("/v1/models", json=body)
    assert made.status_code == 201, made.text
    assert json.loads(api.get("/v1/models:local").content)["has_more"] is False


def test_without_a_folder_there_is_nothing_local(api: Api) -> None:
    assert api.get("/v1/models:local").json()["data"] == []


def test_a_project_has_as_many_models_as_it_may(start: Start, settings: Settings) -> None:
    api = start(settings.model_copy(update={"models_per_project": 1}))
    create(api)
    body = {**OPTIONS, "name": "second", "source": {"uploads": [upload(api)]}}
    assert api.post("/v1/models", json=body).json()["code"] == "too_many_models"
