"""Every page of the dashboard: what axe-core finds, where the keyboard gets, how wide it is, what it weighs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from audit import findings
from browsing import LONG, SPEC, TRAINING_MS, Visit, Visitor, wait_for
from pictures import two_classes
from playwright.sync_api import Page, expect

from distillery import Client

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONTRAST = Path(__file__).with_name("contrast.js").read_text().partition("\n")[2]
HEADING = """document.querySelector('main h1:not(.hidden)') &&
  ![...document.querySelectorAll('main .skeleton')].some((box) => box.checkVisibility())"""
DRAWN = """(() => {
  const waiting = [...document.querySelectorAll('.chart .plot[role=img]')]
    .filter((plot) => plot.checkVisibility() && !plot.dataset.drawn);
  waiting[0]?.scrollIntoView();
  return waiting.length === 0;
})()"""
"""Scrolls to the charts one after the other, which are drawn when they are seen: a page that still loads hides some."""
FOCUS = """() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  return { where: at.outerHTML.slice(0, 120), body: at === document.body, outline: style.outlineStyle,
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight };
}"""
REACHABLE = """() => [...document.querySelectorAll(
  "a[href], button:not(:disabled), input:not(:disabled), select, textarea, summary")]
  .filter((element) => element.checkVisibility() && !element.closest(".plot")).length"""

STUDY: dict[str, Any] = {
    "name": "widths",
    "question": "Does width help?",
    "base": {
        "dataset": {"name": "digits", "limit": 200},
        "student": {"architecture": "resnet8", "width": 0.25},
        "method": "student-alone",
        "training": {"epochs": 1, "batch_size": 64},
        "deliver": ["safetensors"],
    },
    "grid": {"/student/width": [0.25, 0.5]},
    "seeds": 1,
}


class Furnished(NamedTuple):
    """A project in which every page has something to show."""

    project: str
    pages: dict[str, str]


@pytest.fixture(scope="module")
def furnished(site: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    """Finished jobs, a dataset, a model and a key; the addresses of all pages by name."""
    folder = tmp_path_factory.mktemp("brought") / "scans"
    for name, data in two_classes().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    with Client(site.url, site.key("furnished")) as client:
        jobs = [str(client.submit({**SPEC, "training": {**SPEC["training"], "seed": seed}})["id"]) for seed in (0, 1)]
        source = {"uploads": [client.upload(folder)["id"]]}
        dataset = client.create_dataset({"name": "scans", "format": "image-folder", "source": source})["id"]
        assert [client.wait(job)["status"] for job in jobs] == ["succeeded", "succeeded"]
        model = client.create_model({"name": "small", "from_job": jobs[0]})["id"]
        client.wait(client.dataset_version(dataset, 1)["job_id"])
        client.create_api_key("pipeline", ["jobs:read"])
        study = client.create_study(STUDY)["id"]
        for one in client.jobs(study=study):
            client.wait(one["id"])
        yield Furnished("furnished", _addresses(jobs, dataset, model, study))


def _addresses(jobs: list[str], dataset: str, model: str, study: str) -> dict[str, str]:
    lists = ("jobs", "new", "studies", "datasets", "models", "workers", "webhooks", "keys", "audit")
    return {
        "overview": "/",
        **{name: f"/{name}" for name in lists},
        "job": f"/jobs/{jobs[0]}",
        "compare": f"/compare?job={jobs[0]}&job={jobs[1]}",
        "dataset": f"/datasets/{dataset}",
        "model": f"/models/{model}",
        "study": f"/studies/{study}",
        "new study": "/studies/new",
        "nowhere": "/nowhere",
    }


def opened(visitor: Visitor, path: str) -> Page:
    """The page once it has drawn what it shows, charts included."""
    page = visitor.page
    page.goto(visitor.site.url + path)
    wait_for(page, HEADING)
    page.wait_for_timeout(400)
    wait_for(page, DRAWN)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(visit: Visit, furnished: Furnished, scheme: str) -> None:
    visitor = visit(project=furnished.project, color_scheme=scheme, viewport={"width": 1280, "height": 900})
    visitor.page.goto(visitor.site.url)
    wait_for(visitor.page, "document.querySelector('main h1')")
    faults = {"sign-in": findings(visitor.page)}
    visitor.sign_in("/jobs")
    for name, path in furnished.pages.items():
        page = opened(visitor, path)
        faults[name] = [*findings(page), *page.evaluate(CONTRAST)]
    assert {name: found for name, found in faults.items() if found} == {}
    visitor.check_quiet()


@pytest.mark.parametrize("width", [360, 768])
def test_no_page_is_wider_than_a_narrow_screen(visit: Visit, furnished: Furnished, width: int) -> None:
    visitor = visit(project=furnished.project, viewport={"width": width, "height": 740})
    visitor.sign_in("/jobs")
    wide = {}
    for name, path in furnished.pages.items():
        found = opened(visitor, path).evaluate("document.documentElement.scrollWidth")
        if found > width:
            wide[name] = found
    assert wide == {}
    visitor.check_quiet()


def test_the_keyboard_goes_through_every_page_with_visible_focus_and_comes_out(
    visit: Visit, furnished: Furnished
) -> None:
    visitor = visit(project=furnished.project, viewport={"width": 1280, "height": 900})
    visitor.sign_in("/jobs")
    for name, path in furnished.pages.items():
        page = opened(visitor, path)
        usable = page.evaluate(REACHABLE)
        assert _walked(page, name, 2 * usable + 40) >= min(usable, 3), f"{name}: hardly anything is reached"
    visitor.check_quiet()


def _walked(page: Page, name: str, most: int) -> int:
    """Tab from the top of the page until the focus leaves it; how many stops there were."""
    page.evaluate("document.getElementById('skip').focus()")
    for steps in range(most):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus["body"]:
            return steps
        assert focus["outline"] != "none", f"{name}: no visible focus on {focus['where']}"
        assert focus["seen"], f"{name}: the focus is out of sight on {focus['where']}"
    raise AssertionError(f"{name}: the keyboard does not come out")


def test_the_first_page_is_light_and_the_charts_library_comes_only_with_a_chart(
    visit: Visit, furnished: Furnished
) -> None:
    visitor = visit(project=furnished.project)
    visitor.sign_in("/jobs")
    weights: dict[str, int] = {}
    visitor.page.on("response", lambda answer: weights.update({answer.url: len(answer.body())}) if answer.ok else None)
    light = {}
    for name in ("overview", "jobs", "studies", "datasets", "models", "keys"):
        weights.clear()
        opened(visitor, furnished.pages[name])
        light[name] = sum(size for url, size in weights.items() if "/v1/" not in url)
        assert not any("plotly" in url for url in weights), f"{name} loads the charts' library"
    assert {name: size for name, size in light.items() if size >= 150_000} == {}


def test_eight_tabs_are_open_at_once_and_all_of_them_live(visit: Visit) -> None:
    visitor = visit(viewport={"width": 1280, "height": 900})
    job = visitor.submit(**LONG)
    first = visitor.sign_in(f"/jobs/{job}")
    expect(first.locator(".titleline")).to_contain_text("Running", timeout=TRAINING_MS)
    tabs = [first, *(visitor.context.new_page() for _ in range(7))]
    for tab in tabs[1:]:
        tab.goto(f"{visitor.site.url}/jobs/{job}")
    for tab in tabs:
        expect(tab.locator(".titleline")).to_contain_text(re.compile("Live|Refreshing"))
        wait_for(tab, "document.querySelector('[role=progressbar]')?.ariaValueNow > 0", TRAINING_MS)
    live = [tab.locator("[data-link]").get_attribute("data-link") for tab in tabs]
    assert 1 <= live.count("live") <= 4
    before = [float(tab.get_by_role("progressbar").first.get_attribute("aria-valuenow") or 0) for tab in tabs]
    for tab, done in zip(tabs, before, strict=True):
        wait_for(tab, f"document.querySelector('[role=progressbar]').ariaValueNow > {done}", TRAINING_MS)
    visitor.check_quiet()
