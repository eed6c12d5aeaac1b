"""Somebody who looks at the dashboard: a key, a client, and a browser window whose complaints are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from distillery import Client
from distillery.service import LocalService

PATIENCE_MS = 20_000
"""For what takes a moment on a busy machine."""

TRAINING_MS = 300_000
"""For what the engine has to do first."""

SPEC: dict[str, Any] = {
    "name": "tiny",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet8", "width": 0.5, "train": {"epochs": 2}},
    "student": {"architecture": "resnet8", "width": 0.25},
    "method": "fitnet",
    "training": {"epochs": 4, "batch_size": 64, "checkpoints": {"every_seconds": 2}},
    "deliver": ["safetensors", "onnx"],
    "resources": {"device": "cpu"},
}

LONG: dict[str, Any] = {"name": "long", "training": {**SPEC["training"], "epochs": 300}}
"""Changes that make a job last longer than any test looks at it."""

WATCH_POLICY = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@dataclass
class Site:
    """The service, and how its keys are made."""

    service: LocalService
    url: str
    names: Iterator[int] = field(default_factory=count)

    def key(self, project: str, *scopes: str) -> str:
        """A key of a project, which is empty when it is new; made over the service's own first key."""
        with Client(home=self.service.home.path) as first:
            known = {found["name"]: found["id"] for found in first.projects()}
            owner = known.get(project) or first.create_project(project)["id"]
            return str(first.create_project_key(owner, "browser", scopes or ("admin", "operate"))["key"])


@dataclass
class Visitor:
    """Somebody with a key of a project."""

    site: Site
    project: str
    key: str
    client: Client
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def sign_in(self, path: str = "/jobs") -> Page:
        """Open an address; signing in leads there."""
        self.page.goto(self.site.url + path)
        self.page.get_by_label("API key").fill(self.key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(self.site.url + path)
        return self.page

    def submit(self, **changes: Any) -> str:
        """Submit the small job with these changes; its id."""
        return str(self.client.submit(SPEC | changes)["id"])

    def check_quiet(self) -> None:
        """Nothing went wrong that only the console tells of."""
        assert self.complaints == []
        assert self.page.evaluate("window.violations") == []


def wait_for(page: Page, expression: str, milliseconds: int = PATIENCE_MS) -> None:
    """Until the expression is true; Playwright's own way needs an eval, which the page's policy forbids."""
    until = time.monotonic() + milliseconds / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < until, f"after {milliseconds / 1000:g} s it was still not so: {expression}"
        page.wait_for_timeout(50)


Visit = Callable[..., Visitor]
"""Makes a visitor with these scopes (all when none is named), ``project=`` and options of a Playwright context."""
