"""The list of jobs: it refreshes itself, its filters live in the address, and it stays light."""

from __future__ import annotations

import re
from typing import Any

import pytest
from browsing import LONG, SPEC, TRAINING_MS, Visit, Visitor
from playwright.sync_api import Page, Response, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST_PAGE_BYTES = 150_000


def rows(page: Page) -> Any:
    return page.locator("tbody tr:not([aria-hidden])")


def test_an_empty_list_says_how_the_first_job_is_submitted(visitor: Visitor) -> None:
    page = visitor.sign_in()
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    expect(page.locator("pre")).to_contain_text(f"curl {visitor.site.url}/v1/jobs")
    visitor.check_quiet()


def test_a_submitted_job_appears_by_itself_and_is_cancelled_from_its_row_after_a_question(visitor: Visitor) -> None:
    page = visitor.sign_in()
    visitor.submit(**LONG)
    row = rows(page).first
    expect(row).to_contain_text("long")
    expect(row).to_contain_text("Running", timeout=TRAINING_MS)
    row.get_by_role("button", name="Cancel long").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Cancel “long”?")
    expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Escape")
    expect(row).to_contain_text("Running")
    row.get_by_role("button", name="Cancel long").click()
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(row).to_contain_text("Cancelled", timeout=60_000)
    expect(row.get_by_role("button")).to_have_count(0)
    visitor.check_quiet()


def test_filters_live_in_the_address_and_survive_reload_and_going_back(visitor: Visitor) -> None:
    for name in ("alpha", "beta"):
        visitor.client.cancel(visitor.submit(**{**LONG, "name": name}))
    page = visitor.sign_in()
    expect(rows(page)).to_have_count(2)
    page.get_by_role("searchbox").fill("ALP")
    expect(rows(page)).to_have_count(1)
    assert page.url.endswith("/jobs?q=ALP")
    page.get_by_role("link", name=re.compile("^Succeeded")).click()
    expect(page.get_by_text("No job fits this filter")).to_be_visible()
    page.reload()
    expect(page.get_by_text("No job fits this filter")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("ALP")
    page.go_back()
    expect(rows(page)).to_have_count(1)
    page.get_by_role("searchbox").fill("")
    expect(rows(page)).to_have_count(2)
    visitor.check_quiet()


def test_a_label_narrows_the_list_and_goes_again(visitor: Visitor) -> None:
    for name, team in (("alpha", "vision"), ("beta", "vision"), ("gamma", "audio")):
        labels = {"team": team, "name": name}
        visitor.client.cancel(visitor.submit(**{**LONG, "name": name, "labels": labels}))
    page = visitor.sign_in()
    expect(page.get_by_role("link", name=re.compile("^All"))).to_contain_text("3")
    rows(page).filter(has_text="alpha").get_by_role("link", name="team: vision").click()
    expect(rows(page)).to_have_count(2)
    assert page.url.endswith("/jobs?label.team=vision")
    rows(page).filter(has_text="beta").get_by_role("link", name="name: beta").click()
    expect(rows(page)).to_have_count(1)
    page.reload()
    expect(rows(page)).to_have_count(1)
    page.get_by_role("link", name="Remove the filter name: beta").click()
    expect(rows(page)).to_have_count(2)
    page.get_by_role("link", name="Remove the filter team: vision").click()
    expect(rows(page)).to_have_count(3)
    assert page.url.endswith("/jobs")
    visitor.check_quiet()


def test_the_head_of_a_column_sorts_and_says_so(visitor: Visitor) -> None:
    for name in ("beta", "Alpha", "gamma"):
        visitor.submit(**{**LONG, "name": name, "resources": {"device": "cuda"}})
    for name in ("gamma", "beta"):
        visitor.client.cancel(next(visitor.client.jobs(q=name))["id"])
    page = visitor.sign_in()
    names = rows(page).locator(".name > a")
    expect(names).to_have_text(["gamma", "Alpha", "beta"])
    head = page.get_by_role("columnheader", name="Job")
    head.get_by_role("link").click()
    expect(names).to_have_text(["Alpha", "beta", "gamma"])
    expect(head).to_have_attribute("aria-sort", "ascending")
    head.get_by_role("link").click()
    expect(names).to_have_text(["gamma", "beta", "Alpha"])
    expect(head).to_have_attribute("aria-sort", "descending")
    assert page.url.endswith("/jobs?sort=-name")
    page.get_by_role("columnheader", name="Ended").get_by_role("link").click()
    expect(names).to_have_text(["beta", "gamma"])
    expect(head).not_to_have_attribute("aria-sort", re.compile("."))
    visitor.check_quiet()


def test_chosen_jobs_are_cancelled_after_one_question_and_what_was_refused_stays_chosen(visitor: Visitor) -> None:
    waiting = {"resources": {"device": "cuda"}}
    made = {name: visitor.submit(**{**LONG, **waiting, "name": name}) for name in ("first", "second", "third")}
    page = visitor.sign_in()
    page.get_by_role("checkbox", name="Select first").check()
    page.get_by_role("checkbox", name="Select third").check()
    bar = page.get_by_role("region", name="Selected jobs")
    expect(bar).to_contain_text("2 jobs selected")
    expect(page.locator("#announcer")).to_have_text("2 jobs selected")
    with page.expect_response(lambda response: "/v1/jobs?" in response.url):
        pass
    expect(page.get_by_role("checkbox", name="Select first")).to_be_checked()
    expect(bar.get_by_role("link", name="Compare 2")).to_have_attribute(
        "href", f"/compare?job={made['first']}&job={made['third']}"
    )
    problem = {"status": 409, "detail": "Job has ended already.", "code": "job_finished"}
    page.route(f"**/{made['third']}/cancel", lambda route: route.fulfill(status=409, json=problem))
    bar.get_by_role("button", name="Cancel 2").click()
    dialog = page.get_by_role("dialog", name="Cancel 2 jobs?")
    expect(dialog.get_by_role("button", name="Keep them")).to_be_focused()
    dialog.get_by_role("button", name="Cancel 2 jobs").click()
    expect(rows(page).filter(has_text="first")).to_contain_text("Cancelled")
    expect(page.get_by_role("alert")).to_contain_text("third – Job has ended already.")
    expect(bar).to_contain_text("1 job selected")
    expect(page.get_by_role("checkbox", name="Select third")).to_be_checked()
    expect(rows(page).filter(has_text="second")).to_contain_text("Queued")
    bar.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()
    page.get_by_role("checkbox", name="Select all that are shown").check()
    expect(bar).to_contain_text("3 jobs selected")
    expect(bar.get_by_role("button", name="Cancel 2")).to_be_visible()


def test_a_job_leads_to_a_clone_of_itself(visitor: Visitor) -> None:
    job = visitor.submit(**LONG)
    visitor.client.cancel(job)
    page = visitor.sign_in()
    expect(rows(page).first.get_by_role("link", name="Clone")).to_have_attribute("href", f"/new?from={job}")
    expect(page.get_by_role("link", name="New job")).to_have_attribute("href", "/new")


def test_more_jobs_than_a_page_are_loaded_when_asked_for_and_stay_through_a_refresh(visitor: Visitor) -> None:
    for number in range(30):
        visitor.client.cancel(visitor.submit(**{**LONG, "name": f"job {number}"}))
    page = visitor.sign_in()
    expect(rows(page)).to_have_count(25)
    page.get_by_role("button", name="Load more").click()
    expect(rows(page)).to_have_count(30)
    expect(page.get_by_role("button", name="Load more")).to_be_hidden()
    with page.expect_response(lambda response: "/v1/jobs?" in response.url):
        pass
    expect(rows(page)).to_have_count(30)


def test_what_users_write_is_shown_as_text(visitor: Visitor) -> None:
    name = "<img src=x onerror=alert(1)> & <b>bold</b>"
    job = visitor.submit(**{**LONG, "name": name, "labels": {"<i>team": "<script>"}})
    page = visitor.sign_in()
    expect(page.get_by_role("link", name=name)).to_be_visible()
    page.goto(f"{visitor.site.url}/jobs/{job}")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert page.locator("main img, main script, main b").count() == 0
    visitor.check_quiet()


def test_a_key_that_may_only_read_is_offered_nothing_else(visitor: Visitor, visit: Visit) -> None:
    job = visitor.submit(**LONG)
    page = visit("jobs:read", project=visitor.project).sign_in()
    expect(rows(page).first).to_contain_text("long")
    expect(rows(page).first.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile("Clone|New job"))).to_have_count(0)
    page.goto(f"{visitor.site.url}/jobs/{job}")
    expect(page.get_by_role("heading", name="long")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_the_first_page_is_light_and_the_charts_library_stays_away(visitor: Visitor) -> None:
    weights: dict[str, int] = {}

    def weigh(response: Response) -> None:
        if response.request.resource_type not in ("fetch", "xhr"):
            weights[response.url] = response.request.sizes()["responseBodySize"]

    visitor.client.cancel(visitor.submit(**SPEC))
    visitor.page.on("response", weigh)
    page = visitor.sign_in()
    expect(rows(page)).to_have_count(1)
    page.remove_listener("response", weigh)
    assert not any("plotly" in url for url in weights)
    assert len(weights) > 10
    assert sum(weights.values()) < FIRST_PAGE_BYTES
