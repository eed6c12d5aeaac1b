"""Several jobs side by side: what is drawn is what was measured, statistics are right, the address holds the view."""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import LONG, SPEC, TRAINING_MS, Site, Visit, Visitor, wait_for
from playwright.sync_api import Page, expect
from scipy import stats

from distillery import Client

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROJECT = "comparisons"
SEEDS = (0, 1, 2)
NAMES = [*(f"hinton-{seed}" for seed in SEEDS), "fitnet-0"]
SMALL: dict[str, Any] = {
    **SPEC,
    "dataset": {"name": "digits", "limit": 400},
    "teacher": {"architecture": "resnet8", "width": 0.25, "train": {"epochs": 1}},
    "training": {"epochs": 2, "batch_size": 64},
    "deliver": ["safetensors"],
}
TABLE = ".seeds tbody tr"
PLOTS = "document.querySelectorAll('.plot[role=img]')"
DRAWN = "document.querySelectorAll('.plot[data-drawn]').length === 2"

Jobs = dict[str, Any]
"""Name -> job."""


@pytest.fixture(scope="module")
def jobs(site: Site) -> Iterator[Jobs]:
    """One method with three seeds, another with one, and a job on other data; all finished."""
    with Client(site.url, site.key(PROJECT)) as client:

        def submit(name: str, **changes: Any) -> str:
            method, _, seed = name.partition("-")
            training = {**SMALL["training"], "seed": int(seed)}
            return str(client.submit({**SMALL, "name": name, "method": method, "training": training, **changes})["id"])

        ids = {name: submit(name, labels={"sweep": "methods"}) for name in NAMES}
        ids["hinton-7"] = submit("hinton-7", dataset={"name": "digits", "limit": 300}, baseline=False)
        yield {name: client.wait(job) for name, job in ids.items()}


@pytest.fixture
def reader(visit: Visit, jobs: object) -> Visitor:
    """Somebody who may look at the finished jobs, and no more."""
    return visit("jobs:read", project=PROJECT, viewport={"width": 1280, "height": 900})


def evaluated(page: Page, expression: str) -> Any:
    """The value of an expression over the page's own statistics, as `s`."""
    return page.evaluate(f"async () => {{ const s = await import('/js/compare/statistics.js'); return {expression}; }}")


def plot(page: Page, index: int, expression: str) -> Any:
    """Something of a drawn chart, `plot`."""
    wait_for(page, DRAWN)
    return page.locator(".chart .plot[role=img]").nth(index).evaluate(f"(plot) => {expression}")


def scores(jobs: Jobs, role: str = "student") -> list[float]:
    """Of the method that has three seeds."""
    return [jobs[f"hinton-{seed}"]["result"]["models"][role]["score"] for seed in SEEDS]


def test_statistics_agree_with_scipy(visitor: Visitor) -> None:
    page = visitor.sign_in("/compare")
    for freedom in (1, 2, 3, 4, 7, 18, 29):
        for confidence in (0.5, 0.9, 0.95, 0.99):
            expected = stats.t.ppf((1 + confidence) / 2, freedom)
            assert evaluated(page, f"s.quantile({confidence}, {freedom})") == pytest.approx(expected, rel=1e-9)
    for values in ([0.91, 0.93, 0.94], [3.0, 1.0, 4.0, 1.0, 5.0, 9.0]):
        low, high = stats.t.interval(0.95, len(values) - 1, statistics.mean(values), stats.sem(values))
        assert evaluated(page, f"s.interval({values})") == pytest.approx([low, high], rel=1e-9)
        assert evaluated(page, f"s.deviation({values})") == pytest.approx(statistics.stdev(values), rel=1e-12)
    assert evaluated(page, "[s.interval([1, 2]), s.deviation([1]), s.mean([])]") == [None, None, None]


def test_the_front_holds_what_nothing_beats_in_either_direction(visitor: Visitor) -> None:
    page = visitor.sign_in("/compare")
    points = [(1, 0.5), (2, 0.9), (2, 0.8), (3, 0.9), (4, 0.95), (4, 0.95), (5, 0.7)]
    given = json.dumps([{"cost": cost, "score": score} for cost, score in points])
    shown = "map((point) => [point.cost, point.score])"
    assert evaluated(page, f"s.front({given}).{shown}") == [[1, 0.5], [2, 0.9], [4, 0.95], [4, 0.95]]
    assert evaluated(page, f"s.front({given}, false).{shown}") == [[1, 0.5]]


def test_seeds_are_grouped_with_mean_interval_and_gain(reader: Visitor, jobs: Jobs, tmp_path: Path) -> None:
    page = reader.sign_in("/compare?label.sweep=methods")
    expect(page.locator(TABLE)).to_have_count(2)
    values = scores(jobs)
    row = page.locator(TABLE).filter(has_text="hinton")
    expect(row).to_contain_text(f"{100 * statistics.mean(values):.1f}\u00a0%")
    expect(row).to_contain_text(f"{100 * statistics.stdev(values):.1f} points")
    expect(page.get_by_text("1 of 2 groups has fewer than 3 measured seeds")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as CSV").click()
    saved.value.save_as(tmp_path / "seeds.csv")
    with (tmp_path / "seeds.csv").open(newline="") as file:
        rows = {row["group"]: row for row in csv.DictReader(file)}
    gains = [one - other for one, other in zip(values, scores(jobs, "alone"), strict=True)]
    ends = stats.t.interval(0.95, 2, statistics.mean(values), stats.sem(values))
    assert [rows["hinton"]["n"], rows["fitnet"]["n"]] == ["3", "1"]
    assert [float(rows["hinton"][f"interval_{end}"]) for end in ("low", "high")] == pytest.approx(ends)
    assert float(rows["hinton"]["minus_alone"]) == pytest.approx(statistics.mean(gains))
    assert rows["fitnet"]["interval_low"] == rows["fitnet"]["standard_deviation"] == ""
    reader.check_quiet()


def test_curves_and_trade_off_draw_what_was_measured_and_the_address_holds_the_view(
    reader: Visitor, jobs: Jobs
) -> None:
    page = reader.sign_in("/compare?label.sweep=methods")
    assert sorted(plot(page, 0, "plot.data.filter(({ name }) => name).map(({ name }) => name)")) == ["fitnet", "hinton"]
    page.get_by_label("How seeds are shown").select_option("Each job for itself")
    wait_for(page, f"{PLOTS}[0].data.length === {len(NAMES)}")
    page.get_by_label("Network", exact=True).select_option("Student alone")
    wait_for(page, f"{PLOTS}[0].ariaLabel.startsWith('Student alone')")
    page.wait_for_timeout(500)
    lines = plot(page, 0, "Object.fromEntries(plot.data.map(({ name, y }) => [name, y.at(-1)]))")
    for name in NAMES:
        last = jobs[name]["metrics"]["alone.validation"]["values"]["accuracy"]
        assert lines[name] == pytest.approx(100 * last)
    students = "plot.data.filter(({ name }) => name === 'Distilled student')"
    points = plot(page, 1, f"{students}.flatMap(({{ x, y }}) => x.map((cost, at) => [cost, y[at]]))")
    models = [jobs[name]["result"]["models"]["student"] for name in NAMES]
    measured = {(model["parameters"], round(100 * model["score"], 6)) for model in models}
    assert {(cost, round(score, 6)) for cost, score in points} == measured
    page.reload()
    expect(page.get_by_label("Network", exact=True)).to_have_value("alone")
    expect(page.get_by_label("How seeds are shown")).to_have_value("apart")
    reader.check_quiet()


def test_only_the_places_where_specs_differ_are_shown(reader: Visitor, jobs: Jobs) -> None:
    page = reader.sign_in(f"/compare?job={jobs['hinton-0']['id']}&job={jobs['fitnet-0']['id']}")
    places = page.locator(".specs tbody tr")
    expect(page.get_by_role("heading", name="The specs differ in 1 place")).to_be_visible()
    expect(places.get_by_role("rowheader")).to_have_text(["/method/preset"])
    expect(places.get_by_role("cell")).to_have_text(["hinton", "fitnet"])
    page.get_by_label("What is compared").select_option("As written")
    expect(places.get_by_role("rowheader")).to_have_text(["/method"])
    reader.check_quiet()


def test_jobs_are_found_added_and_taken_out_and_the_address_follows(reader: Visitor, jobs: Jobs) -> None:
    page = reader.sign_in("/compare")
    cards = page.get_by_role("list", name="Jobs that are compared").get_by_role("listitem")
    page.get_by_role("searchbox").fill("HINT")
    for seed in (1, 2):
        page.get_by_role("button", name=f"Add hinton-{seed}").click()
        expect(cards).to_have_count(seed)
    expect(page.get_by_role("searchbox")).to_be_focused()
    first, second = (jobs[f"hinton-{seed}"]["id"] for seed in (1, 2))
    assert page.url.endswith(f"/compare?job={first}&job={second}")
    page.get_by_role("button", name="Take hinton-1 out of the comparison").click()
    expect(cards).to_have_count(1)
    expect(page.get_by_role("button", name="Take hinton-2 out of the comparison")).to_be_focused()
    assert page.url.endswith(f"/compare?job={second}")
    page.go_back()
    expect(cards).to_have_count(2)
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_role("link", name="sweep=methods (4 jobs)").click()
    expect(cards).to_have_count(4)
    reader.check_quiet()


def test_what_is_not_there_and_what_is_too_much_is_named_and_left_out(reader: Visitor, jobs: Jobs) -> None:
    known = jobs["hinton-0"]["id"]
    page = reader.sign_in(f"/compare?job=job_gone&job={known}")
    expect(page.get_by_text("left out: job_gone")).to_be_visible()
    expect(page.get_by_role("heading", name="Distilled student: best validation accuracy")).to_be_visible()
    assert page.url.endswith(f"/compare?job={known}")
    many = "&".join(f"job=job_{number}" for number in range(22))
    page.goto(f"{reader.site.url}/compare?{many}")
    expect(page.get_by_text("At most 20 jobs are compared at a time; 2 jobs were left out.")).to_be_visible()
    page.goto(f"{reader.site.url}/compare?label.sweep=nothing")
    expect(page.get_by_text("No job has these labels.")).to_be_visible()
    page.goto(f"{reader.site.url}/compare?label.sweep=methods&status=done")
    expect(page.get_by_role("alert")).to_contain_text("Input should be 'queued'")


def test_jobs_on_other_data_are_never_put_on_the_same_axis(reader: Visitor, jobs: Jobs) -> None:
    page = reader.sign_in(f"/compare?job={jobs['hinton-0']['id']}&job={jobs['hinton-7']['id']}")
    expect(page.get_by_text("The charts show one set at a time")).to_be_visible()
    expect(page.locator(TABLE)).to_have_count(2)
    last = "plot.data.filter(({ name }) => name).map(({ y }) => y.at(-1))"
    for index, name in enumerate(("hinton-0", "hinton-7")):
        page.get_by_label("Set that the charts show").select_option(index=index)
        page.wait_for_timeout(1500)  # a chart is drawn about once a second
        score = jobs[name]["metrics"]["distil.validation"]["values"]["accuracy"]
        assert plot(page, 0, last) == [pytest.approx(100 * score)]
    reader.check_quiet()


def test_a_running_job_is_followed(visitor: Visitor) -> None:
    job = visitor.submit(**{**LONG, "baseline": False})
    page = visitor.sign_in(f"/compare?job={job}")
    expect(page.locator(".strip")).to_contain_text("Running", timeout=TRAINING_MS)
    points = f"({PLOTS}[0].data?.[0].x.length ?? 0)"
    wait_for(page, f"{points} > 1", TRAINING_MS)
    before = page.evaluate(points)
    wait_for(page, f"{points} > {before}", TRAINING_MS)
    visitor.client.cancel(job)
    expect(page.locator(".strip")).to_contain_text("Cancelled", timeout=60_000)
    visitor.check_quiet()
