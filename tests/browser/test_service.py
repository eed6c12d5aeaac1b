"""The pages about the service itself: who works, who is told, who may do what, and who did."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from browsing import LONG, TRAINING_MS, Visit, Visitor
from playwright.sync_api import Locator, Page, Route, expect
from receiver import Receiver

from distillery import ApiError, Client
from store import workers
from store.database import Database
from store.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GPU_BOX: dict[str, Any] = {
    "host": "gpu-box",
    "pid": 4711,
    "versions": {"python": "3.11.7", "torch": "2.14.1"},
    "device": {"cpu": "EPYC", "cpus": 16, "gpus": ["NVIDIA H100"]},
    "gpus": [{"model": "NVIDIA H100", "used": 12 * 10**9, "total": 80 * 10**9}],
    "memory": {"total": 128 * 10**9, "available": 96 * 10**9, "worker": 10**8, "engines": 10**9},
    "disk_free": 640 * 10**9,
    "slots": [{"job": "job_of_somebody_else", "standby": "warming"}, {"job": None, "standby": "warm"}],
    "jobs": ["job_of_somebody_else"],
    "resource_classes": ["gpu-64g"],
    "draining": True,
}


def rows(page: Page) -> Locator:
    return page.locator("main tbody tr:not([aria-hidden])")


def test_a_class_that_nobody_serves_says_which_jobs_wait_and_what_to_start(visitor: Visitor) -> None:
    visitor.submit(name="wants a card", resources={"device": "cuda", "needs_gb": 20})
    page = visitor.sign_in("/workers")
    warning = page.locator(".notice.warn", has_text="gpu-32g")
    expect(warning).to_contain_text("A job waits for a worker of the class gpu-32g, and there is none")
    expect(warning.get_by_role("link", name="wants a card")).to_be_visible()
    expect(warning.locator("code")).to_have_text("DISTILLERY_RESOURCE_CLASSES=gpu-32g distill worker")
    expect(rows(page).filter(has_text="gpu-32g")).to_contain_text("nobody")
    expect(rows(page).filter(has=page.get_by_text("cpu", exact=True))).to_be_visible()
    visitor.check_quiet()


def test_a_worker_is_shown_with_its_cards_and_slots_and_its_going_is_announced(visitor: Visitor) -> None:
    settings = Settings(home=visitor.site.service.home.path)
    database = Database(settings.database_url)
    with database.write() as session:
        workers.heartbeat(session, "wrk_gpu_box", GPU_BOX)
    page = visitor.sign_in("/workers")
    box = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="gpu-box"))
    expect(box).to_contain_text("Leaving: it takes no more jobs")
    expect(box.get_by_role("progressbar", name="NVIDIA H100")).to_have_attribute("aria-valuenow", "15")
    expect(box).to_contain_text(re.compile(r"12\s+GB of 80\s+GB used"))
    expect(box).to_contain_text("a job of another project")
    expect(box).to_contain_text("free, engine warm")
    with database.write() as session:
        workers.leave(session, "wrk_gpu_box")
    expect(box).to_have_count(0)
    expect(page.locator("#announcer")).to_have_text("The worker on gpu-box has gone")
    database.close()
    visitor.check_quiet()


def test_a_slot_shows_its_job_and_the_hours_of_an_attempt_are_counted(visitor: Visitor) -> None:
    job = visitor.submit(**LONG)
    page = visitor.sign_in("/workers")
    slot = page.locator(".slots li").filter(has=page.get_by_role("link", name="long"))
    expect(slot).to_contain_text("Running", timeout=TRAINING_MS)
    expect(slot.get_by_role("progressbar", name="Progress of long")).to_be_visible()
    visitor.client.cancel(job)
    expect(slot).to_have_count(0, timeout=60_000)
    page.reload()
    chart = page.locator(".chart")
    chart.scroll_into_view_if_needed()
    expect(chart.locator(".plot[data-drawn]")).to_be_visible()
    chart.get_by_text("Figures").click()
    expect(chart.get_by_role("row").last).to_contain_text("1")
    visitor.check_quiet()


def test_who_operates_the_service_sets_quotas_and_is_told_at_the_field_what_is_none(visitor: Visitor) -> None:
    page = visitor.sign_in("/workers")
    page.get_by_role("button", name=f"Quotas of “{visitor.project}”").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Jobs at once").fill("many")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_label("Jobs at once")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_role("alert").filter(has_text="valid")).to_be_visible()
    dialog.get_by_label("Jobs at once").fill("3")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".quotas")).to_contain_text("of 3 at most")
    row = rows(page).filter(has_text=visitor.project)
    expect(row.locator(".quota").first).to_have_text("3")


def test_a_key_is_shown_once_works_until_it_is_revoked_and_says_its_faults_at_their_fields(visitor: Visitor) -> None:
    page = visitor.sign_in("/keys")
    page.get_by_role("button", name="New key").click()
    for scope in ("jobs:read", "jobs:write"):
        page.get_by_label(scope).uncheck()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_role("group", name="Scopes").get_by_role("alert")).to_contain_text("at least 1")
    page.get_by_label("Name").fill("notebook")
    page.get_by_label("jobs:read").check()
    page.get_by_role("button", name="Make the key").click()
    shown = page.get_by_role("dialog", name="The key “notebook”")
    key = shown.locator("code").inner_text()
    page.keyboard.press("Escape")
    shown.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_text(key)).to_have_count(0)
    row = rows(page).filter(has_text="notebook")
    expect(row).to_contain_text("Works")
    with Client(visitor.site.url, key) as client:
        assert list(client.jobs()) == []
        row.get_by_role("button", name="Revoke").click()
        page.get_by_role("button", name="Revoke the key").click()
        expect(row).to_contain_text("Revoked")
        expect(row.get_by_role("button")).to_have_count(0)
        with pytest.raises(ApiError, match="revoked"):
            list(client.jobs())


def test_the_key_of_this_session_is_rotated_with_a_warning_and_never_revoked_here(visitor: Visitor) -> None:
    page = visitor.sign_in("/keys")
    own = rows(page).filter(has_text="signed in here")
    expect(own.get_by_role("button")).to_have_text(["Rotate"])
    own.get_by_role("button", name="Rotate").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("When it ends, so does this session")
    dialog.get_by_label("The old key works for").select_option("1 hour")
    dialog.get_by_role("button", name="Rotate").click()
    page.get_by_role("button", name="I have kept it").click()
    expect(rows(page)).to_have_count(2)
    expect(own).to_contain_text("Ends in 59")
    visitor.check_quiet()


def test_nobody_is_offered_a_scope_or_a_key_beyond_their_own(visitor: Visitor, visit: Visit) -> None:
    page = visit("admin", project=visitor.project).sign_in("/keys")
    expect(rows(page)).to_have_count(2)
    stronger = rows(page).filter(has_text="operate")
    expect(stronger.get_by_role("button")).to_have_text(["Revoke"])
    page.get_by_role("button", name="New key").click()
    expect(page.get_by_role("checkbox")).to_have_count(3)
    expect(page.get_by_label("operate")).to_have_count(0)


def make_endpoint(page: Page, url: str) -> str:
    """Fill in the form; the secret that it shows."""
    page.get_by_role("button", name="New endpoint").click()
    page.get_by_label("Address").fill("https://10.0.0.1/hook")
    page.get_by_label("Name").fill("line 3")
    page.get_by_role("button", name="Make the endpoint").click()
    expect(page.get_by_role("dialog").get_by_role("alert").filter(has_text="no public address")).to_be_visible()
    page.get_by_label("Address").fill(url)
    page.get_by_role("button", name="Make the endpoint").click()
    secret = page.get_by_role("dialog", name="The secret of “line 3”").locator("code").inner_text()
    page.get_by_role("button", name="I have kept it").click()
    return secret


def test_an_endpoint_is_tried_and_its_message_is_shown_with_what_it_said(visitor: Visitor) -> None:
    with Receiver() as receiver:
        page = visitor.sign_in("/webhooks")
        expect(page.get_by_text("No endpoints yet")).to_be_visible()
        secret = make_endpoint(page, receiver.url())
        page.get_by_role("button", name="Send a test").click()
        row = rows(page).first
        expect(row).to_contain_text("Delivered")
        expect(row.locator(".answer")).to_contain_text("204")
        [message] = receiver.came
        assert message.is_signed_by(secret)
        row.get_by_role("button", name="Details").click()
        shown = page.get_by_role("dialog").locator("pre").inner_text()
        assert json.loads(shown) == json.loads(message.body)
        page.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Webhooks").first.click()
    expect(rows(page).first).to_contain_text("Delivered")


def test_an_endpoint_that_is_gone_says_so_and_hears_again_when_it_is_turned_on(visitor: Visitor) -> None:
    with Receiver(answers=[(410, {})]) as receiver:
        page = visitor.sign_in("/webhooks")
        make_endpoint(page, receiver.url())
        page.get_by_role("button", name="Send a test").click()
        expect(page.locator("main .notice.warn")).to_contain_text("answered 410 Gone")
        expect(rows(page).first).to_contain_text("Given up")
        expect(page.get_by_role("button", name="Send a test")).to_have_count(0)
        page.get_by_role("button", name="Turn on").click()
        rows(page).first.get_by_role("button", name="Send again").click()
        expect(rows(page).first).to_contain_text("Delivered")
        expect(rows(page).first.locator(".tries")).to_have_text("2")
        page.get_by_label("Show messages by state").select_option("Given up")
        expect(page.get_by_text("No message has this state")).to_be_visible()
        assert "status=failed" in page.url
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Delete the endpoint").click()
        expect(page.get_by_text("No endpoints yet")).to_be_visible()


def test_the_audit_log_is_sieved_by_the_address_and_leads_to_what_was_changed(visitor: Visitor) -> None:
    job = visitor.submit(**LONG)
    visitor.client.cancel(job)
    visitor.client.create_api_key("notebook", ["jobs:read"])
    page = visitor.sign_in("/audit")
    expect(rows(page)).to_have_count(3)
    page.get_by_label("What").select_option("Job cancelled")
    expect(rows(page)).to_have_count(1)
    assert page.url.endswith("/audit?action=job.cancel")
    page.reload()
    expect(page.get_by_label("What")).to_have_value("job.cancel")
    expect(rows(page).first.get_by_role("link")).to_have_attribute("href", f"/jobs/{job}")
    page.get_by_label("What").select_option("All")
    page.get_by_label("Target").fill(job)
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Until").fill("2020-01-01")
    expect(page.get_by_text("Nothing was changed that fits")).to_be_visible()
    page.get_by_role("link", name="Show everything").click()
    expect(rows(page)).to_have_count(3)
    visitor.check_quiet()


def test_no_page_of_the_service_is_wider_than_a_narrow_screen(visit: Visit) -> None:
    visitor = visit(viewport={"width": 360, "height": 740})
    with Receiver() as receiver:
        visitor.client.create_webhook(receiver.url(f"/{'long' * 40}"), name="a" * 60)
    visitor.submit(name="wants a card", resources={"device": "cuda", "needs_gb": 20})
    page = visitor.sign_in("/workers")
    for path in ("/workers", "/webhooks", "/keys", "/audit"):
        page.goto(visitor.site.url + path)
        expect(rows(page).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path
    page.goto(f"{visitor.site.url}/webhooks")
    page.get_by_role("link", name="a" * 60).click()
    expect(page.get_by_role("button", name="Send a test")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    visitor.check_quiet()


def test_an_order_sent_again_is_one_order_and_a_new_one_once_it_was_taken(visitor: Visitor) -> None:
    page = visitor.sign_in("/keys")
    lost = iter([True])

    def lose_the_first_answer(route: Route) -> None:
        answer = route.fetch()
        route.abort() if next(lost, False) else route.fulfill(response=answer)

    page.route("**/v1/api_keys", lambda route: lose_the_first_answer(route) if _is_post(route) else route.continue_())
    made = page.evaluate("""async () => {
      const { once } = await import("/js/net/once.js");
      const order = once();
      const send = () => order("/v1/api_keys", { name: "same", scopes: ["jobs:read"] });
      const lost = await send().then(() => "", (problem) => problem.code);
      return [lost, (await send()).id, (await send()).id];
    }""")
    names = [key["id"] for key in visitor.client.api_keys() if key["name"] == "same"]
    assert made[0] == "offline"
    assert sorted(made[1:]) == sorted(names)


def _is_post(route: Route) -> bool:
    return route.request.method == "POST"
