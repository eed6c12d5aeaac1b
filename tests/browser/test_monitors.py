"""The page of a finished job tells what became of its student on new data, and offers what to do about it."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audit import findings
from browsing import SPEC, TRAINING_MS, Visit, Visitor, wait_for
from playwright.sync_api import expect
from sklearn.datasets import load_digits

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SMALL: dict[str, Any] = {
    **SPEC,
    "name": "digits alone",
    "dataset": {"name": "digits", "limit": 300},
    "teacher": None,
    "method": "student-alone",
    "training": {"epochs": 2, "batch_size": 32},
    "deliver": ["safetensors"],
}


def inverted(folder: Path) -> Path:
    """Digits in black on white, as an archive of NumPy."""
    digits = load_digits()
    pictures = 255 - np.clip(digits.images * 16, 0, 255).astype(np.uint8)[:400, None]
    file = io.BytesIO()
    np.savez(file, x=pictures, y=digits.target[:400])
    path = folder / "digits.npz"
    path.write_bytes(file.getvalue())
    return path


def ready(visitor: Visitor, folder: Path) -> str:
    """A dataset of them that was looked at."""
    upload = visitor.client.upload(inverted(folder))
    order = {"name": "line 3", "format": "npz", "inputs": "x", "targets": "y", "source": {"uploads": [upload["id"]]}}
    dataset = visitor.client.create_dataset(order)["id"]
    job = visitor.client.wait(visitor.client.dataset_version(dataset, 1)["job_id"])
    assert job["status"] == "succeeded", job["error"]
    return str(dataset)


def test_a_drift_is_drawn_told_in_figures_and_answered_with_one_press(visit: Visit, tmp_path: Path) -> None:
    visitor = visit(viewport={"width": 1280, "height": 900})
    client = visitor.client
    spec = {name: value for name, value in SMALL.items() if value is not None}
    job = client.wait(client.submit(spec)["id"])
    assert job["status"] == "succeeded", job["error"]
    dataset = ready(visitor, tmp_path)

    page = visitor.sign_in(f"/jobs/{job['id']}")
    part = page.locator("#again")
    part.scroll_into_view_if_needed()
    expect(part).to_contain_text("Nobody measures this student on new data yet.")
    part.get_by_text("Monitor this job").click()
    expect(part.get_by_label("Dataset that new data come to")).to_have_value(dataset)
    part.get_by_label("Measure every so many hours").fill("24")
    part.get_by_label("After a drift, propose a new distillation").check()
    part.get_by_role("button", name="Monitor", exact=True).click()

    expect(part.locator(".monitor h3")).to_have_text("line 3")
    expect(part.locator(".monitor .badge")).to_have_text("Drifted", timeout=TRAINING_MS)
    part.locator(".monitor .chart").scroll_into_view_if_needed()
    expect(part.locator(".plot[data-drawn]")).to_be_visible()
    expect(part.locator(".chart h4")).to_contain_text("more than 2× is a drift")
    expect(part.locator(".facts")).to_contain_text("own test split")
    part.get_by_text("Figures").click()
    expect(part.locator(".chart table tbody tr")).to_have_count(1)
    expect(part.locator(".chart table")).to_contain_text("Drifted")
    assert findings(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    wait_for(page, "document.documentElement.scrollWidth <= 360")
    page.set_viewport_size({"width": 1280, "height": 900})

    before = page.url
    part.get_by_role("button", name="Submit the new distillation").click()
    until = time.monotonic() + 20
    while page.url == before and time.monotonic() < until:
        page.wait_for_timeout(50)
    made = client.job(page.url.rpartition("/")[2])
    assert made["dataset"] == "line 3"
    assert made["name"] == "digits alone, anew"
    assert len(list(client.monitors(job=job["id"]))) == 1
    visitor.check_quiet()
