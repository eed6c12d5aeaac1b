"""The dashboard in Chromium: lists of ten and of ten thousand jobs, jobs of a thousand and of 100,000 measurements.

    PYTHONPATH=.:tests/support .venv/bin/python bench/dashboard.py [--rounds 5]

Each round opens the small and the large page in turn, in a new tab each. ``shown`` is from the navigation to the first
row, or to both charts drawn; ``busy`` is the page's own longest task in that time; ``frame`` is the longest gap between
two frames while the page is scrolled from top to bottom. Ratios are large / small, medians over the rounds. API and
browser share the machine; there is no worker.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import httpx
from load_lists import fill
from load_sides import PLAN, Side, ours
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from store.database import Database, now
from store.jobs import create_job
from store.models import Job, JobState, MetricPoint, Project

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
WATCH = """
window.tasks = [];
new PerformanceObserver((list) => tasks.push(...list.getEntries().map((task) => task.duration)))
  .observe({ type: "longtask", buffered: true });"""
ROWS = "document.querySelector('.jobs tbody tr:not([aria-hidden])')"
CHARTS = """(document.querySelector('.chart')?.scrollIntoView(),
  document.querySelectorAll('.plot[data-drawn]').length >= 2)"""
SCROLL = """() => new Promise((done) => {
  let last = performance.now(), worst = 0;
  const step = (time) => {
    worst = Math.max(worst, time - last);
    last = time;
    window.scrollBy(0, 40);
    if (window.scrollY + innerHeight >= document.documentElement.scrollHeight - 2) done(worst);
    else requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


def job_with_points(database: str, count: int) -> str:
    """A running job whose runs have so many measurements; its id."""
    truth = Database(database)
    with truth.write() as session:
        project = session.query(Project).filter_by(name="default").one()
        networks = {name: {"architecture": "resnet8"} for name in ("teacher", "student")}
        spec = {"name": f"{count} points"}
        job = create_job(session, project_id=project.id, spec=spec, plan={**PLAN, "networks": networks})
        at = now(session)
        session.bulk_insert_mappings(
            MetricPoint, [_point(job, run, split, n, count, at) for run, split, n in _places(count)]
        )
        job.status, job.phase, job.started_at = JobState.SUCCEEDED, "train", at
        job.finished_at = at
        made = job.id
    truth.close()
    return made


def _places(count: int) -> list[tuple[str, str, int]]:
    pairs = [(run, split) for run in ("teacher", "alone", "distil") for split in ("train", "validation")]
    return [(run, split, n) for run, split in pairs for n in range(count // len(pairs))]


def _point(job: Job, run: str, split: str, n: int, count: int, at: Any) -> dict[str, Any]:
    share = 6 * n / count
    values = {"loss": 2 * math.exp(-3 * share) + 0.1 * math.sin(n), "term.cross_entropy": math.exp(-3 * share)}
    values |= {"accuracy": 1 - math.exp(-4 * share)} if split == "validation" else {"lr": 0.1 * (1 - share)}
    return {"job_id": job.id, "attempt": 1, "run": run, "split": split, "step": n, "epoch": n / 10, "values": values,
            "created_at": at, "superseded": False}  # fmt: skip


def visited(context: BrowserContext, url: str, until: str) -> dict[str, float]:
    """Open a page in a tab of its own, and say how long it took and what it did meanwhile."""
    page = context.new_page()
    page.goto(url, wait_until="commit")
    while not page.evaluate(until):
        page.wait_for_timeout(20)
    shown = page.evaluate("performance.now()")
    page.evaluate("window.scrollTo(0, 0)")
    found = {
        "shown": shown,
        "busy": max(page.evaluate("tasks"), default=0.0),
        "frame": page.evaluate(SCROLL),
        "nodes": page.evaluate("document.querySelectorAll('*').length"),
    }
    page.close()
    return found


def signed_in(browser: Browser, side: Side) -> BrowserContext:
    """A context with a session; the key becomes a cookie as on the sign-in page."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(WATCH)
    context.add_init_script("localStorage.setItem('distillery.signed-in', '1')")
    key = side.headers["Authorization"].removeprefix("Bearer ")
    answer = httpx.post(f"{side.url}/v1/session", json={"key": key}, headers={"Origin": side.url})
    answer.raise_for_status()
    cookies = [{"name": name, "value": value, "url": side.url} for name, value in answer.cookies.items()]
    context.add_cookies(cookies)  # type: ignore[arg-type]  # a list of SetCookieParam
    return context


def compared(pairs: list[tuple[dict[str, float], dict[str, float]]]) -> dict[str, Any]:
    """Medians of the large page, and how many times the small one's they are."""
    names = pairs[0][0]
    return {
        name: {
            "large": round(statistics.median(large[name] for _, large in pairs), 1),
            "ratio": round(statistics.median(large[name] / max(small[name], 1.0) for small, large in pairs), 2),
        }
        for name in names
    }


def main() -> None:
    """Print both comparisons as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as room, sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        few, many = (f"sqlite:///{room}/{name}.sqlite" for name in ("few", "many"))
        rooms = Path(room) / "a", Path(room) / "b"
        for folder in rooms:
            folder.mkdir()
        with ours(rooms[0], few) as small, ours(rooms[1], many) as large:
            fill(few, 10)
            fill(many, 10_000)
            points = job_with_points(few, 1000), job_with_points(many, 100_000)
            sides = signed_in(browser, small), signed_in(browser, large)
            urls = {"list": ("/jobs", "/jobs", ROWS), "job": (*(f"/jobs/{job}" for job in points), CHARTS)}
            for name, (a, b, until) in urls.items():
                pairs = [
                    (visited(sides[0], small.url + a, until), visited(sides[1], large.url + b, until))
                    for _ in range(rounds)
                ]
                print(json.dumps({name: compared(pairs)}))
        browser.close()


if __name__ == "__main__":
    main()
