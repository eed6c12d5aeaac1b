"""What a job proved beside its score: every document has a part of the page, and none is missed where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from browsing import SPEC, Site, Visit, Visitor, wait_for
from playwright.sync_api import Locator, Page, expect
from proofs import CLASSES, CORRUPTIONS, POINTS, SEVERITIES, earlier, proven

from distillery import Client
from store.database import Database
from store.models import JobSpecRow
from store.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROJECT = "proofs"
SMALL: dict[str, Any] = {
    **SPEC,
    "dataset": {"name": "digits", "limit": 400},
    "teacher": {"architecture": "resnet8", "width": 0.25, "train": {"epochs": 1}},
    "training": {"epochs": 2, "batch_size": 64},
}

Rewritten = Callable[[Callable[[dict[str, Any]], dict[str, Any]]], str]
"""Puts what a function makes of the measured result into the job; its id."""


@pytest.fixture(scope="module")
def rewritten(site: Site) -> Rewritten:
    """A finished job whose result can be made another."""
    with Client(site.url, site.key(PROJECT)) as client:
        job = client.wait(client.submit(SMALL)["id"])
    assert job["status"] == "succeeded", job["error"]
    measured = job["result"]
    assert measured is not None

    def write(change: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
        with Database(Settings(home=site.service.home.path).database_url).write() as session:
            session.get_one(JobSpecRow, job["id"]).result = change(measured)
        return str(job["id"])

    return write


@pytest.fixture
def reader(visit: Visit) -> Visitor:
    """Somebody who may look at the job."""
    return visit("jobs:read", project=PROJECT, viewport={"width": 1280, "height": 900})


def drawn(page: Page, section: str, index: int, title: str) -> Locator:
    """A chart of a section that has been scrolled to and drawn, with its figures open."""
    part = page.locator(f"#{section} .chart").nth(index)
    part.scroll_into_view_if_needed()
    expect(part.get_by_role("heading")).to_contain_text(title)
    expect(part.locator(".plot[data-drawn]")).to_be_visible()
    part.get_by_text("Figures").click()
    return part


def shown(part: Locator, expression: str) -> Any:
    """Something of a chart, ``plot``."""
    return part.locator(".plot[role=img]").evaluate(f"(plot) => {expression}")


def test_the_features_of_both_networks_lie_on_equal_axes_before_and_after(
    reader: Visitor, rewritten: Rewritten
) -> None:
    page = reader.sign_in(f"/jobs/{rewritten(proven)}")
    titles = ("Before training, 83", "After training, 21")
    before, after = (drawn(page, "features", index, title) for index, title in enumerate(titles))
    for part in (before, after):
        assert shown(part, "plot.data.length") == 2 * CLASSES
        assert shown(part, "plot.data.reduce((sum, { x }) => sum + x.length, 0)") == 2 * POINTS
        looks = shown(part, "plot.data.map(({ marker }) => `${marker.color} ${marker.symbol}`)")
        assert len(set(looks)) == len(looks), "two clouds look alike"
        assert sum(look.endswith("-open") for look in looks) == CLASSES
        expect(part.get_by_role("row")).to_have_count(1 + CLASSES)
    scale = (
        "[plot._fullLayout.xaxis, plot._fullLayout.yaxis].map((axis) => axis._length / (axis.range[1] - axis.range[0]))"
    )
    across, up = shown(after, scale)
    assert across == pytest.approx(up, rel=1e-6)
    assert shown(before, "plot._fullLayout.xaxis.range") == shown(after, "plot._fullLayout.xaxis.range")
    reader.check_quiet()


def test_the_likeness_of_blocks_is_what_was_measured(reader: Visitor, rewritten: Rewritten) -> None:
    job = rewritten(proven)
    page = reader.sign_in(f"/jobs/{job}")
    maps = (reader.client.job(job)["result"] or {})["alignment"]
    for index, (when, likeness) in enumerate((("before", "0.40"), ("after", "0.90"))):
        part = drawn(page, "features", 2 + index, f"closest teacher block by {likeness}")
        assert shown(part, "plot.data[0].z") == [pytest.approx(row) for row in maps["cka"][when]]
        expect(part.get_by_role("row")).to_have_count(1 + len(maps["teachers"]))
    reader.check_quiet()


def test_what_can_be_trusted_is_said_of_confidence_disturbances_and_shift(
    reader: Visitor, rewritten: Rewritten
) -> None:
    page = reader.sign_in(f"/jobs/{rewritten(proven)}")
    sure = drawn(page, "trust", 0, "Calibration error: distilled student 6.0\u00a0%")
    assert shown(sure, "plot.data.map(({ x }) => x.length)") == [2, 7, 7, 7], "empty bins are drawn"
    expect(sure.get_by_role("row").nth(1)).to_contain_text("–")
    robust = drawn(
        page, "trust", 1, "Under 12 disturbances the student loses 6.8 points on average, the teacher 5.3 points"
    )
    points = "plot.data.map(({ y }) => y.filter((value) => value !== null).length)"
    assert shown(robust, points) == [len(CORRUPTIONS) * len(SEVERITIES)] * 3
    expect(robust.get_by_role("row").nth(3)).to_contain_text("Gaussian noise, severity 5")
    expect(robust.get_by_role("row").nth(3)).to_contain_text("strength 0.5")
    expect(page.locator(".shift")).to_contain_text("No shift beyond chance")
    expect(page.locator(".shift")).to_contain_text("0.340")
    reader.check_quiet()


def test_who_pays_is_named_by_class_and_by_group_with_intervals(reader: Visitor, rewritten: Rewritten) -> None:
    page = reader.sign_in(f"/jobs/{rewritten(proven)}")
    part = drawn(page, "student", 0, "Class “8” loses most against the teacher: −20.0 points")
    expect(part).to_contain_text("Beyond chance, corrected for their number: 8, 3.")
    expect(part).to_contain_text("The student amplifies the teacher’s bias")
    worst = part.get_by_role("row").nth(1)
    expect(worst).to_contain_text("−24.0 to −16.0")
    expect(worst).to_contain_text("yes")
    part.get_by_label("Classes or groups").select_option("Group")
    expect(part.get_by_role("heading")).to_contain_text("Group “line A” loses most against the teacher: −1.0 points")
    expect(part).to_contain_text("No loss is beyond chance.")
    expect(part).to_contain_text("4 smaller ones are left out.")
    reader.check_quiet()


def test_formats_speed_cost_and_licences_stand_with_their_figures(reader: Visitor, rewritten: Rewritten) -> None:
    page = reader.sign_in(f"/jobs/{rewritten(proven)}")
    formats = page.locator(".formats").get_by_role("row")
    half = formats.filter(has_text="student.fp16.onnx")
    for words in ("52\u00a0%", "0.20\u00a0ms / 0.25\u00a0ms", "93.0–98.0\u00a0%", "reloaded, same answers"):
        expect(half).to_contain_text(words)
    expect(formats.last).to_have_text("student.int8.onnx was withheld: its file is as large as the float one")
    speeds = drawn(page, "costs", 0, "The student answers a batch of 1 in 0.14\u00a0ms on 2 threads")
    expect(speeds.get_by_role("row")).to_have_count(1 + 12)
    speeds.get_by_label("Which figure").select_option("Throughput")
    expect(speeds.get_by_role("heading")).to_contain_text("The student answers at most")
    cost = page.locator(".cost")
    for words in ("1 min 53 s", "1.50\u00a0Wh", "RAPL"):
        expect(cost).to_contain_text(words)
    expect(cost.get_by_role("row").filter(has_text="Distilled student")).to_contain_text("27\u00a0%")
    licences = page.locator(".licences").get_by_role("row")
    expect(licences.filter(has_text="CC-BY-ND-4.0")).to_contain_text("forbidden")
    expect(page.locator(".everyfigure").get_by_role("row").filter(has_text="Matthews")).to_be_visible()
    reader.check_quiet()


def test_a_result_of_an_earlier_version_has_the_page_that_it_had(reader: Visitor, rewritten: Rewritten) -> None:
    fetched: list[str] = []
    reader.page.on("request", lambda request: fetched.append(request.url))
    page = reader.sign_in(f"/jobs/{rewritten(earlier)}")
    drawn(page, "student", 0, "the teacher")
    expect(page.locator(".formats").get_by_role("row").filter(has_text="student.onnx")).to_contain_text("ms / ")
    for section in ("trust", "features", "costs"):
        expect(page.locator(f"#{section}")).to_be_hidden()
    expect(page.get_by_role("navigation", name="On this page")).not_to_contain_text("Can it be trusted?")
    assert not [url for url in fetched if url.endswith("/js/proof/panels.js")], "fetched for nothing"
    reader.check_quiet()


def test_a_figure_that_nobody_measured_is_missing_alone(reader: Visitor, rewritten: Rewritten) -> None:
    def poorer(result: dict[str, Any]) -> dict[str, Any]:
        found = proven(result)
        del found["alignment"]["projection"]
        found["cost"] |= {"energy_joules": None, "energy_source": None, "runs": []}
        return {**found, "shift": None, "changes": []}

    page = reader.sign_in(f"/jobs/{rewritten(poorer)}")
    expect(page.locator(".cost")).to_contain_text("this device has no meter that can be read")
    expect(page.locator(".shift")).to_be_hidden()
    wait_for(page, "document.querySelectorAll('#features .chart').length === 4")
    assert page.locator("#features .chart:visible").count() == 2
    drawn(page, "student", 0, "the teacher")
    reader.check_quiet()
