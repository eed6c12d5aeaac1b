"""Monitors over HTTP: made for what fits, run once when due, shown with what is proposed, stopped with the reason."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from api_client import SPEC, Api, Start, Truth, content_digest
from pictures import archive, two_classes
from registering import REPORT
from servers import wait_until

from api.watching import Watch
from kdcore.spec.cards import DatasetCard
from kdcore.spec.reevaluation import GIVEN_FOLDER, STUDENT_FILE, ReevaluationPlan
from store import monitoring, records
from store.records import StoredArtifact
from store.settings import Settings

DISTIL = {**SPEC, "deliver": ["safetensors"]}
FIGURES = {"width": 8, "reference": 100, "examples": 50, "space": "head@in", "p_value": 0.002}


def card(**changes: Any) -> dict[str, Any]:
    """Digits that somebody brought."""
    fields = {
        "name": "line 3",
        "task": "classification",
        "input": {"kind": "image", "shape": [1, 8, 8]},
        "target": {"classes": list("0123456789")},
        "splits": {"train": {"count": 600, "class_counts": [60] * 10}},
        "mean": [0.3],
        "std": [0.3],
        "sha256": "b" * 64,
    }
    return DatasetCard.model_validate({**fields, **changes}).model_dump(mode="json")


def document(outcome: str) -> dict[str, Any]:
    """What an engine found."""
    ratio = {"w2": 4.0, "mmd": 7.5}
    given = {**FIGURES, "distances": ratio, "floor": {"w2": 1.0, "mmd": 1.0}, "ratio": ratio}
    side = {"score": 0.95, "interval": [0.93, 0.97], "calibration_error": 0.02, "per_class": []}
    return {
        "drift": {
            "distance": "mmd", "limit": 2.0, "threshold": 2.0, "outcome": outcome, "reason": None,
            "given": given, "own": given,
        },
        "metric": {"name": "accuracy", "title": "accuracy", "unit": "%", "higher_is_better": True},
        "before": side,
        "now": {**side, "score": 0.8},
        "change": {"score": -0.15, "interval": [-0.2, -0.1], "calibration_error": 0.1, "worst": ["3"], "parts": []},
        "dataset": {"examples": 50, "known": 0, "given": 50},
    }  # fmt: skip


class Hands:
    """What a worker does, and one look of whoever looks after monitors."""

    def __init__(self, api: Api, truth: Truth, folder: Path) -> None:
        self.api, self.truth, self.folder = api, truth, folder
        self.watch = Watch(truth.database, truth.settings, lambda _: None)

    def finished(self, **changes: Any) -> str:
        """A distillation that has succeeded. Returns its id."""
        job_id: str = self.api.submit(DISTIL, **changes)["id"]
        self.truth.publish(self.api.services, self.folder, self.truth.claim(), {"student.safetensors": b"weights"})
        return job_id

    def dataset(self, into: str | None = None, name: str = "scans", **changes: Any) -> str:
        """A dataset whose newest version is ready. Returns its id."""
        if into is None:
            body = {"name": name, "format": "image-folder", "source": {"uploads": [self.upload()]}}
            dataset_id = self.api.post("/v1/datasets", json=body).json()["id"]
        else:
            body = {"format": "image-folder", "source": {"uploads": [self.upload()]}}
            assert self.api.post(f"/v1/datasets/{into}/versions", json=body).status_code == 201
            dataset_id = into
        lease, found = self.truth.claim(), card(**changes)
        files = {
            "dataset.json": ("card", json.dumps(found).encode()),
            "report.json": ("report", json.dumps(REPORT).encode()),
            "train/inputs.npy": ("pack", b"inputs" * 10),
        }
        stored = [self.stored_file(path, role, data) for path, (role, data) in files.items()]
        with self.truth.database.write() as session:
            records.publish(session, lease, {"card": found, "report": REPORT}, stored)
        return dataset_id

    def upload(self) -> str:
        """A file that was sent. Returns its id."""
        data = archive(two_classes())
        headers = {"Content-Digest": content_digest(data)}
        found: str = self.api.put("/v1/uploads:file?name=scans.zip", content=data, headers=headers).json()["id"]
        return found

    def stored_file(self, path: str, role: str, data: bytes) -> StoredArtifact:
        """A file of a pack, in the store of files."""
        sha256 = hashlib.sha256(data).hexdigest()
        source = self.folder / sha256
        source.write_bytes(data)
        key = self.api.services.files.put(source, sha256)
        return StoredArtifact(path, role, "application/octet-stream", sha256, len(data), key)

    def make(self, **changes: Any) -> dict[str, Any]:
        """A monitor."""
        answer = self.api.post("/v1/monitors", json={"name": "line 3", **changes})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def monitor(self, made: dict[str, Any]) -> dict[str, Any]:
        """The monitor as it is now."""
        found: dict[str, Any] = self.api.get(f"/v1/monitors/{made['id']}").json()
        return found

    def until(self, made: dict[str, Any], count: int) -> list[dict[str, Any]]:
        """Its re-evaluations, once there are so many; whoever looks first begins them."""
        path = f"/v1/monitors/{made['id']}/reevaluations"

        def there() -> bool:
            self.watch.once()
            return len(self.api.get(path).json()["data"]) >= count

        wait_until(there, f"{count} re-evaluations", 20)
        found: list[dict[str, Any]] = self.api.get(path).json()["data"]
        assert len(found) == count
        return found

    def end(self, outcome: str = "drifted") -> dict[str, Any]:
        """The open re-evaluation ends so. Returns its plan."""
        lease = self.truth.claim()
        plan: dict[str, Any] = self.api.get(f"/v1/jobs/{lease.job_id}").json()["plan"]
        with self.truth.database.write() as session:
            records.publish(session, lease, document(outcome), [])
        return plan

    def rest(self, made: dict[str, Any]) -> None:
        """Everything that is due has been begun."""
        while self.watch.once():
            pass
        assert self.monitor(made)["status"] == "active"


@pytest.fixture
def hands(api: Api, truth: Truth, tmp_path: Path) -> Hands:
    return Hands(api, truth, tmp_path)


def test_a_new_version_makes_one_job_with_everything_that_it_needs(hands: Hands) -> None:
    job_id, dataset_id = hands.finished(), hands.dataset()
    made = hands.make(job=job_id, dataset=dataset_id)
    assert (made["status"], made["drift"], made["then"]) == ("active", {"distance": "mmd", "threshold": 2.0}, "measure")
    (first,) = hands.until(made, 1)
    assert (first["cause"], first["status"], first["dataset_version"]) == ("version", "pending", 1)
    job = hands.api.get(f"/v1/jobs/{first['job_id']}").json()
    assert (job["kind"], job["method"], job["name"]) == ("reevaluation", "reevaluation", "line 3, 1")
    plan = ReevaluationPlan.model_validate(hands.end("steady"))
    assert (plan.job, plan.monitor, plan.number, plan.grown) == (job_id, made["id"], 1, False)
    assert (plan.dataset.pack, plan.student) == (GIVEN_FOLDER, STUDENT_FILE)
    hands.rest(made)
    assert [one["status"] for one in hands.until(made, 1)] == ["steady"]
    assert hands.api.get("/v1/jobs").json()["data"][0]["id"] == job_id  # lists of jobs are of distillations
    assert len(hands.api.get("/v1/jobs?kind=reevaluation").json()["data"]) == 1
    hands.dataset(into=dataset_id)
    assert [one["dataset_version"] for one in hands.until(made, 2)] == [2, 1]


def test_a_drift_offers_a_new_distillation_that_can_be_submitted_as_it_is(hands: Hands) -> None:
    job_id, dataset_id = hands.finished(labels={"team": "vision"}), hands.dataset()
    made = hands.make(job=job_id, dataset=dataset_id, then="propose")
    hands.until(made, 1)
    hands.end()
    last = hands.monitor(made)["last"]
    assert (last["status"], last["figures"]["ratio"]["mmd"]) == ("drifted", 7.5)
    detail = hands.api.get(last["urls"]["self"]).json()
    spec, base = detail["proposal"]["spec"], hands.api.get(f"/v1/jobs/{job_id}").json()["spec"]
    assert detail["proposal"]["problems"] == []
    assert spec["dataset"] == {"id": dataset_id, "version": 1}
    assert (spec["teacher"], spec["method"]) == (base["teacher"], base["method"])
    assert spec["labels"] == {"team": "vision", "monitor": made["id"]}
    assert detail["document"]["change"]["worst"] == ["3"]
    assert len(hands.api.get("/v1/jobs").json()["data"]) == 1  # nothing is submitted by itself
    assert hands.api.post("/v1/jobs", json=spec).status_code == 201


def test_a_student_that_was_kept_lends_its_weights_to_what_is_proposed() -> None:
    from kdcore.spec.reevaluation import proposal

    spec = {
        "name": "x",
        "dataset": {"name": "digits", "limit": 50},
        "student": {"architecture": "resnet8", "copy": {"of": "teacher"}},
    }
    found = proposal(spec, "ds_1", 3, ("mdl_1", 2))
    assert found["dataset"] == {"id": "ds_1", "version": 3, "limit": 50}
    assert found["student"] == {"architecture": "resnet8", "init": {"id": "mdl_1", "version": 2}}
    chosen = {**spec, "student": {"auto": {"parameters": 9000}}}
    assert proposal(chosen, "ds_1", 3, ("mdl_1", 2))["student"] == chosen["student"]


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"input": {"kind": "image", "shape": [1, 9, 8]}}, "wrong_input", "1, 9, 8"),
        ({"target": {"classes": ["dark", "light"]}}, "wrong_classes", "dark, light"),
        ({"task": "multilabel"}, "wrong_task", "multilabel"),
    ],
)
def test_data_of_another_kind_are_refused_with_the_remedy(
    hands: Hands, changes: dict[str, Any], code: str, words: str
) -> None:
    body = {"job": hands.finished(), "dataset": hands.dataset(**changes)}
    answer = hands.api.post("/v1/monitors", json=body)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/dataset", code)
    assert words in fault["detail"]
    assert "distil anew" in fault["detail"]


def test_only_a_job_with_a_student_is_monitored_and_only_if_something_is_ever_due(hands: Hands, api: Api) -> None:
    dataset_id, waiting = hands.dataset(), api.submit(DISTIL)["id"]
    told = api.post("/v1/monitors", json={"job": waiting, "dataset": dataset_id})
    assert told.json()["errors"][0]["code"] == "job_not_finished"
    hands.truth.publish(api.services, hands.folder, hands.truth.claim(), {"student.onnx": b"graph"})
    told = api.post("/v1/monitors", json={"job": waiting, "dataset": dataset_id})
    assert told.json()["errors"][0] == {
        "pointer": "/job", "code": "no_student",
        "detail": f"job {waiting} delivered no student.safetensors: run it with deliver: [safetensors]",
    }  # fmt: skip
    never = {"job": hands.finished(), "dataset": dataset_id, "on_new_version": False}
    told = api.post("/v1/monitors", json=never)
    assert "nothing would ever be due" in told.json()["errors"][0]["detail"]
    assert api.post("/v1/monitors", json={**never, "every_hours": 0.5}).status_code == 422
    assert api.post("/v1/monitors", json={**never, "every_hours": 1}).status_code == 201
    assert api.post("/v1/monitors", json={**never, "every_hours": 1, "dataset": "ds_x"}).status_code == 404


def test_a_version_that_does_not_fit_is_told_and_the_next_one_is_measured(hands: Hands) -> None:
    dataset_id = hands.dataset()
    made = hands.make(job=hands.finished(), dataset=dataset_id)
    hands.until(made, 1)
    hands.end("steady")
    hands.dataset(into=dataset_id, input={"kind": "image", "shape": [1, 16, 16]})
    found = hands.until(made, 2)[0]
    assert (found["status"], found["job_id"]) == ("failed", None)
    assert "1, 16, 16" in found["error"]["message"]
    hands.dataset(into=dataset_id)
    assert hands.until(made, 3)[0]["status"] == "pending"


def test_a_job_or_dataset_that_goes_stops_its_monitors_and_says_so(hands: Hands, api: Api) -> None:
    job_id, dataset_id, second = hands.finished(), hands.dataset(), hands.dataset(name="others")
    of_job = hands.make(job=job_id, dataset=dataset_id, on_new_version=False, every_hours=24)
    of_dataset = hands.make(job=hands.finished(), dataset=second, on_new_version=False, every_hours=24)
    assert api.delete(f"/v1/jobs/{job_id}").status_code == 204
    assert api.delete(f"/v1/datasets/{second}").status_code == 204

    def stopped() -> bool:
        hands.watch.once()
        return all(hands.monitor(one)["status"] == "stopped" for one in (of_job, of_dataset))

    wait_until(stopped, "both to be stopped", 20)
    assert hands.monitor(of_job)["reason"] == f"job {job_id} was deleted"
    assert hands.monitor(of_dataset)["reason"] == f"dataset {second} was deleted"
    assert api.post(f"/v1/monitors/{of_job['id']}/run").status_code == 404


def test_it_is_run_by_hand_one_at_a_time_and_repeated_requests_are_one(hands: Hands, api: Api) -> None:
    made = hands.make(job=hands.finished(), dataset=hands.dataset(), on_new_version=False, every_hours=24)
    path, key = f"/v1/monitors/{made['id']}/run", {"Idempotency-Key": "once"}
    first, again = api.post(path, headers=key), api.post(path, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert first.json()["cause"] == "request"
    refused = api.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "reevaluation_open")
    hands.end("steady")
    assert api.post(path).json()["number"] == 2


def test_settings_change_by_version_and_the_due_time_with_them(hands: Hands, api: Api) -> None:
    made = hands.make(job=hands.finished(), dataset=hands.dataset())
    path, tag = f"/v1/monitors/{made['id']}", api.get(f"/v1/monitors/{made['id']}").headers["etag"]
    found = api.patch(path, json={"every_hours": 24, "drift": {"threshold": 5}}, headers={"If-Match": tag}).json()
    assert (found["every_hours"], found["drift"]) == (24.0, {"distance": "mmd", "threshold": 5.0})
    assert found["due_at"] is not None
    assert api.patch(path, json={"name": "x"}, headers={"If-Match": tag}).status_code == 412
    assert api.patch(path, json={"every_hours": None, "on_new_version": False}).status_code == 422
    assert api.patch(path, json={"enabled": False}).json()["reason"] == "stopped by a request"
    assert api.patch(path, json={"enabled": True}).json()["status"] == "active"
    assert [one["id"] for one in api.get(f"/v1/monitors?job={made['job_id']}").json()["data"]] == [made["id"]]
    assert api.get("/v1/monitors?job=job_x").json()["data"] == []
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_without_room_for_a_job_a_monitor_waits_and_says_what_for(
    start: Start, settings: Settings, truth: Truth, tmp_path: Path
) -> None:
    api = start(settings.model_copy(update={"jobs_in_flight": 1}))
    hands = Hands(api, truth, tmp_path)
    hands.watch = Watch(truth.database, api.services.settings, lambda _: None)
    job_id, dataset_id = hands.finished(), hands.dataset()
    api.submit(SPEC)
    made = hands.make(job=job_id, dataset=dataset_id)

    def told() -> bool:
        hands.watch.once()
        return hands.monitor(made)["waits_for"] is not None

    wait_until(told, "the monitor to wait", 20)
    assert "1 jobs that have not ended" in hands.monitor(made)["waits_for"]
    truth.fail(truth.claim())
    with truth.database.write() as session:
        monitoring.wake(session, job_id=job_id)
    hands.until(made, 1)
    assert hands.monitor(made)["waits_for"] is None


def test_another_project_sees_nothing_of_it(hands: Hands, truth: Truth) -> None:
    made = hands.make(job=hands.finished(), dataset=hands.dataset())
    stranger = hands.api.with_key(truth.key(project="strangers"))
    assert stranger.get(f"/v1/monitors/{made['id']}").status_code == 404
    assert stranger.get("/v1/monitors").json()["data"] == []
    body = {"job": made["job_id"], "dataset": made["dataset_id"]}
    assert stranger.post("/v1/monitors", json=body).status_code == 404
