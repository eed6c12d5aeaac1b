"""A new job: written by a form or as text, planned at every change, seen as a picture, and submitted."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from audit import findings
from browsing import SPEC, Visit, Visitor, wait_for
from playwright.sync_api import Locator, Page, expect
from shapes import shapes_plan
from texts import cycles, planned

from distillery import Client
from kdcore.spec import methods, parse_spec, plan

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONTRAST = Path(__file__).with_name("contrast.js").read_text().partition("\n")[2]
DRAWN = """async (plan) => {
  const [{ speak }, { picture }] = [await import("/js/lib/text.js"), await import("/js/objective/picture.js")];
  await speak("objective");
  return plan.runs.flatMap((run) => run.stages.map((stage) => {
    const drawing = picture(plan, run, stage, "words").querySelector("svg");
    const [left, top, width, height] = drawing.getAttribute("viewBox").split(" ").map(Number);
    const ends = [...drawing.querySelectorAll(".tip")]
      .map((tip) => tip.getAttribute("transform").match(/-?[\\d.]+/g).map(Number));
    return { terms: stage.terms.length, worded: drawing.querySelectorAll(".words").length,
      curves: drawing.querySelectorAll(".curve").length, odd: /NaN|undefined/.test(drawing.outerHTML),
      outside: ends.filter(([x, y]) => x < left || y < top || x > left + width || y > top + height).length };
  }));
}"""

DIGITS: dict[str, Any] = {
    "name": "drawn",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 2}},
    "student": {"architecture": "resnet8"},
    "training": {"epochs": 8},
}
VIT = {"architecture": "vit-4", "options": {"patch": 2}}
DETECTORS: dict[str, Any] = {
    "name": "drawn",
    "teacher": {"architecture": "detection/retinanet-tiny", "train": {"epochs": 1}},
    "student": {"architecture": "detection/retinanet-tiny"},
    "training": {"epochs": 4, "batch_size": 8},
}


@pytest.fixture(scope="module")
def parent(site: Any) -> Iterator[tuple[str, str]]:
    """A project with a cancelled job; the project and the job."""
    with Client(site.url, site.key("parents")) as client:
        job = str(client.submit(SPEC)["id"])
        client.cancel(job)
        yield "parents", job


def field(page: Page, pointer: str) -> Locator:
    return page.locator(f'[data-pointer="{pointer}"]')


def ready(page: Page) -> None:
    expect(page.locator(".submitbar")).to_contain_text("Ready")


def written(page: Page) -> Any:
    """The draft, as the page offers it as YAML."""
    page.get_by_role("tab", name="YAML").click()
    return yaml.safe_load(page.locator(".copies pre").inner_text())


def test_a_newcomer_submits_what_stands_there(visitor: Visitor) -> None:
    page = visitor.sign_in("/new")
    ready(page)
    expect(page.locator(".plan")).to_contain_text("14× smaller than the teacher’s 0.27 M")
    page.get_by_role("button", name="Submit job").click()
    expect(page.get_by_role("heading", name="digits-fitnet")).to_be_visible()
    (job,) = list(visitor.client.jobs())
    assert page.url.endswith(f"/jobs/{job['id']}")
    spec = visitor.client.job(job["id"])["spec"]
    assert (spec["method"], spec["student"]) == ("fitnet", {"architecture": "resnet8", "width": 0.5, "labels": 144})
    assert page.evaluate("sessionStorage.length") == 0
    visitor.check_quiet()


def test_another_method_is_found_by_its_sentence_and_seen_at_once(visitor: Visitor) -> None:
    page = visitor.sign_in("/new")
    ready(page)
    page.get_by_role("button", name="Choose another method").click()
    page.keyboard.type("objectives of equal rank")
    expect(page.locator("label.method:visible")).to_have_count(1)
    page.get_by_role("radio", name="MoKD").check()
    terms = page.locator(".terms tbody tr")
    expect(terms).to_have_count(3)
    expect(terms.nth(2)).to_contain_text("through subspace")
    expect(page.get_by_role("img", name="stage distil of the run Distilled student: 3 terms")).to_be_visible()
    expect(page.get_by_text("balanced by mokd, form exact")).to_be_visible()
    assert (written(page)["method"], written(page)["name"]) == ("mokd", "digits-mokd")
    field(page, "/method/temperature").locator("input").fill("2")
    expect(terms.nth(1)).to_contain_text("temperature 2")
    assert written(page)["method"] == {"preset": "mokd", "temperature": 2}
    field(page, "/method/temperature").locator("input").fill("")
    assert written(page)["method"] == "mokd"
    visitor.check_quiet()


def test_stages_are_tabs_that_arrow_keys_go_through(visitor: Visitor) -> None:
    page = visitor.sign_in("/new")
    page.get_by_role("tab", name="hint 12 epochs").focus()
    expect(page.get_by_text("Only the part up to stages.1.blocks.0")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="distil 28 epochs")).to_be_focused()
    expect(page.locator(".terms tbody tr")).to_have_count(2)
    field(page, "/training/epochs").locator("input").fill("20")
    expect(page.get_by_role("tab", name="distil 14 epochs")).to_have_attribute("aria-selected", "true")


def test_a_fault_appears_at_its_field_while_the_focus_stays_and_gets_it_when_submitted(visitor: Visitor) -> None:
    page = visitor.sign_in("/new")
    epochs, rate = (field(page, pointer) for pointer in ("/training/epochs", "/training/optimizer/lr"))
    epochs.locator("input").fill("0")
    rate.locator("input").fill("-1")
    expect(epochs.locator(".error")).to_have_text("Input should be greater than or equal to 1 (got 0).")
    expect(rate.locator("input")).to_be_focused()
    expect(page.locator(".submitbar")).to_contain_text("Not possible yet")
    page.get_by_role("button", name="Submit job").click()
    expect(epochs.locator("input")).to_be_focused()
    epochs.locator("input").fill("4")
    rate.locator("input").fill("")
    ready(page)
    expect(page.locator(".error:not(:empty)")).to_have_count(0)
    assert list(visitor.client.jobs()) == []


def test_an_objective_written_out_as_text_survives_the_form(visitor: Visitor) -> None:
    spec = json.loads(json.dumps(SPEC))
    term = {"distance": {"kind": "kl", "temperature": 2}, "weight": {"from": 0, "to": 1}}
    spec["method"] = {
        "stages": [{"name": "only", "epochs": 4, "terms": [{"from": ["labels"], "distance": "cross_entropy"}, term]}]
    }
    page = visitor.sign_in("/new")
    page.get_by_role("tab", name="JSON").click()
    page.get_by_label("Spec as JSON").fill(json.dumps(spec))
    expect(page.get_by_role("tab", name="only 4 epochs")).to_be_visible()
    page.get_by_role("tab", name="Form").click()
    expect(page.get_by_role("heading", name="An objective written out")).to_be_visible()
    field(page, "/training/seed").locator("input").fill("7")
    spec["training"]["seed"] = 7
    assert written(page) == spec
    page.get_by_role("tab", name="JSON").click()
    assert json.loads(page.get_by_label("Spec as JSON").input_value()) == spec
    page.get_by_label("Spec as JSON").fill("{")
    expect(page.get_by_text("This is not JSON yet")).to_be_visible()
    assert written(page) == spec
    visitor.check_quiet()


def test_what_is_copied_says_the_same_in_every_form(visitor: Visitor) -> None:
    page = visitor.sign_in("/new")
    field(page, "/name").locator("input").fill('it\'s "quoted" $HOME é')
    spec = written(page)
    assert spec["name"] == 'it\'s "quoted" $HOME é'

    def text(tab: str) -> str:
        page.get_by_role("tab", name=tab).click()
        return page.locator(".copies pre").inner_text()

    body = text("curl").partition("-d '")[2].removesuffix("'").replace("'\\''", "'")
    assert json.loads(body) == spec
    calls = [node for node in ast.walk(ast.parse(text("Python"))) if isinstance(node, ast.Call)]
    (call,) = [node for node in calls if ast.unparse(node.func) == "client.submit"]
    assert ast.literal_eval(call.args[0]) == spec
    lines = text("Command line").splitlines()
    assert lines[0] == "distill submit - --watch <<'SPEC'"
    assert yaml.safe_load("\n".join(lines[1:-1])) == spec
    visitor.check_quiet()


def test_a_clone_keeps_its_lineage_and_says_what_differs(visit: Visit, parent: tuple[str, str]) -> None:
    project, job = parent
    visitor = visit(project=project)
    page = visitor.sign_in(f"/new?from={job}")
    expect(page.get_by_text("Nothing differs yet")).to_be_visible()
    field(page, "/training/seed").locator("input").fill("3")
    field(page, "/student/width").locator("input").fill("")
    expect(page.locator(".origin tbody tr")).to_have_text(["/student/width0.25not given", "/training/seednot given3"])
    page.reload()
    expect(page.locator(".origin tbody tr")).to_have_count(2)
    ready(page)
    page.get_by_role("button", name="Submit job").click()
    expect(page.get_by_role("link", name="clone of another job")).to_be_visible()
    made = visitor.client.job(page.url.rpartition("/")[2])
    assert made["clone_of"] == job
    assert made["spec"] == {**SPEC, "student": {"architecture": "resnet8"}, "training": {**SPEC["training"], "seed": 3}}
    visitor.check_quiet()


def test_a_draft_survives_a_reload_until_one_starts_over(visitor: Visitor) -> None:
    page = visitor.sign_in("/new?method=hinton")
    field(page, "/name").locator("input").fill("kept")
    page.reload()
    expect(field(page, "/name").locator("input")).to_have_value("kept")
    assert written(page)["method"] == "hinton"
    page.get_by_role("button", name="Start over").click()
    expect(field(page, "/name").locator("input")).to_have_value("digits-fitnet")
    visitor.check_quiet()


def test_a_key_that_may_only_read_plans_and_is_told_why_it_cannot_submit(visit: Visit) -> None:
    visitor = visit("jobs:read")
    page = visitor.sign_in("/new")
    expect(page.get_by_text("needs the scope jobs:write")).to_be_visible()
    expect(page.locator(".plan")).to_contain_text("Distilled student")
    expect(page.get_by_role("button", name="Submit job")).to_be_disabled()
    visitor.check_quiet()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_it_fits_the_screen_and_can_be_read(visit: Visit, width: int, scheme: str) -> None:
    visitor = visit(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = visitor.sign_in("/new?method=dfpt-kd")
    ready(page)
    page.get_by_role("button", name="Choose another method").click()
    for details in page.locator("details").all():
        details.evaluate("element => element.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert [*findings(page), *page.evaluate(CONTRAST)] == []
    visitor.check_quiet()


def plans(folder: Path) -> Iterator[tuple[str, Any]]:
    """A plan for every preset, with networks that it is for."""
    (folder / "texts").mkdir()
    (folder / "shapes").mkdir()
    card = cycles(folder / "texts")
    for info in methods():
        if "generator" in info.kinds:
            yield info.name, planned(folder / "texts", card, teacher="gpt-2", student="gpt-1", method=info.name)
        elif "detector" in info.kinds:
            yield info.name, shapes_plan(folder / "shapes", {**DETECTORS, "method": info.name})
        else:
            vit = (
                {}
                if "convolutional" in info.kinds
                else {"teacher": {**VIT, "train": {"epochs": 2}}, "student": {**VIT, "architecture": "vit-2"}}
            )
            spec = {**DIGITS, **vit, "method": info.name}
            if "teacher" not in info.needs:
                del spec["teacher"]
            yield info.name, plan(parse_spec(spec))


def test_every_preset_has_a_picture_with_each_of_its_terms(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.sign_in("/new")
    ready(page)
    wait_for(page, "document.querySelector('svg.objective') !== null")
    for name, found in plans(tmp_path):
        stages = page.evaluate(DRAWN, found.document())
        assert stages, name
        for stage in stages:
            assert stage["worded"] == stage["terms"] <= stage["curves"], (name, stage)
            assert not stage["odd"], (name, stage)
            assert stage["outside"] == 0, (name, stage)
    visitor.check_quiet()
