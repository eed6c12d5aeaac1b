"""Signing in: a key becomes a cookie that no script can read, and a wrong one a clear sentence."""

from __future__ import annotations

import re

import pytest
from browsing import Visit, Visitor
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_wrong_key_gets_a_clear_sentence_and_the_right_one_opens_the_overview(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(visitor.site.url)
    field = page.get_by_label("API key")
    expect(field).to_be_focused()
    field.fill(visitor.key[:-1] + ("a" if visitor.key[-1] != "a" else "b"))
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This key is not known here")
    expect(field).to_be_focused()
    # The browser itself reports every answer of 401; the page adds nothing to that.
    assert [complaint.split(" (")[0] for complaint in visitor.complaints] == [
        "error: Failed to load resource: the server responded with a status of 401"
    ]
    field.fill(f"  {visitor.key} ")
    field.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    visitor.complaints.clear()
    visitor.check_quiet()


def test_an_empty_field_is_answered_without_asking_for_a_key_that_is_not_there(visitor: Visitor) -> None:
    visitor.page.goto(visitor.site.url)
    visitor.page.get_by_role("button", name="Sign in").click()
    expect(visitor.page.get_by_role("alert")).to_contain_text("Enter an API key")


def test_signing_in_leads_to_the_address_that_was_asked_for_and_nowhere_else(visitor: Visitor) -> None:
    page = visitor.sign_in("/jobs?status=failed")
    expect(page.get_by_role("link", name=re.compile("^Failed"))).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(visitor.site.url + "/sign-in?next=//example.org/")
    page.get_by_label("API key").fill(visitor.key)
    page.get_by_label("API key").press("Enter")
    page.wait_for_url(visitor.site.url + "/")


def test_no_script_can_read_the_session_and_no_store_keeps_the_key(visitor: Visitor) -> None:
    page = visitor.sign_in()
    kept = page.evaluate("document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
    assert "distillery_session" not in kept
    assert visitor.key not in kept
    cookie = next(cookie for cookie in visitor.context.cookies() if cookie["name"].startswith("distillery_session"))
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


def test_signing_out_ends_the_session_and_a_reload_before_that_does_not(visitor: Visitor) -> None:
    page = visitor.sign_in()
    page.reload()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(visitor.site.url + "/jobs")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    visitor.check_quiet()


def test_a_session_that_ends_elsewhere_leads_back_here_after_signing_in_again(visitor: Visitor) -> None:
    page = visitor.sign_in("/jobs?q=abc")
    visitor.context.clear_cookies()
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    page.get_by_label("API key").fill(visitor.key)
    page.get_by_label("API key").press("Enter")
    page.wait_for_url(visitor.site.url + "/jobs?q=abc")


PROJECT = ["Overview", "Jobs", "Studies", "Compare", "Datasets", "Models", "Workers"]


@pytest.mark.parametrize(
    ("scopes", "pages"),
    [
        (["jobs:read"], PROJECT),
        (["jobs:read", "jobs:write"], PROJECT),
        (["admin"], [*PROJECT, "Webhooks", "Keys", "Audit"]),
        (["operate"], ["Workers"]),
        (["metrics"], []),
    ],
)
def test_only_pages_that_the_key_opens_are_offered_and_others_say_which_scope_they_need(
    visit: Visit, scopes: list[str], pages: list[str]
) -> None:
    visitor = visit(*scopes)
    page = visitor.page
    page.goto(visitor.site.url)
    page.get_by_label("API key").fill(visitor.key)
    page.get_by_label("API key").press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link")).to_have_text(pages)
    needs = {"Jobs": ("/jobs", "jobs:read"), "Keys": ("/keys", "admin"), "Audit": ("/audit", "admin")}
    for name, (path, scope) in needs.items():
        page.goto(visitor.site.url + path)
        if name in pages:
            expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        else:
            expect(page.get_by_role("heading", name="This key does not open this page")).to_be_visible()
            expect(page.locator("main .notice")).to_contain_text(f"It needs the scope “{scope}”")
    visitor.check_quiet()
