"""Studies: created, listed, changed, cancelled, forgotten; and taken by whoever leads them on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from store import cursors, studyruns, webhooks
from store.database import clock, now
from store.errors import Conflict, Invalid, NotFound
from store.ids import is_id, new_id
from store.models import Job, Study, StudyRun, StudyState

TEACHER = ":"
"""How the places of shared teachers begin; no arm is called so."""
HOLD_SECONDS = 120.0
"""For so long nobody else leads a study on that somebody has begun to."""
LOOK_SECONDS = 30.0
"""How often a study is looked at though nothing has woken it."""
FINAL = frozenset({StudyState.SUCCEEDED, StudyState.FAILED, StudyState.CANCELLED})
WITHOUT_RUNS = ("no_teacher", "no_score")
"""Why arms were stopped that a retry may heal."""
_LAST_CHARACTER = "\U0010ffff"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """A study that nobody else leads on until ``until``."""

    study_id: str
    fence: int
    until: datetime


def create_study(
    session: Session, project_id: str, *, kind: str, name: str, question: str, spec: Json, plan: Json
) -> Study:
    """A new study, which somebody will look at at once.

    Args:
        spec, plan: JSON documents, as the user gave the one and ``kdcore.spec.studies`` made the other.
    """
    study = Study(
        id=new_id("std"),
        project_id=project_id,
        kind=kind,
        name=name,
        name_key=name.lower(),
        question=question,
        status=StudyState.RUNNING,
        spec=spec,
        plan=plan,
        stopped={},
        version=1,
        fence=0,
        next_at=now(session),
        created_at=now(session),
    )
    session.add(study)
    session.flush()
    return study


def get_study(session: Session, project_id: str, study_id: str) -> Study:
    """The study.

    Raises:
        NotFound: there is none of that id in the project.
    """
    study = session.get(Study, study_id) if is_id("std", study_id) else None
    if study is None or study.project_id != project_id:
        raise NotFound("study", study_id)
    return study


def list_studies(
    session: Session,
    project_id: str,
    *,
    limit: int = 20,
    after: str | None = None,
    status: Collection[str] = (),
    kind: str | None = None,
    q: str | None = None,
) -> cursors.Page[Study]:
    """A page of a project's studies, the newest first.

    Args:
        q: the beginning of an id or of a name, in any case.

    Raises:
        Invalid: a cursor, state or limit that cannot be used.
    """
    query = select(Study).where(Study.project_id == project_id)
    if unknown := set(status) - set(StudyState):
        raise Invalid("unknown_status", f"status: {min(unknown)!r} is not known; known: {', '.join(StudyState)}.")
    if status:
        query = query.where(Study.status.in_(sorted(status)))
    if kind is not None:
        query = query.where(Study.kind == kind)
    if q:
        column, start = (Study.id, q) if q.startswith("std_") else (Study.name_key, q.lower())
        query = query.where(column >= start, column < start + _LAST_CHARACTER)
    return cursors.walk(session, query, Study.created_at, Study.id, prefix="std", limit=limit, after=after)


def runs_of(session: Session, study_id: str) -> list[StudyRun]:
    """The places of a study's table that have had a job, as they are now; the oldest first.

    A job that has not ended tells its own state; a row whose job was deleted keeps what it came to.
    """
    query = select(StudyRun, Job.status).outerjoin(Job, Job.id == StudyRun.job_id)
    query = query.where(StudyRun.study_id == study_id).order_by(StudyRun.created_at, StudyRun.arm, StudyRun.seed)
    found = []
    for run, status in session.execute(query):
        session.expunge(run)  # what is shown is not written back
        if run.ended_at is None:
            run.status = status or "cancelled"
        found.append(run)
    return found


def counts_of(session: Session, study_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """How many jobs each study has in each state."""
    found: dict[str, dict[str, int]] = {study_id: {} for study_id in study_ids}
    going = StudyRun.ended_at.is_(None)
    state = case((going, func.coalesce(Job.status, StudyRun.status)), else_=StudyRun.status)
    query = select(StudyRun.study_id, state, func.count()).outerjoin(Job, Job.id == StudyRun.job_id)
    query = query.where(StudyRun.study_id.in_(list(found))).group_by(StudyRun.study_id, state)
    for study_id, status, count in session.execute(query):
        found[study_id][str(status)] = count
    return found


def change_study(session: Session, study: Study, changes: Mapping[str, Any]) -> Study:
    """Gives the study another name or question; its plan never changes."""
    session.refresh(study, with_for_update={"key_share": True})
    if any(getattr(study, name) != value for name, value in changes.items()):
        for name, value in changes.items():
            setattr(study, name, value)
        study.name_key, study.version = study.name.lower(), study.version + 1
    session.flush()
    return study


def cancel_study(session: Session, study: Study) -> Study:
    """Asks for the end of a study; whoever leads it on cancels its open jobs. A cancelled one stays as it is.

    Raises:
        Conflict: the study ended otherwise.
    """
    session.refresh(study, with_for_update={"key_share": True})
    if study.status in (StudyState.CANCELLED, StudyState.CANCELLING):
        return study
    if study.status in FINAL:
        raise Conflict("study_finished", f"Study {study.id} has {study.status} already; nothing is left to cancel.")
    move(session, study, StudyState.CANCELLING, "cancel_requested")
    study.next_at = now(session)
    session.flush()
    return study


def delete_study(session: Session, study: Study) -> None:
    """Forgets a study that has ended with its table. Its jobs stay, and belong to none.

    Raises:
        Conflict: the study has not ended.
    """
    session.refresh(study, with_for_update={"key_share": True})
    if study.status not in FINAL:
        raise Conflict("study_not_finished", f"Study {study.id} is {study.status}; cancel it before you delete it.")
    session.execute(delete(Study).where(Study.id == study.id))
    session.expunge(study)


def move(session: Session, study: Study, to: StudyState, reason: str | None) -> None:
    """Another state, with why, and what webhooks say of it; the caller holds the study."""
    before, study.status, study.reason, study.version = study.status, to, reason, study.version + 1
    study.waits_for = None
    if to in FINAL:
        study.finished_at, study.next_at = now(session), None
    if to != before:
        webhooks.announce_study(session, study, to, counts_of(session, [study.id])[study.id])


def due(session: Session) -> bool:
    """Whether a study waits to be looked at now."""
    return session.scalars(select(Study.id).where(Study.next_at <= clock(session)).limit(1)).one_or_none() is not None


def take(session: Session) -> Held | None:
    """A study to lead on, which nobody else does meanwhile."""
    at = now(session)
    query = select(Study).where(Study.next_at <= at).order_by(Study.next_at).limit(1)
    study = session.scalars(query.with_for_update(skip_locked=True, key_share=True)).one_or_none()
    if study is None:
        return None
    study.fence, study.next_at = study.fence + 1, at + timedelta(seconds=HOLD_SECONDS)
    session.flush()
    return Held(study.id, study.fence, study.next_at)


def hold(session: Session, held: Held) -> Study | None:
    """The study, locked, if it is still ours to lead on."""
    query = select(Study).where(Study.id == held.study_id, Study.fence == held.fence)
    query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def let_go(session: Session, held: Held, seconds: float = LOOK_SECONDS) -> None:
    """Has the study looked at again in a while; what woke it meanwhile counts more."""
    ours = Study.id == held.study_id, Study.fence == held.fence, Study.next_at == held.until
    later = now(session) + timedelta(seconds=seconds)
    session.execute(update(Study).where(*ours).values(next_at=later).execution_options(synchronize_session=False))


def add_run(session: Session, study: Study, arm: str, seed: int, job: Job) -> StudyRun:
    """Gives a new job its place in the study's table; the caller holds the study."""
    place = {"study_id": study.id, "study_arm": arm, "study_seed": seed}
    for name, value in place.items():
        setattr(job, name, value)
    run = StudyRun(study_id=study.id, arm=arm, seed=seed, job_id=job.id, status=job.status, created_at=now(session))
    session.add(run)
    session.flush()
    return run


def add_failure(session: Session, study: Study, arm: str, seed: int, error: Json) -> StudyRun:
    """A place whose job could not be made; the caller holds the study."""
    at = now(session)
    told = {"status": "failed", "error": error, "created_at": at, "ended_at": at}
    run = StudyRun(study_id=study.id, arm=arm, seed=seed, job_id=None, **told)
    session.add(run)
    session.flush()
    return run


def has_run(session: Session, study_id: str, arm: str, seed: int) -> bool:
    """Whether the place is taken, and not marked to be begun again."""
    run = session.get(StudyRun, (study_id, arm, seed))
    return run is not None and not studyruns.waits_again(run)


def retry_study(session: Session, study: Study, arms: Collection[str]) -> int:
    """Begins failed and cancelled places of these arms again, a shared teacher's too, and tells how many.

    Arms that were stopped because their teacher failed, or none of their jobs succeeded, go on. A study that has ended
    runs again.

    Raises:
        Conflict: it is being cancelled, or there is nothing to begin again.
    """
    session.refresh(study, with_for_update={"key_share": True})
    if study.status == StudyState.CANCELLING:
        raise Conflict("still_cancelling", f"Study {study.id} is being cancelled; retry it once that is done.")
    kept = {name: one for name, one in study.stopped.items() if one.get("code") not in WITHOUT_RUNS}
    found = studyruns.mark_again(session, study.id, set(arms) - set(kept))
    if not found:
        message = f"No job of study {study.id} has failed or was cancelled that could change anything; begin another."
        raise Conflict("nothing_to_retry", message)
    study.stopped = kept
    go_again(session, study)
    return len(found)


def go_again(session: Session, study: Study) -> None:
    """The study runs, whatever it was, and is looked at at once."""
    move(session, study, StudyState.RUNNING, None)
    study.finished_at, study.next_at = None, now(session)
    session.flush()


def open_jobs(session: Session, study_id: str) -> Sequence[str]:
    """Jobs of a study that have not ended."""
    query = select(StudyRun.job_id).where(StudyRun.study_id == study_id, StudyRun.ended_at.is_(None))
    return [job_id for job_id in session.scalars(query) if job_id is not None]
