"""Datasets: brought through the page, watched while a worker looks at them, and shown with what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browsing import TRAINING_MS, Visit, Visitor
from pictures import two_classes
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FILES = "input[type=file]:not([webkitdirectory])"
FOLDER = "input[webkitdirectory]"


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Pictures of two classes, one of which is none."""
    folder = tmp_path / "scans"
    for name, data in {**two_classes(), "dark/broken.png": b"no picture"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def order(visitor: Visitor, scans: Path, **changes: Any) -> str:
    """A dataset by the API; its id."""
    upload = visitor.client.upload(scans)
    body = {"name": "scans", "format": "image-folder", "quarantine": True, "source": {"uploads": [upload["id"]]}}
    return str(visitor.client.create_dataset(body | changes)["id"])


def ready(page: Page) -> None:
    expect(page.locator(".titleline")).to_contain_text("Ready", timeout=TRAINING_MS)


def test_a_dataset_is_brought_watched_and_shown_with_what_was_found(visitor: Visitor, scans: Path) -> None:
    page = visitor.sign_in("/datasets")
    expect(page.get_by_text("No datasets yet")).to_be_visible()
    page.get_by_role("link", name="Bring a dataset").click()
    page.set_input_files(FOLDER, scans)
    page.get_by_label("Cut for testing").fill("25")
    page.get_by_label("Leave damaged items out").check()
    page.get_by_label("Name", exact=True).fill("scans of <b>parts</b>")
    page.get_by_label("Licence").fill("CC0")
    page.get_by_role("button", name="Bring it").click()
    expect(page.get_by_role("heading", name="scans of <b>parts</b>")).to_be_visible()
    expect(page.get_by_role("heading", name="Inspection")).to_be_visible()
    ready(page)
    expect(page.get_by_role("heading", name="Inspection")).to_have_count(0)
    expect(page.get_by_text("1 item was left out")).to_be_visible()
    expect(page.get_by_role("row", name="dark/broken.png")).to_contain_text("It is no picture of a kind that is read")
    expect(page.get_by_text("25 % for testing of all examples, seed 0")).to_be_visible()
    assert page.locator("main img, main b, main script").count() == page.locator("figure img").count() > 10
    chart = page.locator("section.chart")
    chart.scroll_into_view_if_needed()
    expect(chart.locator(".plot[data-drawn]")).to_be_visible()
    chart.get_by_text("Figures").click()
    expect(chart.get_by_role("row", name="light")).to_contain_text("%")
    page.get_by_role("button", name="Test", exact=True).click()
    shown = page.locator("figure img")
    assert 0 < shown.count() < 10
    assert shown.first.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    use = page.get_by_role("link", name="Use in a new job")
    expect(use).to_have_attribute("href", f"/new?dataset={page.url.rpartition('/')[2]}")
    page.get_by_role("link", name="Datasets").first.click()
    row = page.get_by_role("row", name="scans of <b>parts</b>")
    expect(row).to_contain_text("train 18 · test 6")
    visitor.check_quiet()


def test_a_broken_archive_is_refused_in_words_and_can_be_brought_again(visitor: Visitor, tmp_path: Path) -> None:
    broken = tmp_path / "scans.zip"
    broken.write_bytes(b"PK\x03\x04" + bytes(200))
    page = visitor.sign_in("/datasets?new=1")
    page.set_input_files(FILES, broken)
    page.get_by_label("Name", exact=True).fill("broken")
    page.get_by_role("button", name="Bring it").click()
    expect(page.get_by_role("heading", name="Version 1 was refused")).to_be_visible(timeout=TRAINING_MS)
    expect(page.get_by_role("alert")).to_contain_text("scans.zip")
    page.get_by_role("link", name="Bring it again").click()
    expect(page.get_by_role("heading", name="New version of “broken”")).to_be_visible()
    visitor.check_quiet()


def test_an_order_that_cannot_be_is_refused_at_its_fields(visitor: Visitor, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b\n1,2\n")
    page = visitor.sign_in("/datasets?new=1")
    page.get_by_label("What the files are").select_option("series")
    page.get_by_role("button", name="Bring it").click()
    expect(page.get_by_text("Choose what to send first.")).to_be_visible()
    page.set_input_files(FILES, rows)
    page.get_by_label("Samples of a window").fill("many")
    page.get_by_label("Further options as JSON").evaluate("(box) => box.closest('details').open = true")
    page.get_by_label("Further options as JSON").fill("{gap: 1}")
    page.get_by_role("button", name="Bring it").click()
    expect(page.get_by_text("Write a JSON object").first).to_be_visible()
    page.get_by_label("Further options as JSON").fill('{"gap": 20}')
    page.get_by_role("button", name="Bring it").click()
    for label in ("Name", "Task", "Target columns (optional)", "Samples of a window"):
        expect(page.get_by_label(label, exact=True)).to_have_attribute("aria-invalid", "true")
    assert visitor.client.transport.request("GET", "/v1/datasets").json()["data"] == []


def test_a_dataset_is_edited_gets_a_further_version_and_is_deleted_when_nothing_uses_it(
    visitor: Visitor, scans: Path
) -> None:
    dataset = order(visitor, scans)
    page = visitor.sign_in(f"/datasets/{dataset}")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the dataset").click()
    if page.get_by_role("heading", name="Inspection").is_visible():
        expect(page.get_by_role("alert").first).to_contain_text("is used by job_")
    ready(page)
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Licence").fill("MIT")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("licence MIT")).to_be_visible()
    page.get_by_role("link", name="New version").click()
    expect(page.get_by_label("Leave damaged items out")).to_be_checked()
    page.set_input_files(FOLDER, scans)
    page.get_by_label("Height, pixels").fill("16")
    page.get_by_role("button", name="Bring it").click()
    expect(page).to_have_url(f"{visitor.site.url}/datasets/{dataset}?version=2")
    ready(page)
    expect(page.get_by_text("Version 2 · Classification · grey pictures, 16 × 16 pixels")).to_be_visible()
    versions = page.get_by_role("table", name="Versions")
    versions.get_by_role("link", name="Version 1").click()
    expect(page.get_by_text("Version 1 · Classification · grey pictures, 8 × 8 pixels")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete the dataset").click()
    expect(page.get_by_text("No datasets yet")).to_be_visible()


def test_a_key_that_may_only_read_is_offered_nothing_else(visitor: Visitor, visit: Visit, scans: Path) -> None:
    dataset = order(visitor, scans)
    page = visit("jobs:read", project=visitor.project).sign_in("/datasets")
    expect(page.get_by_role("row", name="scans")).to_be_visible()
    expect(page.get_by_role("link", name="Bring a dataset")).to_have_count(0)
    page.goto(f"{visitor.site.url}/datasets/{dataset}")
    expect(page.get_by_role("heading", name="scans")).to_be_visible()
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
