"""The page of a job that looks at what somebody brought: it shows how that goes, and complains of nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import TRAINING_MS, Visitor
from pictures import two_classes
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_an_inspection_is_shown_to_its_end_and_is_not_among_the_jobs(visitor: Visitor, tmp_path: Path) -> None:
    for name, data in two_classes().items():
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    upload = visitor.client.upload(tmp_path / "scans")
    order = {"name": "looked at", "format": "image-folder", "source": {"uploads": [upload["id"]]}}
    dataset = visitor.client.create_dataset(order)
    job = visitor.client.dataset_version(dataset["id"], 1)["job_id"]
    page = visitor.sign_in(f"/jobs/{job}")
    expect(page.get_by_role("heading", name="looked at")).to_be_visible()
    expect(page.locator(".titleline")).to_contain_text("Succeeded", timeout=TRAINING_MS)
    expect(page.get_by_role("link", name="train/inputs.npy")).to_be_visible()
    page.goto(f"{visitor.site.url}/jobs")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("looked at")).to_have_count(0)
    visitor.check_quiet()
