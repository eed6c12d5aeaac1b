"""/metrics in Prometheus' format: what it counts, who may see it, and that clients cannot make series."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
from api_client import Api, Truth
from prometheus_client.parser import text_string_to_metric_families
from servers import unavailable

from store import workers


def scraped(api: Api) -> dict[str, dict[tuple[str, ...], float]]:
    """Samples by name, and then by the values of their labels."""
    answer = api.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation.endswith(".")
        assert family.name.startswith("distillery_")
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_jobs_the_queue_and_workers_are_counted_over_all_projects(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    for who in (api, api, api.with_key(truth.key(project="other"))):
        who.submit(spec)
    truth.fail(truth.claim())
    with truth.database.write() as session:
        workers.heartbeat(session, "w1", {"resource_classes": ["cpu", "gpu"]})
    found = scraped(api)
    assert found["distillery_jobs"][("queued",)] == 2
    assert found["distillery_jobs"][("failed",)] == 1
    assert found["distillery_jobs"][("running",)] == 0
    assert found["distillery_queue_jobs"] == {("cpu",): 2}
    assert 0 <= found["distillery_queue_oldest_seconds"][("cpu",)] < 60
    assert found["distillery_workers"] == {("cpu",): 1, ("gpu",): 1}


def test_requests_are_measured_by_route_and_what_clients_invent_makes_no_series(api: Api, spec: dict[str, Any]) -> None:
    job = api.submit(spec)
    for _ in range(3):
        api.get(job["urls"]["self"])
    for number in range(5):
        api.get(f"/v1/invented-{number}")
        api.get(f"/v1/jobs/job_{number}")
    counts = scraped(api)["distillery_http_request_duration_seconds_count"]
    assert counts[("GET", "/v1/jobs/{job_id}", "200")] == 3
    assert counts[("GET", "/v1/jobs/{job_id}", "404")] == 5
    assert counts[("POST", "/v1/jobs", "201")] == 1
    assert not any("invented" in route or job["id"] in route for _, route, _ in counts)


@pytest.mark.parametrize(
    ("scopes", "status"), [(("metrics",), 200), (("operate",), 200), (("admin",), 403), (("jobs:read",), 403)]
)
def test_it_takes_the_scope_for_it(api: Api, truth: Truth, scopes: tuple[str, ...], status: int) -> None:
    assert api.with_key(truth.key(*scopes)).get("/metrics").status_code == status
    assert api.with_key(None).get("/metrics").status_code == 401


def test_a_key_for_metrics_sees_nothing_else(api: Api, truth: Truth) -> None:
    assert api.with_key(truth.key("metrics")).get("/v1/jobs").status_code == 403


@pytest.mark.servers
def test_promtool_has_nothing_to_say_about_it(api: Api, spec: dict[str, Any]) -> None:
    program = shutil.which("promtool")
    if program is None:
        unavailable("promtool is missing: apt install prometheus")
    api.post("/v1/jobs", json=spec)
    told = api.get("/metrics").text
    done = subprocess.run([program, "check", "metrics"], input=told, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert told.count("# HELP") > 5
