"""The states of a pilot: who may decide when, exactly once, and what a roll-back and a retry put back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy.orm import Session
from storing import make_job

from store import jobs, pilots, studies, studyruns
from store.audit import Actor
from store.database import Database, now
from store.errors import Conflict
from store.models import Job, JobState, Study, StudyRun, StudyState
from store.projects import ensure_project

GO: dict[str, Any] = {"outcome": "go", "code": "gain", "reason": "it gains", "plans": {}}
NO_GO: dict[str, Any] = {"outcome": "no-go", "code": "not_sure", "reason": "it may be luck", "plans": {}}
ARMS = {"alone (quick)", "hinton (quick)"}


@pytest.fixture
def study_id(db: Database) -> str:
    with db.write() as session:
        project = ensure_project(session, "default").id
        documents: dict[str, Any] = {"spec": {}, "plan": {}}
        return studies.create_study(session, project, kind="pilot", name="p", question="", **documents).id


def change(db: Database, study_id: str, act: Callable[[Session, Study], object]) -> None:
    with db.write() as session:
        act(session, session.get_one(Study, study_id))


def look(db: Database, study_id: str) -> Study:
    with db.read() as session:
        found = session.get_one(Study, study_id)
        session.expunge(found)
        return found


def decide(db: Database, study_id: str, decision: dict[str, Any] = GO) -> None:
    change(db, study_id, lambda session, study: pilots.decide(session, study, decision))


def approve(db: Database, study_id: str, **told: Any) -> None:
    by = Actor(look(db, study_id).project_id, key_name="ada")
    change(db, study_id, lambda session, study: pilots.approve(session, study, "quick", by, arms=ARMS, **told))


def roll_back(db: Database, study_id: str) -> None:
    by = Actor(look(db, study_id).project_id, key_name="ada")
    change(db, study_id, lambda session, study: pilots.roll_back(session, study, by, arms=ARMS))


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Conflict) as caught:
        act()
    return caught.value.code


def row(db: Database, study_id: str, arm: str, seed: int, status: JobState) -> str:
    """A place whose job has this state. Gives the job."""
    job_id = make_job(db)
    with db.write() as session:
        job = session.get_one(Job, job_id)
        studies.add_run(session, session.get_one(Study, study_id), arm, seed, job)
        if status is JobState.CANCELLED:
            jobs.cancel_job(session, job)
        elif status is not JobState.QUEUED:
            run = session.get_one(StudyRun, (study_id, arm, seed))
            job.status, run.status, run.ended_at = status, status, now(session)
    return job_id


def test_a_pilot_waits_once_it_has_decided_and_runs_once_it_is_approved(db: Database, study_id: str) -> None:
    assert refusal(lambda: approve(db, study_id)) == "not_waiting"
    decide(db, study_id)
    waiting = look(db, study_id)
    assert (waiting.status, waiting.waits_for) == (StudyState.WAITING, pilots.APPROVAL)
    decide(db, study_id)  # the same decision is nobody's deed
    assert look(db, study_id).version == waiting.version
    approve(db, study_id)
    running = look(db, study_id)
    assert (running.status, running.waits_for, running.version > waiting.version) == (StudyState.RUNNING, None, True)
    approval = pilots.approval_of(running)
    assert approval is not None
    assert (approval["plan"], approval["by"]) == ("quick", "ada")
    assert refusal(lambda: approve(db, study_id)) == "not_waiting"


def test_a_no_go_needs_to_be_meant(db: Database, study_id: str) -> None:
    decide(db, study_id, NO_GO)
    assert refusal(lambda: approve(db, study_id)) == "no_go"
    assert look(db, study_id).status == StudyState.WAITING
    approve(db, study_id, despite_no_go=True)
    assert look(db, study_id).status == StudyState.RUNNING


@pytest.mark.parametrize("end", [StudyState.RUNNING, StudyState.SUCCEEDED, StudyState.FAILED, StudyState.CANCELLED])
def test_a_roll_back_returns_to_the_pilots_decision_from_wherever_the_plan_was(
    db: Database, study_id: str, end: StudyState
) -> None:
    decide(db, study_id)
    assert refusal(lambda: roll_back(db, study_id)) == "nothing_approved"
    approve(db, study_id)
    row(db, study_id, "hinton (quick)", 3, JobState.SUCCEEDED)
    lost = row(db, study_id, "alone (quick)", 3, JobState.CANCELLED)
    if end != StudyState.RUNNING:
        change(db, study_id, lambda session, study: studies.move(session, study, end, None))
    roll_back(db, study_id)
    back = look(db, study_id)
    assert (back.status, back.waits_for, back.finished_at) == (StudyState.WAITING, pilots.APPROVAL, None)
    assert (pilots.decision_of(back), pilots.approval_of(back)) == (GO, None)
    assert [entry["did"] for entry in (back.pilot or {})["history"]] == ["decided", "approved", "rolled_back"]
    approve(db, study_id)
    with db.read() as session:
        again = session.get_one(StudyRun, (study_id, "alone (quick)", 3))
        assert studyruns.waits_again(again)
        assert again.job_id == lost
        assert not studies.has_run(session, study_id, "alone (quick)", 3)
        assert studies.has_run(session, study_id, "hinton (quick)", 3)
        assert studies.counts_of(session, [study_id])[study_id] == {"queued": 1, "succeeded": 1}


def test_nothing_is_approved_or_rejected_while_jobs_of_a_plan_that_was_rolled_back_are_open(
    db: Database, study_id: str
) -> None:
    decide(db, study_id)
    row(db, study_id, "hinton (quick)", 3, JobState.QUEUED)
    by = Actor(look(db, study_id).project_id)
    assert refusal(lambda: approve(db, study_id)) == "still_cancelling"
    reject = partial(pilots.reject, by=by)
    assert refusal(lambda: change(db, study_id, reject)) == "still_cancelling"


def test_a_study_that_has_ended_runs_again_for_its_lost_jobs_alone(db: Database, study_id: str) -> None:
    row(db, study_id, "a", 0, JobState.SUCCEEDED)
    failed = row(db, study_id, "a", 1, JobState.FAILED)
    row(db, study_id, "given up", 0, JobState.FAILED)
    told = {"reason": "", "seeds": 1}

    def end(session: Session, study: Study) -> None:
        study.stopped = {"given up": {"code": "gave_up", **told}, "b": {"code": "no_teacher", **told}}
        studies.move(session, study, StudyState.FAILED, None)

    change(db, study_id, end)
    retry = partial(studies.retry_study, arms={"a", "b", "given up"})
    change(db, study_id, retry)
    again = look(db, study_id)
    assert (again.status, again.finished_at, set(again.stopped)) == (StudyState.RUNNING, None, {"given up"})
    with db.read() as session:
        marked = {run.arm: run for run in studies.runs_of(session, study_id) if studyruns.waits_again(run)}
        assert {name: run.job_id for name, run in marked.items()} == {"a": failed}
    assert refusal(lambda: change(db, study_id, retry)) == "nothing_to_retry"
    with db.write() as session:
        new = jobs.retry_job(session, session.get_one(Job, failed))
        run = session.get_one(StudyRun, (study_id, "a", 1))
        assert (run.job_id, run.ended_at, studyruns.waits_again(run)) == (new.id, None, False)
    change(db, study_id, lambda session, study: studies.cancel_study(session, study))
    assert refusal(lambda: change(db, study_id, retry)) == "still_cancelling"


def test_a_row_whose_job_is_gone_is_free_for_a_new_one(db: Database, study_id: str) -> None:
    def fail(session: Session, study: Study) -> None:
        studies.add_failure(session, study, "a", 0, {"code": "x", "message": "y"})

    change(db, study_id, fail)
    change(db, study_id, lambda session, study: studies.retry_study(session, study, {"a"}))
    with db.read() as session:
        assert studies.runs_of(session, study_id) == []
