"""Datasets over HTTP: brought, followed to ready or failed, shown, changed, used by jobs, deleted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from api_client import SPEC, Api, Start, Truth, content_digest
from pictures import archive, picture, two_classes
from registering import REPORT, refuse

from kdcore.spec.cards import DatasetCard
from store import records
from store.leases import Lease
from store.records import StoredArtifact
from store.settings import Settings

OPTIONS: dict[str, Any] = {"name": "scans", "format": "image-folder", "licence": "CC0"}
SAMPLES = [{"name": "dark/0.png", "split": "train", "target": "dark", "picture": "00.png"}]


def card(name: str = "scans") -> dict[str, Any]:
    """What an engine says of grey pictures of two classes."""
    made = DatasetCard.model_validate(
        {
            "name": name,
            "task": "classification",
            "input": {"kind": "image", "shape": [1, 32, 32]},
            "target": {"classes": ["dark", "light"]},
            "splits": {"train": {"count": 600, "class_counts": [300, 300]}},
            "mean": [0.5],
            "std": [0.2],
            "sha256": "b" * 64,
        }
    )
    return made.model_dump(mode="json")


def upload(api: Api, name: str = "scans.zip", data: bytes | None = None) -> str:
    """A file that was sent. Returns its id."""
    data = archive(two_classes()) if data is None else data
    answer = api.put(f"/v1/uploads:file?name={name}", content=data, headers={"Content-Digest": content_digest(data)})
    assert answer.status_code in (200, 201), answer.text
    found: str = answer.json()["id"]
    return found


def create(api: Api, **changes: Any) -> dict[str, Any]:
    """A dataset that waits for its inspection."""
    body = {**OPTIONS, "source": {"uploads": [upload(api)]}, **changes}
    answer = api.post("/v1/datasets", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/datasets/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return found


def inspected(api: Api, truth: Truth, folder: Path) -> None:
    """Be a worker whose engine approves of the next dataset."""
    lease = truth.claim()
    files = {
        "dataset.json": ("card", json.dumps(card()).encode()),
        "preview/00.png": ("preview", picture(7)),
        "preview/samples.json": ("preview", json.dumps(SAMPLES).encode()),
        "report.json": ("report", json.dumps(REPORT).encode()),
        "train/inputs.npy": ("pack", b"inputs" * 100),
    }
    stored = [stored_file(api, folder, path, role, data) for path, (role, data) in files.items()]
    with truth.database.write() as session:
        records.publish(session, lease, {"card": card(), "report": REPORT}, stored)


def stored_file(api: Api, folder: Path, path: str, role: str, data: bytes) -> StoredArtifact:
    """A file of a pack, in the store of files."""
    sha256 = hashlib.sha256(data).hexdigest()
    source = folder / sha256
    source.write_bytes(data)
    media = "image/png" if path.endswith(".png") else "application/octet-stream"
    return StoredArtifact(path, role, media, sha256, len(data), api.services.files.put(source, sha256))


def ready(api: Api, truth: Truth, folder: Path, **changes: Any) -> str:
    """A dataset that jobs can use. Returns its path."""
    made = create(api, **changes)
    inspected(api, truth, folder)
    return f"/v1/datasets/{made['id']}"


def faults(answer: Any) -> dict[str, str]:
    """Code of each fault by its pointer."""
    assert answer.status_code == 422, answer.text
    return {fault["pointer"]: fault["code"] for fault in answer.json()["errors"]}


def test_a_dataset_is_validating_until_its_inspection_says_that_it_is_ready(
    api: Api, truth: Truth, tmp_path: Path
) -> None:
    made = create(api, description="from line 3")
    assert (made["status"], made["latest"], made["task"], made["versions"]) == ("validating", None, None, 1)
    assert (made["description"], made["licence"]) == ("from line 3", "CC0")
    version = api.get(f"/v1/datasets/{made['id']}/versions/1").json()
    job = api.get(version["urls"]["job"]).json()
    assert (job["kind"], job["status"], job["resource_class"]) == ("inspection", "queued", "cpu")
    assert version["options"]["size"]["fit"] == "crop"  # every default is written out
    inspected(api, truth, tmp_path)
    now = api.get(f"/v1/datasets/{made['id']}").json()
    assert (now["status"], now["latest"], now["task"]) == ("ready", 1, "classification")
    assert now["summary"] == {
        "examples": {split: part["count"] for split, part in card()["splits"].items()},
        "classes": 2,
        "input": {name: card()["input"][name] for name in ("kind", "shape")},
        "bytes": api.get(f"/v1/datasets/{made['id']}/versions/1").json()["bytes"],
    }
    assert made["summary"] is None
    assert api.get("/v1/datasets").json()["data"][0] == now
    assert api.get(f"/v1/datasets/{made['id']}/versions/1").json()["card"]["target"]["classes"] == ["dark", "light"]


def test_inspections_are_listed_among_jobs_only_when_asked_for(api: Api) -> None:
    create(api)
    api.submit(SPEC)
    counts = {
        kind: len(api.get(f"/v1/jobs?kind={kind}").json()["data"]) for kind in ("distillation", "inspection", "all")
    }
    assert counts == {"distillation": 1, "inspection": 1, "all": 2}
    assert [job["kind"] for job in api.get("/v1/jobs").json()["data"]] == ["distillation"]
    assert api.get("/v1/jobs?kind=other").status_code == 422


def test_report_samples_and_files_are_shown_and_sent_as_attachments(api: Api, truth: Truth, tmp_path: Path) -> None:
    path = ready(api, truth, tmp_path) + "/versions/1"
    assert api.get(f"{path}/report").json() == REPORT
    (sample,) = api.get(f"{path}/samples").json()["data"]
    assert (sample["name"], sample["target"], sample["url"]) == ("dark/0.png", "dark", f"{path}/files/preview/00.png")
    shown = api.get(sample["url"])
    assert shown.content == picture(7)
    assert shown.headers["content-disposition"].startswith("attachment")
    assert (shown.headers["x-content-type-options"], shown.headers["content-type"]) == ("nosniff", "image/png")
    listed = api.get(f"{path}/files").json()["data"]
    assert [file["path"] for file in listed][:2] == ["dataset.json", "preview/00.png"]
    by_path = {file["path"]: file for file in listed}
    part = api.get(by_path["train/inputs.npy"]["url"], headers={"Range": "bytes=3-8"})
    assert (part.status_code, part.content) == (206, b"utsinp")
    assert part.headers["etag"] == f'"{by_path["train/inputs.npy"]["sha256"]}"'
    assert part.headers["repr-digest"].startswith("sha-256=:")
    again = api.get(by_path["dataset.json"]["url"], headers={"If-None-Match": f'"{by_path["dataset.json"]["sha256"]}"'})
    assert again.status_code == 304
    assert api.request("HEAD", by_path["dataset.json"]["url"]).headers["content-length"] == str(
        by_path["dataset.json"]["bytes"]
    )
    assert api.get(f"{path}/files/train/../../secret").status_code == 404


def test_a_refused_version_shows_its_report_and_has_no_samples(api: Api, truth: Truth) -> None:
    made = create(api)
    path = f"/v1/datasets/{made['id']}/versions/1"
    waiting = api.get(f"{path}/report")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "not_ready")
    refuse(truth.database, truth.claim())
    version = api.get(path).json()
    assert (version["status"], version["error"]["code"]) == ("failed", "invalid_data")
    assert api.get(f"{path}/report").json()["faults"]["total"] == 1
    assert api.get(f"{path}/samples").status_code == 409


def test_the_same_request_makes_one_dataset(api: Api) -> None:
    body, headers = {**OPTIONS, "source": {"uploads": [upload(api)]}}, {"Idempotency-Key": "once"}
    first, second = (api.post("/v1/datasets", json=body, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert len(api.get("/v1/jobs?kind=inspection").json()["data"]) == 1


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"format": "pickle"}, "/format", "unknown_format"),
        ({"name": ""}, "/name", "invalid_value"),
        ({"size": {"height": 1}}, "/size/height", "invalid_value"),
        ({"surely": 1}, "/surely", "unknown_field"),
        ({"source": {}}, "/source", "invalid_value"),
        ({"source": {"uploads": [], "import": "a/b", "url": "x"}}, "/source/url", "unknown_field"),
        ({"source": {"uploads": ["up_01k8t2v4x6a8c0e2g4h6j8k0m2"]}}, "/source/uploads/0", "unknown_upload"),
        ({"source": {"uploads": ["../../x"]}}, "/source/uploads/0", "unknown_upload"),
        ({"source": {"import": "lake/x"}}, "/source/import", "unknown_place"),
        ({"source": {"import": "/etc/passwd"}}, "/source/import", "unknown_place"),
        ({"description": "x" * 4001}, "/description", "invalid_value"),
    ],
)
def test_what_cannot_be_brought_is_pointed_at_and_makes_nothing(
    api: Api, changes: dict[str, Any], pointer: str, code: str
) -> None:
    found = faults(api.post("/v1/datasets", json={**OPTIONS, "source": {"uploads": [upload(api)]}, **changes}))
    assert pointer in found, found
    assert found[pointer] == code, found
    assert api.get("/v1/datasets").json()["data"] == []
    assert api.get("/v1/jobs?kind=all").json()["data"] == []


def test_an_upload_that_is_not_complete_is_refused(api: Api) -> None:
    begun = api.post("/v1/uploads", json={"name": "n.zip", "bytes": 5}).json()["id"]
    body = {**OPTIONS, "source": {"uploads": [begun]}}
    assert faults(api.post("/v1/datasets", json=body)) == {"/source/uploads/0": "upload_open"}


def test_a_name_that_is_taken_is_refused_and_makes_no_job(api: Api) -> None:
    create(api)
    body = {**OPTIONS, "source": {"uploads": [upload(api)]}}
    answer = api.post("/v1/datasets", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")
    assert len(api.get("/v1/jobs?kind=all").json()["data"]) == 1


def test_datasets_are_listed_in_pages_and_by_filters(api: Api, truth: Truth, tmp_path: Path) -> None:
    first = ready(api, truth, tmp_path, name="Alpha").rpartition("/")[2]
    others = [create(api, name=f"beta-{number}")["id"] for number in range(3)]
    page = api.get("/v1/datasets?limit=3").json()
    assert [one["id"] for one in page["data"]] == others[::-1]
    rest = api.get(f"/v1/datasets?limit=3&after={page['next_cursor']}").json()
    assert [one["id"] for one in rest["data"]] == [first]
    for query in ("task=classification", "status=ready", "q=alp", f"q={first}"):
        assert [one["id"] for one in api.get(f"/v1/datasets?{query}").json()["data"]] == [first]
    assert api.get("/v1/datasets?task=magic").status_code == 422
    assert api.get("/v1/datasets?surely=1").status_code == 422


def test_name_description_and_licence_can_be_changed_on_the_version_that_was_read(api: Api) -> None:
    path = f"/v1/datasets/{create(api)['id']}"
    etag = api.get(path).headers["etag"]
    changed = api.patch(path, json={"name": "Scans", "description": "new"}, headers={"If-Match": etag})
    assert (changed.json()["name"], changed.json()["description"], changed.json()["licence"]) == ("Scans", "new", "CC0")
    stale = api.patch(path, json={"name": "x"}, headers={"If-Match": etag})
    assert stale.status_code == 412
    assert api.patch(path, json={"licence": None}).json()["licence"] is None
    create(api, name="other")
    assert api.patch(path, json={"name": "other"}).json()["code"] == "name_taken"
    assert api.patch(path, json={"task": "x"}).status_code == 422
    assert api.patch(path, json={}).status_code == 200


def test_a_further_version_has_its_datasets_name_and_licence(api: Api, truth: Truth, tmp_path: Path) -> None:
    path = ready(api, truth, tmp_path)
    body = {"format": "image-folder", "quarantine": True, "source": {"uploads": [upload(api)]}}
    made = api.post(f"{path}/versions", json=body)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{path}/versions/2"
    assert (made.json()["number"], made.json()["status"]) == (2, "validating")
    version = api.get(f"{path}/versions/2").json()
    assert (version["options"]["name"], version["options"]["licence"]) == ("scans", "CC0")
    assert [one["number"] for one in api.get(f"{path}/versions").json()["data"]] == [2, 1]
    assert faults(api.post(f"{path}/versions", json={**body, "name": "x"})) == {"/name": "unknown_field"}


def test_an_inspection_can_be_cancelled_and_retried_like_any_job_but_not_cloned(api: Api) -> None:
    path = f"/v1/datasets/{create(api)['id']}/versions/1"
    job = api.get(path).json()["urls"]["job"]
    assert api.post(f"{job}/cancel").json()["status"] == "cancelled"
    assert api.get(path).json()["error"]["code"] == "cancelled"
    assert api.post(f"{job}/clone", json={}).json()["code"] == "not_clonable"
    again = api.post(f"{job}/retry")
    assert again.status_code == 201, again.text
    assert api.get(path).json()["job_id"] == again.json()["id"]
    assert api.get(path).json()["status"] == "validating"


def test_inspections_count_to_a_projects_jobs_in_flight(start: Start, settings: Settings) -> None:
    api = start(settings.model_copy(update={"jobs_in_flight": 1}))
    create(api)
    body = {**OPTIONS, "name": "second", "source": {"uploads": [upload(api)]}}
    answer = api.post("/v1/datasets", json=body)
    assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")
    assert len(api.get("/v1/datasets").json()["data"]) == 1


def test_a_project_has_so_many_datasets_at_most(start: Start, settings: Settings) -> None:
    api = start(settings.model_copy(update={"datasets_per_project": 1}))
    create(api)
    body = {**OPTIONS, "name": "second", "source": {"uploads": [upload(api)]}}
    assert api.post("/v1/datasets", json=body).json()["code"] == "too_many_datasets"


def test_caps_of_the_operator_go_with_the_inspection(start: Start, settings: Settings) -> None:
    api = start(settings.model_copy(update={"dataset_pixels": 1000, "inspection_memory_gb": 20.0}))
    version = api.get(f"/v1/datasets/{create(api)['id']}/versions/1").json()
    job = api.get(version["urls"]["job"]).json()
    assert (job["plan"]["caps"], job["resource_class"]) == ({"pixels": 1000}, "cpu-32g")


def test_an_import_from_a_named_place(start: Start, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "shelf" / "dark").mkdir(parents=True)
    (tmp_path / "shelf" / "dark" / "1.png").write_bytes(picture(3))
    api = start(settings.model_copy(update={"imports": (f"shelf={tmp_path / 'shelf'}",)}))
    made = create(api, source={"import": "shelf/dark"})
    version = api.get(f"/v1/datasets/{made['id']}/versions/1").json()
    assert version["source"] == {"import": "shelf/dark", "files": 1, "bytes": len(picture(3))}
    body = {**OPTIONS, "name": "b", "source": {"import": "shelf/../x"}}
    assert faults(api.post("/v1/datasets", json=body)) == {"/source/import": "invalid_value"}
    assert str(tmp_path) not in api.post("/v1/datasets", json=body).text


def spec(path: str, **which: Any) -> dict[str, Any]:
    """A spec that learns from a dataset of the project."""
    return {**SPEC, "dataset": {"id": path.rpartition("/")[2], **which}}


def test_a_job_is_planned_by_the_card_and_pins_the_version(api: Api, truth: Truth, tmp_path: Path) -> None:
    path = ready(api, truth, tmp_path)
    planned = api.post("/v1/jobs:plan", json=spec(path))
    assert planned.status_code == 200, planned.text
    dataset = planned.json()["dataset"]
    assert (dataset["id"], dataset["version"], dataset["pack"]) == (path.rpartition("/")[2], 1, "inputs/dataset")
    job = api.submit(spec(path))
    assert (job["dataset"], job["kind"]) == ("scans", "distillation")
    with truth.database.write() as session:
        from store import leases

        claim = leases.claim(session, owner="w1", resource_classes=["cpu"], lease_seconds=60)
    assert claim is not None
    assert [file.path for file in claim.files] == ["inputs/dataset/dataset.json", "inputs/dataset/train/inputs.npy"]
    clone = api.post(f"/v1/jobs/{job['id']}/clone", json={"name": "again"})
    assert clone.status_code == 201, clone.text


def test_a_job_that_names_a_dataset_that_cannot_be_used_is_told_why(api: Api, truth: Truth, tmp_path: Path) -> None:
    unready = f"/v1/datasets/{create(api)['id']}"
    assert faults(api.post("/v1/jobs", json=spec(unready))) == {"/dataset/id": "dataset_not_ready"}
    refuse(truth.database, truth.claim())
    assert faults(api.post("/v1/jobs", json=spec(unready))) == {"/dataset/id": "dataset_failed"}
    assert faults(api.post("/v1/jobs", json=spec(unready, version=1))) == {"/dataset/version": "dataset_failed"}
    path = ready(api, truth, tmp_path, name="good")
    assert faults(api.post("/v1/jobs", json=spec(path, version=9))) == {"/dataset/version": "unknown_version"}
    assert faults(api.post("/v1/jobs", json=spec("ds_none"))) == {"/dataset/id": "unknown_dataset"}
    stranger = api.with_key(truth.key("admin", project="stranger"))
    assert faults(stranger.post("/v1/jobs", json=spec(path))) == {"/dataset/id": "unknown_dataset"}


def test_a_dataset_in_use_cannot_be_deleted_and_the_job_is_named(api: Api, truth: Truth, tmp_path: Path) -> None:
    path = ready(api, truth, tmp_path)
    job = api.submit(spec(path))
    refused = api.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "dataset_in_use")
    assert job["id"] in refused.json()["detail"]
    api.post(f"/v1/jobs/{job['id']}/cancel")
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert api.post(f"/v1/jobs/{job['id']}/retry").json()["code"] == "input_gone"
    assert {"dataset.create", "dataset.delete"} <= {one["action"] for one in api.get("/v1/audit_logs").json()["data"]}


def test_a_version_can_be_deleted_but_not_the_only_one(api: Api, truth: Truth, tmp_path: Path) -> None:
    path = ready(api, truth, tmp_path)
    assert api.delete(f"{path}/versions/1").json()["code"] == "last_version"
    api.post(f"{path}/versions", json={"format": "image-folder", "source": {"uploads": [upload(api)]}})
    assert api.delete(f"{path}/versions/2").json()["code"] == "dataset_in_use"
    refuse(truth.database, truth.claim())
    assert api.delete(f"{path}/versions/2").status_code == 204
    assert api.get(f"{path}/versions/2").status_code == 404
    assert api.get(path).json()["status"] == "ready"


def test_files_of_an_inspection_are_also_artifacts_of_its_job(api: Api, truth: Truth, tmp_path: Path) -> None:
    path = ready(api, truth, tmp_path)
    job = api.get(f"{path}/versions/1").json()["urls"]["job"]
    offered = {one["name"]: one for one in api.get(f"{job}/artifacts").json()["data"]}
    assert api.get(offered["preview/00.png"]["url"]).content == picture(7)


def test_a_lease_that_was_lost_settles_nothing(api: Api, truth: Truth) -> None:
    made = create(api)
    lease = truth.claim()
    stale = Lease(lease.job_id, lease.fence - 1, lease.attempt, lease.owner)
    with pytest.raises(Exception, match="no longer the owner"):
        refuse(truth.database, stale)
    assert api.get(f"/v1/datasets/{made['id']}").json()["status"] == "validating"
