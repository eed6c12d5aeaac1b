"""The dashboard's files, and the headers that every answer carries."""

from __future__ import annotations

from pathlib import Path

import pytest
from api_client import Api, Start

from api.pages import Pages
from store.settings import Settings


@pytest.fixture
def site(start: Start, settings: Settings, tmp_path: Path) -> Api:
    """The application with a small dashboard."""
    folder = tmp_path / "dashboard"
    (folder / "js").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Distillery</title>")
    (folder / "js" / "app.js").write_text("export {};")
    (tmp_path / "secret.js").write_text("secret")
    api = start(settings).with_key(None)
    api.app.router.default = Pages(folder)
    return api


def test_the_page_is_served_at_the_root_and_wherever_a_browser_navigates(site: Api) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml"}
    for path in ("/", "/jobs", "/jobs/job_1"):
        answer = site.get(path, headers=browser)
        assert answer.status_code == 200
        assert "Distillery" in answer.text
        assert answer.headers["cache-control"] == "no-cache"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-eval" not in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy


def test_scripts_are_scripts_and_what_is_missing_is_a_problem(site: Api) -> None:
    script = site.get("/js/app.js")
    assert script.headers["content-type"].startswith(("text/javascript", "application/javascript"))
    assert site.get("/js/app.js", headers={"If-None-Match": script.headers["etag"]}).status_code == 304
    for path in ("/js/missing.js", "/v1/missing", "/jobs"):
        answer = site.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert site.get("/v1/missing", headers={"Accept": "text/html"}).status_code == 404
    assert site.post("/index.html").status_code == 405


@pytest.mark.parametrize(
    "path", ["/..%2fsecret.js", "/%2e%2e/secret.js", "/js/..%2f..%2fsecret.js", "/%00", "//etc/passwd"]
)
def test_no_path_leaves_the_folder(site: Api, path: str) -> None:
    assert site.get(path).status_code == 404


def test_the_charts_library_comes_from_its_package_and_is_kept(site: Api) -> None:
    answer = site.get("/vendor/plotly.min.js")
    assert answer.status_code == 200
    assert len(answer.content) > 1_000_000
    assert "immutable" in answer.headers["cache-control"]
    assert site.get("/vendor/plotly.min.js", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/jobs", "/v1/missing", "/vendor/plotly.min.js", "/openapi.json"])
def test_every_answer_carries_the_security_headers(site: Api, path: str) -> None:
    headers = site.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors" in headers["content-security-policy"]
    assert headers["x-request-id"]
    assert "access-control-allow-origin" not in headers


def test_the_interactive_docs_are_off(site: Api) -> None:
    assert site.get("/docs").status_code == 404
    assert site.get("/redoc").status_code == 404
