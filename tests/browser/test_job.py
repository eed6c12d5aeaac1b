"""The page of a job: live to the end without a reload, through reloads, pauses, lost connections and restarts."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from browsing import LONG, SPEC, TRAINING_MS, Visitor, wait_for
from playwright.sync_api import Page, Request, Route, expect

from store import events
from store.database import Database
from store.models import Job
from store.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POINTS = "(plot) => (plot.data ?? []).reduce((sum, line) => sum + line.x.length, 0)"
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def plots(page: Page) -> Any:
    return page.locator(".chart .plot[role=img]")


def percent_done(page: Page) -> float:
    return float(page.get_by_role("progressbar").get_attribute("aria-valuenow") or 0)


def wait_for_training(page: Page) -> None:
    """Until the stream has brought a few steps."""
    wait_for(page, "document.querySelector('[role=progressbar]')?.ariaValueNow > 0", TRAINING_MS)


def test_a_job_is_watched_live_to_its_verdict_and_its_student_downloaded(visitor: Visitor, tmp_path: Path) -> None:
    job = visitor.submit(name="watched")
    page = visitor.sign_in(f"/jobs/{job}")
    page.evaluate("window.here = true")
    expect(page.get_by_role("heading", name="watched")).to_be_visible()
    expect(page.locator(".titleline")).to_contain_text("Running", timeout=TRAINING_MS)
    expect(page.locator(".titleline")).to_contain_text("Live")
    wait_for_training(page)
    expect(page.get_by_text(re.compile("^Training the "))).to_be_visible()
    expect(page.get_by_text(re.compile("^Epoch \\d+ of \\d+"))).to_be_visible()

    expect(page.locator(".titleline")).to_contain_text("Succeeded", timeout=TRAINING_MS)
    verdict = page.get_by_label("Was it worth it?")
    expect(verdict).to_contain_text("the same student alone")
    expect(verdict).to_contain_text("test examples")
    result = visitor.client.job(job)["result"]
    expect(verdict).to_contain_text(f"{100 * result['models']['student']['accuracy']:.1f}\u00a0%")
    phases = page.get_by_role("list", name="Phases").get_by_role("listitem")
    for phase in ("Prepare", "Teacher", "Train", "Evaluate", "Export", "Report"):
        expect(phases.filter(has_text=phase)).to_have_class("done")
    expect(page.locator("#announcer")).to_contain_text("watched: ")

    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="student.safetensors"))
    with page.expect_download() as download:
        row.get_by_role("link", name="student.safetensors").click()
    download.value.save_as(tmp_path / "student.safetensors")
    digest = hashlib.sha256((tmp_path / "student.safetensors").read_bytes()).hexdigest()
    expect(row).to_contain_text(digest)
    with page.expect_download() as bundle:
        page.get_by_role("link", name="Download all (zip)").click()
    assert bundle.value.suggested_filename == f"{job}.zip"

    assert page.evaluate("window.here"), "the page was loaded again"
    visitor.check_quiet()


def test_charts_show_every_run_and_their_figures_as_a_table(visitor: Visitor) -> None:
    job = visitor.submit()
    visitor.client.wait(job)
    page = visitor.sign_in(f"/jobs/{job}")
    accuracy, losses = plots(page).nth(0), plots(page).nth(1)
    wait_for(page, "document.querySelectorAll('.plot[data-drawn]').length === 2")
    assert accuracy.evaluate("(plot) => plot.data.map((line) => [line.name, line.line.dash])") == [
        ["Teacher", "dash"],
        ["Student alone", "solid"],
        ["Distilled student", "solid"],
    ]
    legend = page.locator(".chart").nth(1).get_by_role("list")
    for term in ("hint", "cross entropy", "imitation"):
        expect(legend).to_contain_text(term)
    page.get_by_label("Run", exact=True).select_option("Student alone")
    wait_for(page, "document.querySelectorAll('.plot[role=img]')[1].data.length === 2")
    assert losses.evaluate("(plot) => plot.data.map((line) => line.name)") == [
        "cross entropy, training",
        "cross entropy, validation",
    ]
    page.get_by_text("Figures").first.click()
    table = page.locator(".chart").first.get_by_role("table")
    points = visitor.client.metrics(job, run="alone", split="validation")
    last = next(line for line in points if line["name"] == "accuracy")["values"][-1]
    expect(table.get_by_role("row").last).to_contain_text(f"{100 * last:.1f}\u00a0%")
    visitor.check_quiet()


def test_a_reload_in_mid_run_loses_nothing(visitor: Visitor) -> None:
    job = visitor.submit(**LONG)
    page = visitor.sign_in(f"/jobs/{job}")
    wait_for(page, "document.querySelectorAll('.lines .phase').length >= 3", TRAINING_MS)
    wait_for(page, "document.querySelectorAll('.plot[data-drawn]').length === 2")
    before = [plots(page).nth(index).evaluate(POINTS) for index in range(2)]
    told = page.locator(".lines li").all_inner_texts()
    done = percent_done(page)
    page.reload()
    wait_for(page, "document.querySelectorAll('.plot[data-drawn]').length === 2")
    assert plots(page).nth(0).evaluate(POINTS) >= before[0] > 0
    assert page.locator(".lines li").all_inner_texts()[: len(told)] == told
    assert percent_done(page) >= done > 0
    expect(page.locator(".titleline")).to_contain_text("Live")
    wait_for(page, f"document.querySelector('[role=progressbar]').ariaValueNow > {done}", TRAINING_MS)
    visitor.check_quiet()


def test_pause_resume_cancel_and_retry_are_offered_when_they_can_be_done(visitor: Visitor) -> None:
    job = visitor.submit(**LONG)
    page = visitor.sign_in(f"/jobs/{job}")
    wait_for_training(page)
    head = page.locator(".titleline")
    head.get_by_role("button", name="Pause").click()
    expect(head).to_contain_text("Paused", timeout=60_000)
    expect(head.get_by_role("button")).to_have_text(["Resume", "Cancel"])
    head.get_by_role("button", name="Resume").click()
    expect(head).to_contain_text("Running", timeout=TRAINING_MS)
    expect(page.get_by_text("Attempt 2.")).to_be_visible()
    head.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(head).to_contain_text("Cancelled", timeout=60_000)
    head.get_by_role("button", name="Retry").click()
    page.wait_for_url(re.compile(f"/jobs/(?!{job})job_"))
    expect(page.get_by_role("link", name="retry of an earlier job")).to_have_attribute("href", f"/jobs/{job}")
    visitor.check_quiet()


def test_an_action_that_comes_too_late_is_refused_in_words(visitor: Visitor) -> None:
    job = visitor.submit(**LONG)
    page = visitor.sign_in(f"/jobs/{job}")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.evaluate(HIDE, True)
    visitor.client.cancel(job)
    visitor.client.wait(job)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("alert")).to_contain_text("only a waiting or running job can be paused")
    page.evaluate(HIDE, False)
    expect(page.locator(".titleline")).to_contain_text("Cancelled")


def test_a_failed_job_says_why_with_its_last_lines(visitor: Visitor) -> None:
    training = {"epochs": 20, "optimizer": {"name": "sgd", "lr": 100, "momentum": 0.99}}
    job = visitor.submit(name="diverges", method="hinton", baseline=False, training=training)
    assert visitor.client.wait(job)["status"] == "failed"
    page = visitor.sign_in(f"/jobs/{job}")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Why it failed")
    expect(alert).to_contain_text("Code non_finite_loss")
    expect(page.locator(".titleline").get_by_role("button")).to_have_text(["Retry"])
    visitor.check_quiet()


def test_a_hidden_page_closes_its_stream_and_goes_on_where_it_was(visitor: Visitor) -> None:
    streams: list[str] = []
    finished: list[str] = []

    def note(kept: list[str]) -> Any:
        return lambda request: kept.append(request.url) if "/stream" in request.url else None

    visitor.page.on("request", note(streams))
    visitor.page.on("requestfailed", note(finished))
    job = visitor.submit(**LONG)
    page = visitor.sign_in(f"/jobs/{job}")
    wait_for_training(page)
    assert len(streams) == 1
    page.evaluate(HIDE, True)
    page.wait_for_timeout(2500)
    assert finished == streams
    done = percent_done(page)
    page.evaluate(HIDE, False)
    wait_for(page, f"document.querySelector('[role=progressbar]').ariaValueNow > {done}", TRAINING_MS)
    assert len(streams) == 2
    assert int(streams[1].partition("after_seq=")[2]) > int(streams[0].partition("after_seq=")[2])
    visitor.check_quiet()


def test_polling_takes_over_where_streams_do_not_pass(visitor: Visitor) -> None:
    def refuse(route: Route, _: Request) -> None:
        route.fulfill(status=503, body="")

    visitor.page.route("**/stream*", refuse)
    job = visitor.submit(**SPEC)
    page = visitor.sign_in(f"/jobs/{job}")
    expect(page.locator(".titleline")).to_contain_text("Refreshing every 3 s")
    expect(page.locator(".titleline")).to_contain_text("Succeeded", timeout=TRAINING_MS)
    expect(page.get_by_label("Was it worth it?")).to_contain_text("test examples")


def test_an_open_page_survives_a_restart_of_the_api(visitor: Visitor) -> None:
    job = visitor.submit(**LONG)
    page = visitor.sign_in(f"/jobs/{job}")
    wait_for_training(page)
    api = visitor.site.service.api
    before = api.process
    assert before is not None
    before.kill()
    expect(page.locator(".titleline")).to_contain_text("Connecting")
    wait_for(page, "document.querySelector('[data-link]').dataset.link === 'live'", 60_000)
    assert api.process is not before
    done = percent_done(page)
    wait_for(page, f"document.querySelector('[role=progressbar]').ariaValueNow > {done}", TRAINING_MS)


def test_a_job_that_is_not_there_leads_back_to_the_list(visitor: Visitor) -> None:
    page = visitor.sign_in("/jobs/job_nothing")
    expect(page.get_by_role("heading", name="No such job")).to_be_visible()
    page.get_by_role("link", name="All jobs").click()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()


def test_a_long_story_is_read_from_its_end(visitor: Visitor) -> None:
    job = visitor.submit(**LONG)
    visitor.client.cancel(job)
    visitor.client.wait(job)
    settings = Settings(home=visitor.site.service.home.path)
    lines = [("log", {"lines": [{"level": "info", "message": f"line {n}"}], "left_out": 0}) for n in range(6000)]
    with Database(settings.database_url).write() as session:
        events.append_all(session, session.get_one(Job, job), lines)
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url) if "/events" in request.url else None)
    page = visitor.sign_in(f"/jobs/{job}")
    expect(page.locator(".lines li").last).to_contain_text("line 5999")
    assert len(asked) < 15
    assert page.locator(".lines li").count() >= 400
