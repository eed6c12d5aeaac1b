"""The overview: what runs, what waits, what came out, read again by itself, and a way in for who is new."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import LONG, SPEC, TRAINING_MS, Visit, Visitor
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def finished(site: Any) -> Iterator[tuple[str, str]]:
    """A project with a job that has succeeded and one that has failed; the project and the first job."""
    from distillery import Client

    with Client(site.url, site.key("results")) as client:
        job = str(client.submit({**SPEC, "name": "came out"})["id"])
        training = {"epochs": 20, "optimizer": {"name": "sgd", "lr": 100, "momentum": 0.99}}
        diverges = client.submit({**SPEC, "name": "diverges", "baseline": False, "training": training})["id"]
        assert [client.wait(one)["status"] for one in (job, diverges)] == ["succeeded", "failed"]
        yield "results", job


def test_somebody_who_is_new_is_led_to_the_first_job(visitor: Visitor, visit: Visit) -> None:
    page = visitor.sign_in("/")
    expect(page.get_by_role("heading", name="Distil your first model")).to_be_visible()
    expect(page.get_by_role("link", name="Start the first job")).to_have_attribute("href", "/new")
    expect(page.get_by_role("heading", name="Workers")).to_be_visible()
    reader = visit("jobs:read", project=visitor.project).sign_in("/")
    expect(reader.get_by_role("heading", name="Distil your first model")).to_be_visible()
    expect(reader.get_by_role("link", name="Start the first job")).to_have_count(0)
    visitor.check_quiet()


def test_results_show_what_is_kept_and_saved_and_figures_lead_to_the_jobs_they_count(
    visit: Visit, finished: tuple[str, str]
) -> None:
    project, job = finished
    visitor = visit(project=project)
    page = visitor.sign_in("/")
    result = visitor.client.job(job)["result"]
    row = page.get_by_role("table", name="Recent results").get_by_role("row").filter(has_text="came out")
    expect(row).to_contain_text(f"{100 * result['score_kept']:.1f}\u00a0%")
    expect(row).to_contain_text(f"{100 * result['models']['student']['score']:.1f}\u00a0% on test")
    expect(row).to_contain_text("smaller")
    page.get_by_role("link", name="Failed in 24 h 1").click()
    page.wait_for_url("**/jobs?status=failed&sort=-finished_at")
    expect(page.locator("tbody tr:not([aria-hidden])")).to_have_count(1)
    expect(page.get_by_role("link", name="diverges")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name=re.compile("^Succeeded in 24 h"))).to_contain_text("1")
    visitor.check_quiet()


def test_a_job_appears_and_moves_by_itself_and_a_class_that_nobody_serves_is_named(visitor: Visitor) -> None:
    page = visitor.sign_in("/")
    visitor.submit(**LONG)
    visitor.submit(**{**LONG, "name": "needs a gpu", "resources": {"device": "cuda"}})
    now = page.get_by_role("table", name="Running and next")
    expect(now.get_by_role("row").filter(has_text="long")).to_contain_text("Running", timeout=TRAINING_MS)
    expect(now.get_by_role("progressbar", name="Progress of long")).to_be_visible()
    expect(page.get_by_text("which no worker serves")).to_contain_text("gpu")
    expect(page.get_by_text("Runs 1 job")).to_be_visible()
    link = now.get_by_role("link", name="long")
    link.focus()
    with page.expect_response(lambda response: response.url.endswith("/v1/overview")):
        pass
    expect(link).to_be_focused()
    visitor.check_quiet()


def test_nothing_is_asked_while_the_page_is_hidden_or_left(visitor: Visitor) -> None:
    asked: list[str] = []
    page = visitor.sign_in("/")
    expect(page.get_by_role("heading", name="Workers")).to_be_visible()
    page.evaluate(HIDE, True)
    page.wait_for_timeout(500)
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4000)
    assert asked == []
    page.evaluate(HIDE, False)
    with page.expect_response(lambda response: response.url.endswith("/v1/overview")):
        pass
    page.get_by_role("link", name="Audit").click()
    expect(page.get_by_role("heading", name="Audit")).to_be_visible()
    page.wait_for_timeout(500)
    asked.clear()
    page.wait_for_timeout(4000)
    assert not any("/v1/overview" in url for url in asked)


def test_nothing_is_wider_than_a_narrow_screen(visit: Visit, finished: tuple[str, str]) -> None:
    visitor = visit(project=finished[0], viewport={"width": 360, "height": 740})
    page = visitor.sign_in("/")
    expect(page.get_by_role("link", name="came out")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    visitor.check_quiet()
