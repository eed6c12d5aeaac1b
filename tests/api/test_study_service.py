"""Studies on the real service: an API process, a worker and its engines, from the spec to the table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_client import SECRET, Served, Truth
from crew import Crew
from pydantic import SecretStr

from distillery import Client
from store.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
PATIENCE_SECONDS = 1200
BASE: dict[str, Any] = {
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet8", "width": 0.5, "train": {"epochs": 1}},
    "student": {"architecture": "resnet8", "width": 0.25},
    "training": {"epochs": 1, "batch_size": 64},
    "deliver": ["safetensors"],
    "resources": {"device": "cpu"},
}
ALONE = {"name": "alone", "changes": {"method": "student-alone", "teacher": None}}
HINTON = {"name": "hinton", "changes": {"method": "hinton"}}
HURRIES = {"name": "hurries", "changes": {"method": "hinton", "resources": {"hours": 1e-6}}}
PATIENT = {"LEASE_SECONDS": "60", "LEASE_MARGIN_SECONDS": "15", "BEAT_SECONDS": "10"}
"""Nobody is killed here but the API: a busy machine must not look like a dead worker."""


@dataclass
class Everything:
    """The service with one worker; its API can be started again."""

    settings: Settings
    folder: Path
    crew: Crew
    key: str
    served: Served = field(init=False)

    def __post_init__(self) -> None:
        self.served = Served(self.settings, self.folder / "api.log")

    def client(self) -> Client:
        return Client(self.served.url, self.key)

    def kill_api(self) -> None:
        """As a crash would."""
        self.served.process.kill()
        self.served.process.wait()

    def restart_api(self) -> None:
        self.served = Served(self.settings, self.folder / "api-again.log")

    def until(self, study_id: str, *states: str) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE_SECONDS
        with self.client() as client:
            while True:
                study: dict[str, Any] = dict(client.study(study_id))
                if study["status"] in states:
                    return study
                assert study["finished_at"] is None, study
                assert time.monotonic() < until, f"{study}\n{self.served.log.read_text()[-3000:]}\n{self.crew.logs()}"
                time.sleep(0.3)

    def until_jobs(self, study_id: str, status: str, count: int) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        with self.client() as client:
            while client.study(study_id)["jobs"].get(status, 0) < count:
                assert time.monotonic() < until, client.study(study_id)
                time.sleep(0.1)


@pytest.fixture(scope="module")
def service(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    folder = tmp_path_factory.mktemp("studies")
    (folder / "distillery.sqlite").write_bytes(sqlite_template.read_bytes())
    settings = Settings(home=folder, secret=SecretStr(SECRET))
    truth = Truth(settings)
    crew = Crew(folder, settings.database_url, settings.broker_url, PATIENT)
    crew.hire()
    found = Everything(settings, folder, crew, truth.key())
    yield found
    found.served.stop()
    crew.close()
    truth.database.close()


def test_two_arms_and_three_seeds_come_to_a_table_though_the_api_is_killed_in_the_middle(service: Everything) -> None:
    with service.client() as client:
        spec = {"name": "two arms", "base": BASE, "arms": [ALONE, HINTON], "seeds": 3}
        study_id = client.create_study(spec)["id"]
    service.until_jobs(study_id, "succeeded", 2)
    service.kill_api()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{service.served.url}/readyz", trust_env=False)
    service.restart_api()
    done = service.until(study_id, "succeeded")
    assert done["jobs"] == {"planned": 7, "succeeded": 7}
    with service.client() as client:
        found = client.study_results(study_id)
        jobs = list(client.jobs(study=study_id))
    places = [(job["study_arm"], job["study_seed"]) for job in jobs]
    assert len(places) == len(set(places)) == 7
    assert found["complete"]
    for arm in found["arms"]:
        assert arm["summary"]["n"] == 3
        low, high = arm["summary"]["interval"]
        assert low < arm["summary"]["mean"] < high
        assert {run["seed"] for run in arm["runs"]} == {0, 1, 2}
        assert all(0 <= run["score"] <= 1 and 0 <= run["validation"] <= 1 and run["seconds"] > 0 for run in arm["runs"])
        assert len({run["score"] for run in arm["runs"]}) > 1  # seeds differ
    assert found["arms"][1]["difference"]["n"] == 3
    assert found["arms"][1]["difference"]["p_value"] is not None


def test_an_arm_that_fails_is_marked_and_the_others_go_on(service: Everything) -> None:
    with service.client() as client:
        spec = {"name": "one fails", "base": BASE, "arms": [HINTON, HURRIES], "seeds": 1}
        study_id = client.create_study(spec)["id"]
        done = service.until(study_id, "succeeded")
        assert done["jobs"] == {"planned": 3, "succeeded": 2, "failed": 1}
        found = client.study_results(study_id)
    good, bad = found["arms"]
    assert not found["complete"]
    assert (good["status"], good["summary"]["interval"]) == ("done", None)
    assert (bad["status"], bad["summary"], bad["difference"]) == ("incomplete", None, None)
    assert bad["runs"][0]["reason"].startswith("time_limit")


def test_a_cancelled_study_ends_with_its_jobs_and_keeps_what_it_has(service: Everything) -> None:
    with service.client() as client:
        long = {**BASE, "training": {**BASE["training"], "epochs": 200}}
        spec = {"name": "cancelled", "base": long, "arms": [ALONE, HINTON], "seeds": 2}
        study_id = client.create_study(spec)["id"]
        service.until_jobs(study_id, "running", 1)
        assert client.cancel_study(study_id)["status"] == "cancelling"
        done = service.until(study_id, "cancelled")
        assert set(done["jobs"]) == {"planned", "cancelled"} or done["jobs"]["succeeded"] == 1  # the teacher is quick
        assert all(job["status"] in ("cancelled", "succeeded") for job in client.jobs(study=study_id))
        client.delete_study(study_id)
        assert study_id not in [study["id"] for study in client.studies()]
