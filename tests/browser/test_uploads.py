"""Files on their way from a browser: in parts, whole, and never twice, whatever becomes of page and connection."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest
from browsing import PATIENCE_MS, Visitor
from playwright.sync_api import Page, expect

from distillery.sources import Folder

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PART = 8 * 1024**2
PARTS = 5
FILES = "input[type=file]:not([webkitdirectory])"
FOLDER = "input[webkitdirectory]"


SEND = """() => {
const send = XMLHttpRequest.prototype.send;
window.passing = %s;
XMLHttpRequest.prototype.send = function (body) {
  if (window.passing-- > 0) send.call(this, body);
  else if (window.failing) setTimeout(() => this.dispatchEvent(new Event("error")));
};
}"""
"""So many parts leave the page; the others stay under way, or fail as they do without a network."""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of a few parts, the last of them a short one."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom((PARTS - 1) * PART + 1000))
    return path


def sha256(visitor: Visitor, upload: str) -> str:
    return hashlib.sha256(visitor.client.transport.request("GET", f"/v1/uploads/{upload}/content").content).hexdigest()


def puts(page: Page) -> list[str]:
    """Where the page puts bytes from now on."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if request.method == "PUT" else None)
    return found


def arrived(page: Page, name: str) -> None:
    expect(page.get_by_role("listitem").filter(has_text=name).first).to_contain_text("Arrived", timeout=60_000)


def test_a_file_goes_on_where_it_broke_off_when_its_page_was_closed(visitor: Visitor, large: Path) -> None:
    page = visitor.sign_in("/datasets?new=1")
    page.evaluate(SEND % 2)
    sent = puts(page)
    page.set_input_files(FILES, large)
    row = page.get_by_role("list", name="Chosen files").get_by_role("listitem")
    expect(row).to_contain_text("17 MB of 34 MB · 50 %")
    page.close()
    page = visitor.page = visitor.context.new_page()
    page.goto(f"{visitor.site.url}/datasets?new=1")
    expect(page.get_by_text("Begun and not finished")).to_be_visible()
    more = puts(page)
    page.set_input_files(FILES, large)
    expect(page.get_by_text("Begun and not finished")).to_be_hidden()
    arrived(page, large.name)
    [upload] = visitor.client.transport.request("GET", "/v1/uploads").json()["data"]
    assert (upload["status"], upload["parts"]) == ("complete", PARTS)
    assert len(more) == PARTS - 2
    assert len({*sent, *more}) == PARTS
    assert sha256(visitor, upload["id"]) == hashlib.sha256(large.read_bytes()).hexdigest()


def test_a_lost_connection_is_said_and_waited_for_and_a_pause_lasts_until_it_is_ended(
    visitor: Visitor, large: Path
) -> None:
    page = visitor.sign_in("/datasets?new=1")
    page.evaluate(SEND % "(window.failing = true, 0)")
    page.set_input_files(FILES, large)
    row = page.get_by_role("list", name="Chosen files").get_by_role("listitem")
    expect(row).to_contain_text("The service cannot be reached. Trying again …")
    row.get_by_role("button", name="Pause large.bin").click()
    expect(row).to_contain_text("Paused")
    expect(row.get_by_role("button", name="Continue large.bin")).to_be_focused()
    page.evaluate("window.passing = 1000")
    page.keyboard.press("Enter")
    arrived(page, large.name)
    [upload] = visitor.client.transport.request("GET", "/v1/uploads").json()["data"]
    assert sha256(visitor, upload["id"]) == hashlib.sha256(large.read_bytes()).hexdigest()


def test_a_folder_is_sent_as_the_tar_that_the_python_client_makes(visitor: Visitor, tmp_path: Path) -> None:
    names = ["cats/1.bin", "é/日本.txt", f"deep/{'x' * 120}.txt", ".hidden/no", "cats/.no", "empty"]
    for name in names:
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty" else os.urandom(random.randint(1, 3000)))
    page = visitor.sign_in("/datasets?new=1")
    page.set_input_files(FOLDER, tmp_path / "scans")
    arrived(page, "scans.tar")
    expect(page.get_by_text("4 files as one archive")).to_be_visible()
    [upload] = visitor.client.transport.request("GET", "/v1/uploads").json()["data"]
    folder = Folder(tmp_path / "scans")
    assert upload["name"] == folder.name
    assert sha256(visitor, upload["id"]) == hashlib.sha256(folder.read(0, folder.size)).hexdigest()
    visitor.check_quiet()


def test_what_is_taken_back_is_forgotten_by_the_service_too(visitor: Visitor, large: Path) -> None:
    page = visitor.sign_in("/datasets?new=1")
    page.evaluate(SEND % 1)
    with page.expect_response("**/parts/*"):
        page.set_input_files(FILES, large)
    with page.expect_response(lambda response: response.request.method == "DELETE"):
        page.get_by_role("button", name="Remove large.bin").click()
    expect(page.get_by_role("list", name="Chosen files").get_by_role("listitem")).to_have_count(0)
    assert visitor.client.transport.request("GET", "/v1/uploads").json()["data"] == []


def test_digests_need_no_help_of_the_browser(visitor: Visitor) -> None:
    page = visitor.sign_in("/datasets")
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE_MS)
    ask = """async (bytes) => {
      const { plain, hex } = await import("/js/upload/sha256.js");
      return hex(plain(Uint8Array.from(bytes)));
    }"""
    for length in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 70_001):
        data = random.Random(length).randbytes(length)
        assert page.evaluate(ask, list(data)) == hashlib.sha256(data).hexdigest(), length
