"""A running service with a real worker, and a browser that forgets everything between tests and hides no error."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from browsing import PATIENCE_MS, WATCH_POLICY, Site, Visit, Visitor
from playwright.sync_api import Browser, expect, sync_playwright
from servers import unavailable

from distillery import ApiError, Client
from distillery.home import Home
from distillery.service import LocalService

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """API and worker of a home of their own, on a free port, as `distill up` starts them."""
    home = Home(tmp_path_factory.mktemp("service") / "home")
    home.make()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DISTILLERY_")}
    clean["DISTILLERY_WEBHOOK_NETWORKS"] = "127.0.0.0/8"  # receivers of tests listen there
    service = LocalService(home, "127.0.0.1", 0, clean, print)
    with service.running() as connection:
        yield Site(service, connection.url)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        unavailable("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """Make visitors, each in a new project when none is named."""
    visitors: list[Visitor] = []

    def make(*scopes: str, project: str | None = None, **options: Any) -> Visitor:
        project = project or f"project-{next(site.names)}"
        key = site.key(project, *scopes)
        context = browser.new_context(accept_downloads=True, **options)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(WATCH_POLICY)
        visitor = Visitor(site, project, key, Client(site.url, key), context, context.new_page())
        visitors.append(visitor)
        return visitor

    yield make
    for visitor in visitors:
        visitor.context.close()
        with suppress(ApiError):
            _stop_jobs(visitor.client)
        visitor.client.close()


def _stop_jobs(client: Client) -> None:
    """The one worker is needed by the next test."""
    for status in ("running", "starting", "queued", "paused"):
        for job in client.jobs(status=status):
            client.cancel(job["id"])


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    """One of them, in a window of 1280 by 900."""
    return visit(viewport={"width": 1280, "height": 900})
