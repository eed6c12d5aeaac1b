"""One engineer's whole way through the dashboard: from the form to the file, and both languages on it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from browsing import LONG, TRAINING_MS, Visit, Visitor, wait_for
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


def epochs(page: Page, pointer: str, value: int) -> None:
    """Write a number into the field of this pointer."""
    page.locator(f'[data-pointer="{pointer}"] input').fill(str(value))


def chosen_for_a_short_run(page: Page) -> None:
    """The demo job as it stands in the form, with fewer epochs."""
    epochs(page, "/teacher/train/epochs", 2)
    epochs(page, "/training/epochs", 6)
    expect(page.locator(".submitbar")).to_contain_text("Ready")


def test_the_demo_job_is_written_corrected_watched_compared_and_downloaded(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.sign_in("/")
    page.get_by_role("link", name=re.compile("Start the first job|New job")).first.click()
    expect(page.locator(".submitbar")).to_contain_text("Ready")

    epochs(page, "/training/epochs", 0)
    fault = page.locator('[data-pointer="/training/epochs"] .error')
    expect(fault).to_contain_text("greater than")
    expect(page.locator('[data-pointer="/training/epochs"] input')).to_have_attribute("aria-invalid", "true")
    chosen_for_a_short_run(page)
    expect(fault).to_be_empty()

    page.get_by_role("button", name="Submit job").click()
    expect(page.get_by_role("heading", name="digits-fitnet")).to_be_visible()
    expect(page.locator(".titleline")).to_contain_text("Live", timeout=TRAINING_MS)
    expect(page.locator(".titleline")).to_contain_text("Succeeded", timeout=TRAINING_MS)
    expect(page.get_by_label("Was it worth it?")).to_contain_text("test examples")

    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="student.safetensors")).last
    with page.expect_download() as download:
        row.get_by_role("link", name="student.safetensors").click()
    download.value.save_as(tmp_path / "student.safetensors")
    expect(row).to_contain_text(hashlib.sha256((tmp_path / "student.safetensors").read_bytes()).hexdigest())

    page.get_by_role("link", name="Clone").click()
    expect(page.locator(".origin")).to_contain_text("digits-fitnet")
    epochs(page, "/training/seed", 1)
    expect(page.locator(".origin")).to_contain_text("/training/seed")
    expect(page.locator(".submitbar")).to_contain_text("Ready")
    page.get_by_role("button", name="Submit job").click()
    expect(page.locator(".titleline")).to_contain_text("Succeeded", timeout=TRAINING_MS)

    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Jobs").click()
    page.get_by_role("checkbox", name="Select all that are shown").check()
    page.get_by_role("link", name="Compare 2").click()
    expect(page.locator(".specs")).to_contain_text("/training/seed")
    expect(page.locator(".seeds")).to_contain_text("digits")

    job = visitor.submit(**LONG)
    page.goto(f"{visitor.site.url}/jobs/{job}")
    page.locator(".titleline").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator(".titleline")).to_contain_text("Cancelled", timeout=60_000)


def test_a_japanese_browser_gets_japanese_and_the_choice_is_kept(visit: Visit) -> None:
    visitor = visit(locale="ja-JP", viewport={"width": 1280, "height": 900})
    page = visitor.page
    page.goto(visitor.site.url + "/sign-in")
    expect(page.get_by_role("heading", level=1)).to_have_text(JAPANESE)
    assert page.evaluate("document.documentElement.lang") == "ja"
    page.locator("input[type=password]").fill(visitor.key)
    page.keyboard.press("Enter")
    page.wait_for_url(visitor.site.url + "/")
    for path in ("/", "/jobs", "/new", "/compare", "/datasets", "/models", "/workers", "/keys", "/audit"):
        page.goto(visitor.site.url + path)
        expect(page.locator("main h1:not(.hidden)")).to_have_text(JAPANESE)
        wait_for(page, "!document.querySelector('main').innerText.match(/\\b[a-z]+\\.[a-z]+[A-Z.][A-Za-z.]*\\b/)")
    page.get_by_label("言語").select_option("English")
    expect(page.locator("main h1:not(.hidden)")).to_have_text("Audit")
    page.reload()
    expect(page.locator("main h1:not(.hidden)")).to_have_text("Audit")
    visitor.check_quiet()
