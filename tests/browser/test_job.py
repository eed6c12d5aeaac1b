"""The page of a job: live to the end without a reload, through reloads, pauses, lost connections and restarts."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from browsing import LONG, SPEC, TRAINING_MS, Site, Visit, Visitor, wait_for
from playwright.sync_api import Locator, Page, Request, Route, expect
from sqlalchemy import insert, update

from distillery import Client
from store import events
from store.database import Database
from store.localfiles import LocalFiles
from store.models import Attempt, Job, MetricPoint
from store.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POINTS = "(plot) => (plot.data ?? []).reduce((sum, line) => sum + line.x.length, 0)"
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@dataclass(frozen=True)
class Balanced:
    """A finished job, what it found, whose it is, and how to ask for it."""

    project: str
    job: str
    client: Client
    result: dict[str, Any]


def plots(page: Page) -> Any:
    return page.locator(".chart .plot[role=img]")


def percent_done(page: Page) -> float:
    return float(page.get_by_role("progressbar").get_attribute("aria-valuenow") or 0)


def wait_for_training(page: Page) -> None:
    """Until the stream has brought a few steps."""
    wait_for(page, "document.querySelector('[role=progressbar]')?.ariaValueNow > 0", TRAINING_MS)


def test_a_job_is_watched_live_to_its_verdict_and_its_student_downloaded(visitor: Visitor, tmp_path: Path) -> None:
    job = visitor.submit(name="watched", training={**SPEC["training"], "epochs": 60})  # long enough to be watched
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
    expect(verdict).to_contain_text(f"{100 * result['models']['student']['score']:.1f}\u00a0%")
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
    wait_for(page, "document.querySelectorAll('.plot[data-drawn]').length >= 2")
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
    wait_for(page, "document.querySelectorAll('.plot[data-drawn]').length >= 2")
    before = [plots(page).nth(index).evaluate(POINTS) for index in range(2)]
    told = page.locator(".lines li").all_inner_texts()
    done = percent_done(page)
    page.reload()
    wait_for(page, "document.querySelectorAll('.plot[data-drawn]').length >= 2")
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


@pytest.fixture(scope="module")
def balanced(site: Site) -> Balanced:
    """A finished job whose losses were balanced, in a project of its own."""
    project = f"balanced-{next(site.names)}"
    client = Client(site.url, site.key(project))
    job = str(client.submit(SPEC | {"name": "balanced", "method": "mokd", "deliver": ["onnx", "onnx-int8"]})["id"])
    result = client.wait(job)["result"]
    assert result is not None
    return Balanced(project, job, client, result)


def seen(part: Locator, title: str) -> Locator:
    """A chart that has been scrolled to and drawn, with its figures open."""
    part.scroll_into_view_if_needed()
    expect(part.locator(".plot[data-drawn]")).to_be_visible()
    expect(part.get_by_role("heading")).to_contain_text(re.compile(title))
    part.get_by_text("Figures").click()
    return part


def test_the_balance_is_shown_by_weight_conflict_and_dominance(balanced: Balanced, visit: Visit) -> None:
    visitor = visit(project=balanced.project, viewport={"width": 1280, "height": 900})
    charts = visitor.sign_in(f"/jobs/{balanced.job}").locator("#objective .chart")
    series = balanced.client.metrics(balanced.job, run="distil", split="train")
    cosines = [line["values"] for line in series if ".cosine" in line["name"]]
    against = sum(min(point) < 0 for point in zip(*cosines, strict=True)) / len(cosines[0])
    seen(charts.nth(0), "weighs most at the end")
    seen(charts.nth(1), f"in {100 * against:.0f}\u00a0% of the steps" if against else "No gradients were in conflict")
    expect(seen(charts.nth(2), "× as long as that of").get_by_role("row")).to_have_count(1 + 4 * 4)
    visitor.check_quiet()


def test_layers_classes_formats_and_the_machine_have_a_panel_each(balanced: Balanced, visit: Visit) -> None:
    visitor = visit(project=balanced.project, viewport={"width": 1280, "height": 900})
    page = visitor.sign_in(f"/jobs/{balanced.job}")
    acute = [layer["acute"] for layer in balanced.result["diagnostics"]["angles"]["layers"]]
    mean = f"^{100 * sum(acute) / len(acute):.0f}\u00a0% of the angles"
    angles = seen(page.locator("#objective .chart").nth(3), mean)
    expect(angles.get_by_role("row").last).to_contain_text(f"{100 * acute[0]:.0f}\u00a0%")

    figures = [balanced.result["models"][role]["per_class"] for role in ("teacher", "student")]
    worst = min(b["value"] - a["value"] for a, b in zip(*figures, strict=True))
    said = f"loses most .*\u2212{-100 * worst:.1f}.points" if worst < 0 else "No class is worse"
    expect(seen(page.locator("#student .chart"), said).get_by_role("row")).to_have_count(11)

    graph = page.locator(".formats").get_by_role("row").filter(has_text="student.onnx")
    expect(graph).to_contain_text(re.compile(r"ms / .*ms"))
    machine = page.locator("#machine .chart")
    for index, title in enumerate(("The learning rate was at most", "examples a second", "The engine held at most")):
        seen(machine.nth(index), title)
    expect(machine.nth(3)).to_be_hidden()  # there is no GPU to tell of
    visitor.check_quiet()


def test_links_lead_to_the_sections_that_are_there_and_a_narrow_page_does_not_scroll_sideways(
    balanced: Balanced, visit: Visit
) -> None:
    visitor = visit(project=balanced.project, viewport={"width": 360, "height": 740})
    page = visitor.sign_in(f"/jobs/{balanced.job}")
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Log and events").click()
    expect(page.get_by_role("heading", name="Log and events")).to_be_focused()
    assert page.url.endswith("#words")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    visitor.check_quiet()


def test_attempts_are_told_and_another_job_goes_on_from_a_checkpoint(visitor: Visitor) -> None:
    job = visitor.submit(**LONG)
    page = visitor.sign_in(f"/jobs/{job}")
    wait_for_training(page)
    visitor.client.pause(job)
    expect(page.locator(".titleline")).to_contain_text("Paused", timeout=60_000)
    expect(page.locator(".attempts").get_by_role("row").last).to_contain_text("stopped")
    checkpoint = page.locator(".checkpoints").get_by_role("row").nth(1)
    expect(checkpoint).to_contain_text(re.compile("Teacher|Student alone|Distilled"))
    visitor.client.cancel(job)
    checkpoint.get_by_role("button", name=re.compile("^Go on from the checkpoint")).click()
    page.wait_for_url(re.compile(f"/jobs/(?!{job})job_"))
    expect(page.get_by_text("The spec is the same as that of")).to_be_visible()
    visitor.check_quiet()


def test_a_clone_says_what_is_different_and_can_be_cloned_again(balanced: Balanced, visit: Visit) -> None:
    visitor = visit(project=balanced.project)
    clone = balanced.client.clone(balanced.job, {"name": "other", "training": {"seed": 7}})["id"]
    balanced.client.cancel(clone)
    page = visitor.sign_in(f"/jobs/{clone}")
    rows = page.locator(".changes").get_by_role("row")
    expect(rows.filter(has_text="training.seed")).to_contain_text("7")
    expect(rows.filter(has_text="name")).to_contain_text("balanced")
    expect(page.get_by_role("link", name="Clone", exact=True)).to_have_attribute("href", f"/new?from={clone}")
    visitor.check_quiet()


def test_a_long_log_is_read_from_its_end_and_searched(balanced: Balanced, visit: Visit, tmp_path: Path) -> None:
    visitor = visit(project=balanced.project, viewport={"width": 1280, "height": 900})
    settings = Settings(home=visitor.site.service.home.path)
    text = b"".join(f"2026-11-27T22:00:00.000Z info    line {n} für alle\n".encode() for n in range(20_000))
    (tmp_path / "log").write_bytes(text)
    key = LocalFiles(settings.home / "files").put(tmp_path / "log", hashlib.sha256(text).hexdigest())
    with Database(settings.database_url).write() as session:
        ours = update(Attempt).where(Attempt.job_id == balanced.job)
        session.execute(ours.values(log_key=key, log_bytes=len(text)))
    page = visitor.sign_in(f"/jobs/{balanced.job}")
    log = page.locator(".log")
    lines = log.locator(".logtext li")
    expect(lines.last).to_have_text("2026-11-27T22:00:00.000Z info    line 19999 für alle")
    assert 1000 < lines.count() < 4000
    log.get_by_role("button", name="Load older lines").click()
    expect(lines).to_have_count(4000)
    log.get_by_role("button", name="Load newer lines").click()
    expect(lines.last).to_contain_text("line 19999")
    assert lines.count() == 4000
    log.get_by_role("searchbox").fill("LINE 1998")
    expect(log.get_by_role("status")).to_have_text("1 of 10")
    page.keyboard.press("Shift+Enter")
    expect(log.get_by_role("status")).to_have_text("10 of 10")
    expect(log.locator("mark.here")).to_be_in_viewport()
    expect(lines.filter(has=page.locator("mark.here"))).to_contain_text("line 19989")
    visitor.check_quiet()


def test_a_job_with_a_hundred_thousand_points_draws_a_thousand_of_each(visitor: Visitor) -> None:
    job = visitor.submit(**LONG)
    visitor.client.cancel(job)
    visitor.client.wait(job)
    facts = {"job_id": job, "attempt": 1, "run": "distil", "superseded": False, "created_at": datetime.now(UTC)}
    points = [
        {**facts, "split": split, "step": n, "epoch": n / 500, "values": {name: 2 + math.sin(n)}}
        for split, name in (("train", "loss"), ("machine", "memory_bytes"))
        for n in range(1, 50_001)
    ]
    with Database(Settings(home=visitor.site.service.home.path).database_url).write() as session:
        session.execute(insert(MetricPoint), points)
    page = visitor.sign_in(f"/jobs/{job}")
    expect(page.get_by_role("heading", name="long")).to_be_visible()
    wait_for(page, "document.querySelectorAll('.plot[role=img]')[1].dataset.drawn === 'true'", 60_000)
    assert 900 <= plots(page).nth(1).evaluate(POINTS) <= 1000
    memory = page.locator("#machine .chart").nth(2)
    assert memory.locator(".plot[data-drawn]").count() == 0, "drawn before anybody sees it"
    memory.scroll_into_view_if_needed()
    expect(memory.locator(".plot[data-drawn]")).to_be_visible()
    visitor.check_quiet()
