"""The pages of models: listed, kept from a job, brought from files, refused, named, traced, judged, changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from browsing import SPEC, TRAINING_MS, Site, Visit, Visitor
from playwright.sync_api import Page, expect
from safetensors.torch import save_file

from distillery import Client
from kdcore import models

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROJECT = "models"
QUICK: dict[str, Any] = {**SPEC, "method": "hinton", "baseline": False, "training": {"epochs": 1, "batch_size": 64}}
WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}


@dataclass(frozen=True)
class Chain:
    """A job left ``small``, which taught another job, which left ``tiny``."""

    maker: str
    small: str
    pupil: str
    tiny: str


@pytest.fixture(scope="module")
def chain(site: Site) -> Iterator[Chain]:
    with Client(site.url, site.key(PROJECT)) as client:
        maker = client.submit({**QUICK, "name": "maker"})["id"]
        assert client.wait(maker)["status"] == "succeeded"
        small = client.create_model({"from_job": maker, "name": "small", "description": "of the first job"})["id"]
        pupil = client.submit({**QUICK, "name": "pupil", "teacher": {"id": small}})["id"]
        assert client.wait(pupil)["status"] == "succeeded"
        tiny = client.create_model({"from_job": pupil, "name": "tiny"})["id"]
        yield Chain(maker, small, pupil, tiny)


@pytest.fixture
def reader(visit: Visit, chain: Chain) -> Visitor:
    """Somebody in the project of the chain."""
    return visit(project=PROJECT, **WIDE)


def row(page: Page, name: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def weights(folder: Path, name: str, **options: Any) -> Path:
    """A file as a user would send it."""
    torch.manual_seed(0)
    save_file(models.build(name, num_classes=10, **options).state_dict(), folder / f"{name}.safetensors")
    return folder / f"{name}.safetensors"


def bring_file(page: Page, file: Path, name: str, architecture: str) -> None:
    page.get_by_role("radio", name=re.compile("^Files")).check()
    page.locator("input[type=file]").first.set_input_files(file)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Architecture").fill(architecture)
    page.get_by_label("Architecture").press("Tab")
    expect(page.get_by_label("width")).to_be_visible()
    page.get_by_role("button", name="Bring it").click()


def test_the_list_says_what_each_model_is_and_finds_one_by_its_name(reader: Visitor) -> None:
    page = reader.sign_in("/models")
    small = row(page, "small")
    for words in ("Ready", "resnet8", "weights", "Classification", "of the first job"):
        expect(small).to_contain_text(words)
    expect(small).to_contain_text(re.compile(r"\d\.\d\u00a0k"))  # parameters
    page.get_by_label("Name or id begins with").fill("ti")
    expect(page.get_by_role("link", name="tiny")).to_be_visible()
    expect(small).to_have_count(0)
    expect(page).to_have_url(re.compile(r"q=ti$"))
    page.get_by_label("Filter by task").select_option("regression")
    expect(page.get_by_role("heading", name="No model fits this filter")).to_be_visible()
    reader.check_quiet()


def test_the_student_of_a_job_is_kept_by_the_form_and_shows_what_its_job_measured(
    reader: Visitor, chain: Chain
) -> None:
    page = reader.sign_in(f"/models?new=1&job={chain.maker}")
    expect(page.get_by_label("Job", exact=True)).to_have_value(chain.maker)
    page.get_by_role("button", name="Bring it").click()
    expect(page.get_by_text("String should have at least 1 character")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.get_by_label("Name", exact=True).fill("kept by hand")
    page.get_by_role("button", name="Bring it").click()
    expect(page.get_by_role("heading", name="kept by hand", level=1)).to_be_visible()
    score = reader.client.job(chain.maker)["result"]["models"]["student"]["score"]
    expect(page.get_by_text(f"Test accuracy {100 * score:.1f}\u00a0%")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="weights.safetensors").click()
    assert download.value.suggested_filename == "weights.safetensors"


def test_files_are_sent_looked_at_live_and_refused_in_words(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.sign_in("/models?new=1")
    bring_file(page, weights(tmp_path, "resnet14"), "misnamed", "resnet8")
    expect(page.get_by_role("heading", name="misnamed", level=1)).to_be_visible()
    page.evaluate("window.here = true")
    expect(page.get_by_role("heading", name="Version 1 was refused")).to_be_visible(timeout=TRAINING_MS)
    expect(page.get_by_role("alert")).to_contain_text("does not fit resnet8")
    assert page.evaluate("window.here")
    page.get_by_role("link", name="New version").click()
    page.get_by_role("radio", name=re.compile("^Files")).check()
    page.locator("input[type=file]").first.set_input_files(weights(tmp_path, "resnet8", in_channels=1))
    page.get_by_label("Architecture").fill("resnet8")
    page.get_by_label("Architecture").press("Tab")
    page.get_by_label("in_channels").fill("1")
    page.get_by_role("button", name="Bring it").click()
    expect(page.locator(".titleline")).to_contain_text("Ready", timeout=TRAINING_MS)
    expect(page.get_by_text("Nothing is missing, nothing left over.")).to_be_visible()
    expect(page.get_by_label("Where it comes from").get_by_text("resnet8.safetensors")).to_be_visible()
    visitor.check_quiet()


def test_what_is_wrong_with_an_order_is_said_at_its_field(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.sign_in("/models?new=1&from=files")
    page.get_by_label("Mean by channel").fill("0.5, grey")
    page.get_by_text("More options").click()
    page.get_by_label("Other options as JSON").fill("{rename: []}")
    bring_file(page, weights(tmp_path, "resnet8"), "wrong", "resnet8")
    expect(page.get_by_label("Other options as JSON")).to_be_focused()
    expect(page.get_by_text("This is no JSON")).to_be_visible()
    page.get_by_label("Other options as JSON").fill('{"rename": [{"find": ""}]}')
    page.get_by_role("button", name="Bring it").click()
    expect(page.get_by_label("Mean by channel")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[data-pointer='/mean'] .error")).to_contain_text("valid number")
    expect(page.get_by_role("alert").filter(has_text="/rename/0/find")).to_be_visible()
    assert list(visitor.client.models()) == []


def test_an_alias_is_set_moved_and_removed(reader: Visitor, chain: Chain) -> None:
    model = reader.client.create_model({"from_job": chain.maker, "name": "named"})["id"]
    reader.client.create_model_version(model, {"from_job": chain.pupil})
    page = reader.sign_in(f"/models/{model}?version=1")
    for number in (1, 2):
        page.get_by_role("button", name=f"Set an alias of version {number}").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Alias", exact=True).fill("Champion")
        dialog.get_by_role("button", name="Set alias").click()
        expect(dialog.locator(".error")).to_contain_text("should match pattern")
        dialog.get_by_label("Alias", exact=True).fill("champion")
        dialog.get_by_role("button", name="Set alias").click()
        expect(row(page, f"Version {number}")).to_contain_text("champion")
    expect(row(page, "Version 1")).not_to_contain_text("champion")
    page.get_by_role("button", name="Delete version 2").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the version").click()
    expect(page.get_by_text("Alias 'champion' names version 2")).to_be_visible()
    page.get_by_role("button", name="Remove the alias champion").click()
    expect(row(page, "Version 2")).not_to_contain_text("champion")
    assert reader.client.model(model)["aliases"] == {}


def test_the_lineage_is_a_graph_of_links_and_the_same_in_words(reader: Visitor, chain: Chain) -> None:
    page = reader.sign_in(f"/models/{chain.small}")
    graph = page.get_by_label("Where it comes from")
    expect(graph.locator("[aria-current]")).to_contain_text("small v1")
    names = [name.split("\n")[-1] for name in graph.get_by_role("listitem").all_inner_texts()]
    assert names.index("maker") < names.index("small v1") < names.index("pupil") < names.index("tiny v1")
    boxes = {name: graph.get_by_text(name, exact=True).bounding_box() for name in ("maker", "small v1", "pupil")}
    lefts = [box["x"] for box in boxes.values() if box]
    assert lefts == sorted(lefts)
    assert len(set(lefts)) == 3
    expect(graph.locator("path.edge.teacher")).to_have_count(2)  # an architecture taught maker, small taught pupil
    expect(page.get_by_text("taught by small v1")).to_be_visible()
    link = graph.get_by_role("link", name="tiny v1")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="tiny", level=1)).to_be_visible()
    reader.check_quiet()


def test_a_teacher_s_figures_at_the_gate_stand_on_its_page(reader: Visitor, chain: Chain) -> None:
    figures = reader.client.job(chain.pupil)["result"]["resolved"]["gate"]["teacher"]
    page = reader.sign_in(f"/models/{chain.small}")
    judged = page.get_by_role("row").filter(has=page.get_by_role("link", name="pupil", exact=True))
    expect(judged).to_contain_text("Passed" if figures["passed"] else "Warned of")
    expect(judged).to_contain_text(f"{100 * figures['value']:.1f}\u00a0%")
    expect(judged).to_contain_text(f"{100 * figures['calibration_error']:.1f}\u00a0%")
    judged.get_by_text("lowest recall").click()
    expect(judged.get_by_role("table").get_by_role("row")).to_have_count(11)
    expect(page.get_by_role("link", name="Use as teacher")).to_have_attribute("href", f"/new?teacher={chain.small}")
    reader.check_quiet()


def test_a_change_on_what_somebody_else_has_changed_is_refused(reader: Visitor, chain: Chain) -> None:
    model = reader.client.create_model({"from_job": chain.maker, "name": "shared"})["id"]
    page = reader.sign_in(f"/models/{model}")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    reader.client.change_model(model, licence="MIT")
    dialog.get_by_label("Name").fill("renamed")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert").filter(has_text="read it again")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Licence: MIT")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Name").fill("renamed")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="renamed", level=1)).to_be_visible()


def test_a_model_is_deleted_when_no_job_waits_for_it(reader: Visitor, chain: Chain) -> None:
    model = reader.client.create_model({"from_job": chain.maker, "name": "wanted"})["id"]
    waits = reader.client.submit({**QUICK, "teacher": {"id": model}, "resources": {"device": "cuda"}})["id"]
    page = reader.sign_in(f"/models/{model}")
    for forbidden in (True, False):
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Delete the model").click()
        if forbidden:
            expect(page.get_by_text(f"is used by {waits}")).to_be_visible()
            reader.client.cancel(waits)
    expect(page.get_by_role("heading", name="Models", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="wanted")).to_have_count(0)


def test_a_key_that_may_only_read_is_offered_nothing_else_and_a_phone_shows_it_all(visit: Visit, chain: Chain) -> None:
    visitor = visit("jobs:read", project=PROJECT, viewport={"width": 360, "height": 740})
    page = visitor.sign_in(f"/models/{chain.small}")
    expect(page.get_by_role("heading", name="Files")).to_be_visible()
    for words in ("Set alias", "Delete", "Edit"):
        expect(page.get_by_role("button", name=words)).to_have_count(0)
    expect(page.get_by_role("link", name="Use as teacher")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("navigation").get_by_role("link", name="Models").click()
    expect(page.get_by_role("link", name="tiny", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Bring a model")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    visitor.check_quiet()
