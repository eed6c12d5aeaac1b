"""The pictures of the README and the docs, taken anew: the demo job on a service of its own, and the pages as they are.

`make screenshots` writes them to docs/images.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from playwright.sync_api import Page, sync_playwright
from rich.console import Console

import distillery
from distillery import Client
from distillery.config import Connection, connection
from distillery.home import Home
from distillery.service import LocalService

IMAGES = Path(__file__).parents[2] / "docs" / "images"
DEMO = Path(distillery.__file__).parent / "examples" / "digits-fitnet.yaml"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
DRAWN = """[...document.querySelectorAll('.chart .plot[role=img]')].every(
  (plot) => !plot.checkVisibility() || plot.dataset.drawn)"""
METHODS = ("fitnet", "hinton", "mokd")

say = Console(stderr=True).print


@contextmanager
def service() -> Iterator[Connection]:
    """API and worker of a home that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        home.make()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DISTILLERY_")}
        with LocalService(home, "127.0.0.1", 0, clean, say).running():
            yield connection(None, None, home=home.path)


@contextmanager
def signed_in(at: Connection) -> Iterator[Page]:
    """A page of somebody who has signed in."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light", locale="en-GB")
        page.goto(f"{at.url}/sign-in")
        page.get_by_label("API key").fill(at.key or "")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("navigation").first.wait_for()
        yield page
        browser.close()


def take(page: Page, address: str, name: str, folder: Path, height: int | None = None) -> None:
    """One page from its top, whole or cut at a height, once its charts are drawn."""
    page.goto(address)
    page.get_by_role("heading", level=1).first.wait_for()
    for chart in page.locator(".chart .plot[role=img]:visible").all():
        chart.scroll_into_view_if_needed()
    while not page.evaluate(DRAWN):
        page.wait_for_timeout(200)
    page.wait_for_timeout(1500)
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    whole = page.evaluate("document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": 1280, "height": min(height or whole, whole)}
    page.screenshot(path=folder / f"{name}.png", full_page=True, clip=clip)  # type: ignore[arg-type]  # a FloatRect
    say(f"wrote {folder / name}.png")


def main() -> None:
    """Run the demo job with three methods, and photograph what the dashboard makes of them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=IMAGES)
    folder = options.parse_args().out
    spec = yaml.safe_load(DEMO.read_text())
    with service() as at, Client(at.url, at.key) as client:
        jobs = [client.submit({**spec, "name": f"digits-{name}", "method": name})["id"] for name in METHODS]
        for job in jobs:
            say(f"{job}: {client.wait(job)['status']}")
        with signed_in(at) as page:
            take(page, f"{at.url}/jobs/{jobs[0]}", "job", folder, height=1560)
            take(page, f"{at.url}/new?from={jobs[0]}", "new", folder, height=900)
            take(page, f"{at.url}/compare?job={'&job='.join(jobs)}", "compare", folder, height=1400)
            take(page, f"{at.url}/", "overview", folder)


if __name__ == "__main__":
    main()
