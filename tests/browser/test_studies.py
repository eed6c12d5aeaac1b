"""Studies: a question is planned and asked, its table is what the service says, and what is amiss is named."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import TRAINING_MS, Site, Visit, Visitor, wait_for
from playwright.sync_api import Locator, expect

from distillery import Client
from kdcore.spec import parse_spec, plan
from kdcore.spec.studies.deciding import decide
from kdcore.spec.studies.kinds import parse_any, plan_any
from kdcore.spec.studies.pilots import PilotPlan
from kdcore.spec.studies.results import Row
from store import pilots, studies
from store.database import Database, now
from store.models import Study, StudyRun
from store.projects import ensure_project
from store.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROJECT = "studied"
SEEDS = (0, 1, 2)
BASE: dict[str, Any] = {
    "dataset": {"name": "digits", "limit": 200},
    "student": {"architecture": "resnet8", "width": 0.25},
    "method": "student-alone",
    "training": {"epochs": 1, "batch_size": 64},
    "deliver": ["safetensors"],
    "resources": {"device": "cpu"},
}
STUDY: dict[str, Any] = {
    "name": "widths",
    "question": "Does width help?",
    "base": BASE,
    "arms": [
        {"name": "narrow"},
        {"name": "wide", "changes": {"student": {"width": 0.5}}},
        {"name": "longer", "changes": {"training": {"epochs": 2}}},
    ],
    "seeds": len(SEEDS),
}
STUDY_MS = 3 * TRAINING_MS
WHY = "its mean on the validation split is not among the best third"


@pytest.fixture(scope="module")
def ended(site: Site) -> Iterator[dict[str, Any]]:
    """The table of a study that has ended, one arm of which counts as stopped."""
    with Client(site.url, site.key(PROJECT)) as client:
        study = client.create_study(STUDY)["id"]
        until = time.monotonic() + STUDY_MS / 1000
        while client.study(study)["status"] not in {"succeeded", "failed"}:
            assert time.monotonic() < until, client.study(study)
            time.sleep(1)
        with Database(Settings(home=site.service.home.path).database_url).write() as session:
            session.get_one(Study, study).stopped = {"wide": {"code": "gave_up", "reason": WHY, "seeds": 3}}
        yield client.study_results(study)


@pytest.fixture
def reader(visit: Visit) -> Visitor:
    """Somebody who may look at studies, and no more."""
    return visit("jobs:read", project=PROJECT, viewport={"width": 1280, "height": 900})


def drawn(part: Locator, title: str) -> Locator:
    """A chart that has been scrolled to and drawn, with its figures open."""
    part.scroll_into_view_if_needed()
    expect(part.get_by_role("heading")).to_contain_text(title)
    expect(part.locator(".plot[data-drawn]")).to_be_visible()
    part.get_by_text("Figures").click()
    return part


def arm(results: dict[str, Any], name: str) -> dict[str, Any]:
    """An arm of the table."""
    return next(one for one in results["arms"] if one["name"] == name)


def test_the_table_has_means_intervals_and_differences_as_the_service_says(
    reader: Visitor, ended: dict[str, Any]
) -> None:
    page = reader.sign_in(f"/studies/{ended['study_id']}")
    expect(page.get_by_role("heading", name="widths")).to_be_visible()
    expect(page.locator(".jobhead .question")).to_be_visible()
    wide = arm(ended, "wide")
    row = page.locator(".arms tbody tr").filter(has_text="wide")
    low, high = (100 * end for end in wide["summary"]["interval"])
    shown = [f"{100 * wide['summary']['mean']:.1f}\u00a0%", f"{low:.1f}–{high:.1f}\u00a0%".replace("-", "−")]
    gained = abs(100 * wide["difference"]["difference"])
    for words in (*shown, "3 of 3", f"{gained:.1f} points", "Stopped"):
        expect(row).to_contain_text(words)
    expect(page.locator(".arms tbody tr").filter(has_text="narrow")).to_contain_text("reference")
    longer = page.locator(".arms tbody tr").filter(has_text="longer")
    expect(longer).to_contain_text("not comparable")
    expect(longer).to_contain_text("not compared")
    reader.check_quiet()


def test_what_was_stopped_or_is_not_compared_is_named_with_its_reason(reader: Visitor, ended: dict[str, Any]) -> None:
    page = reader.sign_in(f"/studies/{ended['study_id']}")
    told = page.locator(".studypage .notice")
    expect(told).to_contain_text("What was stopped, and why")
    expect(told).to_contain_text(f"wide: I{WHY[1:]}.")
    expect(told).to_contain_text("longer: It trains for 2 epochs, the reference for 1.")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    reader.check_quiet()


def test_charts_draw_differences_and_the_front_with_their_figures(reader: Visitor, ended: dict[str, Any]) -> None:
    page = reader.sign_in(f"/studies/{ended['study_id']}")
    found = arm(ended, "wide")["difference"]
    against = drawn(page.locator(".studypage .chart").nth(0), "from narrow beyond chance")
    points = "(plot) => plot.data.flatMap(({ x, y }) => x.map((value, at) => [y[at], value]))"
    assert against.locator(".plot[role=img]").evaluate(points) == [["wide", pytest.approx(100 * found["difference"])]]
    expect(against.get_by_role("row").nth(1)).to_contain_text(f"{found['p_value']:.3f}")
    front = drawn(page.locator(".studypage .chart").nth(1), "on the front")
    expect(front.get_by_role("row")).to_have_count(1 + 3)
    front.get_by_label("Cost").select_option("Latency")
    expect(front.get_by_role("columnheader", name="Latency")).to_be_visible()
    reader.check_quiet()


def test_each_run_leads_to_its_job_and_the_table_is_downloaded(
    reader: Visitor, ended: dict[str, Any], tmp_path: Path
) -> None:
    page = reader.sign_in(f"/studies/{ended['study_id']}")
    for name, suffix in (("CSV", "csv"), ("JSON", "json")):
        with page.expect_download() as saved:
            page.get_by_role("link", name=name, exact=True).click()
        saved.value.save_as(tmp_path / f"table.{suffix}")
    with (tmp_path / "table.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 3 * len(SEEDS)
    assert json.loads((tmp_path / "table.json").read_text())["study_id"] == ended["study_id"]
    expect(page.locator(".studypage .copies pre")).to_contain_text("question: ")
    page.get_by_role("tab", name="Python").click()
    expect(page.locator(".studypage .copies pre")).to_contain_text("client.create_study(")
    run = arm(ended, "wide")["runs"][1]
    page.get_by_role("link", name=f"wide, seed {run['seed']}: Succeeded").click()
    page.wait_for_url(f"**/jobs/{run['job_id']}")
    page.get_by_role("link", name=f"Study {ended['study_id']}, arm wide, seed {run['seed']}").click()
    page.wait_for_url(f"**/studies/{ended['study_id']}")
    reader.check_quiet()


def test_studies_are_listed_and_found(reader: Visitor, ended: dict[str, Any]) -> None:
    page = reader.sign_in("/studies")
    row = page.get_by_role("row").filter(has_text="widths")
    expect(row).to_contain_text("9 of 9 jobs ended")
    expect(page.get_by_role("link", name="New study")).to_have_count(0)
    page.get_by_role("searchbox").fill("other")
    expect(page.get_by_role("heading", name="No study matches")).to_be_visible()
    page.get_by_role("link", name="Show all studies").click()
    row.get_by_role("link", name="widths").click()
    page.wait_for_url(f"**/studies/{ended['study_id']}")
    reader.check_quiet()


def test_a_fault_is_shown_at_the_line_that_it_is_about_and_a_cap_is_asked_for(visitor: Visitor) -> None:
    page = visitor.sign_in("/studies/new")
    editor, begin = page.get_by_label("Spec as JSON"), page.get_by_role("button", name="Begin study")
    faults = page.locator(".faults li")
    expect(begin).to_be_enabled()
    expect(page.locator(".submitbar")).to_contain_text("16 jobs")

    wrong = {**STUDY, "base": {**BASE, "student": {"architecture": "resnet8", "width": "broad"}}}
    editor.fill(text := json.dumps(wrong, indent=2))
    expect(faults.first).to_contain_text("/base/student/width")
    line = 1 + text[: text.index('"broad"')].count("\n")
    faults.first.get_by_role("button", name=f"Line {line}").click()
    chosen = "(area) => area.value.slice(area.selectionStart, area.selectionEnd)"
    assert editor.evaluate(chosen) == '"broad"'
    expect(begin).to_be_disabled()

    editor.fill(json.dumps({**STUDY, "seeds": 30}, indent=2))
    expect(faults).to_have_count(1)
    expect(faults).to_contain_text("This study is 90 jobs (3 arms, 30 seeds)")
    expect(page.locator(".submitbar")).to_contain_text("90 jobs")
    expect(begin).to_be_disabled()

    editor.fill("{")
    expect(page.get_by_text("This is not JSON yet")).to_be_visible()
    page.reload()
    expect(editor).to_have_value("{")
    page.get_by_label("Begin with").select_option("Is it luck?")
    expect(begin).to_be_enabled()
    assert [message for message in visitor.complaints if "422" not in message] == []


def test_a_study_is_begun_followed_and_cancelled(visitor: Visitor) -> None:
    page = visitor.sign_in("/studies/new")
    long = {**STUDY, "base": {**BASE, "training": {"epochs": 300, "batch_size": 64}}, "arms": STUDY["arms"][:2]}
    page.get_by_label("Spec as JSON").fill(json.dumps(long, indent=2))
    expect(page.locator(".submitbar")).to_contain_text("6 jobs")
    page.get_by_role("button", name="Begin study").click()
    page.wait_for_url(re.compile("/studies/std_"))
    study = page.url.rpartition("/")[2]
    expect(page.locator(".seedruns td .badge").first).to_be_visible(timeout=TRAINING_MS)
    expect(page.locator(".arms tbody tr").first).to_contain_text("0 of 3")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the study").click()
    expect(page.locator(".titleline")).to_contain_text("Cancelled", timeout=TRAINING_MS)
    wait_for(page, "document.querySelectorAll('.seedruns a[aria-label$=Cancelled]').length > 0")
    page.get_by_role("link", name="Clone").click()
    expect(page.get_by_label("Spec as JSON")).to_have_value(re.compile('"name": "widths"'))
    page.goto(f"{visitor.site.url}/studies/{study}")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete the study").click()
    expect(page.get_by_role("heading", name="No study yet")).to_be_visible()
    visitor.check_quiet()


@pytest.fixture
def pilot(site: Site) -> Iterator[str]:
    """A pilot that has decided, by rows as its jobs would have left them."""
    base = {**BASE, "method": "mutual", "training": {"epochs": 400, "batch_size": 16}}
    spec: dict[str, Any] = {"name": "worth-it", "kind": "pilot", "base": base}
    planned = plan_any(parse_any(spec), lambda document: plan(parse_spec(document)))
    assert isinstance(planned, PilotPlan)
    rows = [
        Row(arm.name, seed, None, "succeeded", score, score + seed * score / 1000, 20.0)
        for arm, score in zip(planned.arms, (0.8, 0.85), strict=True)
        for seed in planned.seeds
    ]
    with Database(Settings(home=site.service.home.path).database_url).write() as session:
        project = ensure_project(session, PROJECT).id
        documents = {"spec": spec, "plan": planned.document()}
        study = studies.create_study(session, project, kind="pilot", name="worth-it", question="", **documents)
        for row in rows:
            at = now(session)
            figures = {"status": row.status, "score": row.score, "validation": row.validation, "seconds": row.seconds}
            session.add(StudyRun(study_id=study.id, arm=row.arm, seed=row.seed, created_at=at, ended_at=at, **figures))
        pilots.decide(session, study, decide(planned, rows))
    yield study.id
    with Client(site.url, site.key(PROJECT)) as client:
        client.cancel_study(study.id)


def test_a_pilot_is_approved_and_rolled_back_by_who_may(visit: Visit, pilot: str) -> None:
    reader = visit("jobs:read", project=PROJECT)
    page = reader.sign_in(f"/studies/{pilot}")
    panel = page.locator(".decision")
    expect(panel.locator("h2")).to_contain_text("Go")
    expect(panel.get_by_role("row").filter(has_text="Thorough")).to_contain_text("10 seeds")
    expect(panel).to_contain_text("Gain in accuracy on the validation split: +5.0 points")
    expect(panel.get_by_role("button")).to_have_count(0)
    expect(page.locator(".standing")).to_contain_text("It waits for approval.")
    reader.check_quiet()

    writer = visit(project=PROJECT)
    page = writer.sign_in(f"/studies/{pilot}")
    panel = page.locator(".decision")
    panel.get_by_role("radio", name="Quick").check()
    panel.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Approve the plan").click()
    expect(panel).to_contain_text("The plan Quick was approved by", timeout=TRAINING_MS)
    expect(page.locator(".arms tbody tr").first).to_contain_text("(quick)")
    panel.get_by_role("button", name="Roll back").click()
    page.get_by_role("button", name="Roll back the plan").click()
    expect(panel).to_contain_text("Rolled back: Quick", timeout=TRAINING_MS)
    expect(panel.locator("h2")).to_contain_text("Go")
    expect(panel.get_by_role("button", name="Approve")).to_be_visible(timeout=TRAINING_MS)
    writer.check_quiet()


def test_a_new_study_can_begin_as_a_pilot(visitor: Visitor) -> None:
    page = visitor.sign_in("/studies/new")
    page.get_by_label("Begin with").select_option("Is it worth it? (pilot)")
    expect(page.locator(".submitbar")).to_contain_text("7 jobs")
    expect(page.get_by_role("button", name="Begin study")).to_be_enabled()
    visitor.check_quiet()


def test_a_study_that_is_not_there_leads_back_to_the_list(visitor: Visitor) -> None:
    page = visitor.sign_in("/studies/std_nothing")
    expect(page.get_by_role("heading", name="No such study")).to_be_visible()
    page.get_by_role("link", name="All studies").click()
    expect(page.get_by_role("heading", name="Studies", exact=True)).to_be_visible()


def test_a_pointer_is_found_in_a_text_however_it_is_written(visitor: Visitor) -> None:
    page = visitor.sign_in("/studies")
    text = '{"a/b": [1, {"x": "}]\\"", "~": [true , null]}],\n "c" : -2.5e3}'
    places = {
        "": text,
        "/a~1b/0": "1",
        "/a~1b/1/x": '"}]\\""',
        "/a~1b/1/~0/1": "null",
        "/c": "-2.5e3",
        "/c/d": "-2.5e3",
    }
    for pointer, value in places.items():
        found = page.evaluate(
            """async ([text, pointer]) => {
              const { placeOf } = await import("/js/lib/jsonplace.js");
              const { from, to, line } = placeOf(text, pointer);
              return [text.slice(from, to), line];
            }""",
            [text, pointer],
        )
        assert found == [value, 2 if pointer.startswith("/c") else 1]
    visitor.check_quiet()
