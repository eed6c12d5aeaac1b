"""For every eye and every hand: the switch of themes, the keyboard alone, less motion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browsing import LONG, SPEC, TRAINING_MS, Visit, Visitor, wait_for
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def finished(site: Any) -> Iterator[tuple[str, str]]:
    """A project with a job that has succeeded; the project and the job."""
    from distillery import Client

    with Client(site.url, site.key("finished")) as client:
        job = str(client.submit(SPEC)["id"])
        assert client.wait(job)["status"] == "succeeded"
        yield "finished", job


def open_finished(visit: Visit, finished: tuple[str, str], **options: Any) -> Visitor:
    """A visitor who sees the whole page of the finished job."""
    project, job = finished
    visitor = visit(project=project, **options)
    page = visitor.sign_in(f"/jobs/{job}")
    expect(page.get_by_label("Was it worth it?")).to_contain_text("test examples")
    page.locator(".chart").first.scroll_into_view_if_needed()
    wait_for(page, "document.querySelectorAll('.plot[data-drawn]').length === 2")
    return visitor


def test_the_switch_turns_the_page_and_its_charts_dark_and_is_remembered(
    visit: Visit, finished: tuple[str, str]
) -> None:
    page = open_finished(visit, finished, color_scheme="light").page
    ink = "getComputedStyle(document.querySelector('.plot .xtitle')).fill"
    before = page.evaluate(BACKGROUND), page.evaluate(ink)
    page.get_by_role("button", name="Switch to dark colours").click()
    assert page.evaluate(BACKGROUND) != before[0]
    wait_for(page, f"{ink} !== {before[1]!r}")
    page.reload()
    expect(page.get_by_role("button", name="Switch to light colours")).to_be_visible()
    assert page.evaluate(BACKGROUND) != before[0]


def test_a_job_is_opened_read_and_cancelled_with_the_keyboard_alone(visitor: Visitor) -> None:
    visitor.submit(**LONG)
    page = visitor.page
    page.goto(visitor.site.url)
    expect(page.get_by_label("API key")).to_be_focused()
    page.keyboard.type(visitor.key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="long")).to_be_visible()
    tab_to(page, "long")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="long")).to_be_focused()
    expect(page.locator(".titleline")).to_contain_text("Running", timeout=TRAINING_MS)
    tab_to(page, "With all defaults")
    page.keyboard.press("Space")
    expect(page.locator(".spec pre")).to_contain_text("momentum")
    tab_to(page, "Cancel", "Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".titleline")).to_contain_text("Cancelled", timeout=60_000)
    visitor.check_quiet()


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Press until the focus, always visible, is on what has this text."""
    for _ in range(80):
        page.keyboard.press(key)
        text, outline = page.evaluate(
            "[document.activeElement.innerText.trim(), getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert outline != "none", f"no visible focus on {text!r}"
        if text == name:
            return
    raise AssertionError(f"the keyboard does not reach {name!r}")


def test_less_motion_is_no_motion(visit: Visit) -> None:
    visitor = visit(reduced_motion="reduce")
    visitor.submit(**LONG)
    page = visitor.sign_in()
    expect(page.locator(".turning").first).to_be_visible(timeout=TRAINING_MS)
    assert page.evaluate("document.getAnimations().length") == 0
