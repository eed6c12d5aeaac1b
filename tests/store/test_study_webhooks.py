"""Who listens is told of a study once for each state that it comes to, with that state and not without it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from store import pilots, studies, webhooks
from store.audit import Actor
from store.database import Database, now
from store.models import Study, StudyState, WebhookDelivery
from store.projects import ensure_project

GO: dict[str, Any] = {"outcome": "go", "code": "gain", "reason": "it gains", "plans": {}}
NO_GO: dict[str, Any] = {"outcome": "no-go", "code": "harm", "reason": "it harms", "plans": {}}
SECRET = "s3://key:word@bucket"

Act = Callable[[Session, Study], object]


@pytest.fixture
def study_id(db: Database) -> str:
    """A pilot in a project with an endpoint that listens to studies and one that listens to jobs alone."""
    with db.write() as session:
        project = ensure_project(session, "default").id
        webhooks.create_endpoint(session, project, "studies", "https://example.com", webhooks.TOLD_OF_STUDIES.values())
        webhooks.create_endpoint(session, project, "jobs", "https://example.com", ["job.failed"])
        documents: dict[str, Any] = {"spec": {"source": SECRET}, "plan": {"source": SECRET}}
        return studies.create_study(session, project, kind="pilot", name="worth it?", question="", **documents).id


def change(db: Database, study_id: str, *acts: Act) -> None:
    with db.write() as session:
        for act in acts:
            act(session, session.get_one(Study, study_id))


def to(state: StudyState, reason: str | None = None) -> Act:
    return lambda session, study: studies.move(session, study, state, reason)


def decided(decision: dict[str, Any]) -> Act:
    return lambda session, study: pilots.decide(session, study, decision)


def approved(session: Session, study: Study) -> None:
    pilots.approve(session, study, "quick", Actor(study.project_id), arms=())


def failed_place(session: Session, study: Study) -> None:
    studies.add_failure(session, study, "a", 0, {"code": "x", "message": SECRET})


def told(db: Database) -> list[dict[str, Any]]:
    """What waits to be sent, in the order in which the study came to it."""
    with db.read() as session:
        found = [one.payload for one in session.scalars(select(WebhookDelivery))]
    return sorted(found, key=lambda payload: int(payload["data"]["version"]))


def types(db: Database) -> list[str]:
    return [payload["type"] for payload in told(db)]


@pytest.mark.parametrize("end", [StudyState.SUCCEEDED, StudyState.FAILED, StudyState.CANCELLED])
def test_an_end_is_told_once_with_what_the_study_came_to(db: Database, study_id: str, end: StudyState) -> None:
    change(db, study_id, failed_place, to(end, "so it came"))
    change(db, study_id, to(end, "again"))
    (message,) = told(db)
    with db.read() as session:
        study = session.get_one(Study, study_id)
    assert message["type"] == f"study.{end}"
    assert message["data"] == {
        "object": "study",
        "id": study_id,
        "project_id": study.project_id,
        "kind": "pilot",
        "name": "worth it?",
        "status": end,
        "reason": "so it came",
        "version": 2,
        "counts": {"failed": 1},
    }
    assert SECRET not in json.dumps(message)


def test_a_state_that_is_not_kept_is_not_told(db: Database, study_id: str) -> None:
    class Lost(Exception):
        pass

    def lose(session: Session, study: Study) -> None:
        raise Lost

    with pytest.raises(Lost):
        change(db, study_id, to(StudyState.SUCCEEDED), lose)
    with db.read() as session:
        assert session.get_one(Study, study_id).status == StudyState.RUNNING
    assert told(db) == []


def test_of_two_that_lead_a_study_to_its_end_only_the_later_one_tells(db: Database, study_id: str) -> None:
    def take_it() -> studies.Held:
        with db.write() as session:
            session.get_one(Study, study_id).next_at = now(session)
            session.flush()
            held = studies.take(session)
            assert held is not None
            return held

    def end(held: studies.Held) -> bool:
        with db.write() as session:
            study = studies.hold(session, held)
            if study is not None:
                studies.move(session, study, StudyState.SUCCEEDED, "completed")
            return study is not None

    first, second = take_it(), take_it()
    assert (end(second), end(first)) == (True, False)
    assert types(db) == ["study.succeeded"]


def test_a_pilot_tells_whenever_it_comes_to_wait_for_approval(db: Database, study_id: str) -> None:
    change(db, study_id, decided(GO))
    change(db, study_id, decided(GO))
    change(db, study_id, decided(NO_GO))  # it has waited already
    assert types(db) == ["study.waiting"]
    assert told(db)[0]["data"]["reason"] == "the pilot says go"
    change(db, study_id, decided(GO))
    change(db, study_id, approved)
    by = Actor(told(db)[0]["data"]["project_id"])
    change(db, study_id, lambda session, study: pilots.roll_back(session, study, by, arms=()))
    assert types(db) == ["study.waiting"] * 2
    assert told(db)[1]["data"]["reason"] == "plan quick was rolled back"
    change(db, study_id, lambda session, study: pilots.reject(session, study, by))
    last = told(db)[-1]
    assert (last["type"], last["data"]["reason"]) == ("study.cancelled", "rejected")


def test_neither_a_begun_study_nor_a_wish_to_cancel_it_is_told(db: Database, study_id: str) -> None:
    change(db, study_id, lambda session, study: studies.cancel_study(session, study))
    assert told(db) == []
    change(db, study_id, to(StudyState.CANCELLED, "cancelled"))
    assert types(db) == ["study.cancelled"]


def test_a_study_that_is_retried_tells_of_each_of_its_ends(db: Database, study_id: str) -> None:
    change(db, study_id, failed_place, to(StudyState.FAILED))
    change(db, study_id, lambda session, study: studies.retry_study(session, study, {"a"}))
    change(db, study_id, to(StudyState.SUCCEEDED))
    assert types(db) == ["study.failed", "study.succeeded"]
